//! Keys of TCP.

use super::Default::Is;
use super::{Allowed, Key, Section, count, key, millis, section};

pub const SECTIONS: &[Section] = &[section(
    "tcp",
    "TCP, per worker. All of it is reserved at start. Defaults follow Linux where it has one.",
    TCP,
)];

const TCP: &[Key] = &[
    key(
        "connections_max",
        count(16, 4_194_304, "connections"),
        Is("16384"),
        "Connections, without half-open ones and TIME-WAIT.",
    ),
    key(
        "requests_max",
        count(16, 4_194_304, "requests"),
        Is("4096"),
        "Half-open passive connections.",
    ),
    key(
        "time_wait_max",
        count(16, 4_194_304, "records"),
        Is("16384"),
        "TIME-WAIT records.",
    ),
    key(
        "listeners_max",
        count(1, 65_536, "listeners"),
        Is("256"),
        "Listeners.",
    ),
    key(
        "orphans_max",
        count(1, 4_194_304, "connections"),
        Is("8192"),
        "Connections that their user closed and that still live.",
    ),
    key(
        "memory",
        Allowed::Size(1 << 20, 1 << 40),
        Is("\"256MiB\""),
        "Memory for bytes received and to be sent, all connections.",
    ),
    key(
        "send_buffer",
        Allowed::Size(4 << 10, 1 << 30),
        Is("\"1MiB\""),
        "Bytes a connection may hold to be sent.",
    ),
    key(
        "receive_buffer",
        Allowed::Size(4 << 10, 1 << 30),
        Is("\"1MiB\""),
        "Bytes a connection may hold unread; the window follows.",
    ),
    key(
        "extensions_max",
        count(0, 4_194_304, "connections"),
        Is("4096"),
        "Connections of a worker that may use what only few need: urgent data, signatures, Fast Open, BBR.",
    ),
    key(
        "reassembly_ranges_max",
        count(1, 1_024, "ranges"),
        Is("32"),
        "Out-of-order ranges per connection.",
    ),
    key(
        "rto_min",
        millis(1, 60_000),
        Is("\"200ms\""),
        "Lower bound of the retransmission timer.",
    ),
    key(
        "rto_initial",
        millis(10, 60_000),
        Is("\"1s\""),
        "Retransmission timer before the first measurement.",
    ),
    key(
        "rto_max",
        millis(100, 600_000),
        Is("\"120s\""),
        "Upper bound of the retransmission timer.",
    ),
    key(
        "syn_retries",
        count(0, 127, "retransmissions"),
        Is("6"),
        "SYNs repeated before an active open times out.",
    ),
    key(
        "syn_ack_retries",
        count(0, 127, "retransmissions"),
        Is("5"),
        "SYN-ACKs repeated before a request is dropped.",
    ),
    key(
        "retries",
        count(1, 255, "retransmissions"),
        Is("15"),
        "Retransmissions before an established connection times out.",
    ),
    key(
        "orphan_retries",
        count(0, 255, "retransmissions"),
        Is("8"),
        "The same for an orphan.",
    ),
    key(
        "orphan_timeout",
        millis(100, 86_400_000),
        Is("\"600s\""),
        "How long an orphan may take to send what is queued, whatever its peer does.",
    ),
    key(
        "orphan_memory",
        Allowed::Size(0, 1 << 40),
        Is("\"64MiB\""),
        "Bytes that all orphans together may have queued; who closes beyond that is reset.",
    ),
    key(
        "delayed_ack",
        millis(0, 500),
        Is("\"200ms\""),
        "Longest delay of an acknowledgement (RFC 9293: below 500ms); it follows the data from 40ms up.",
    ),
    key(
        "fin_wait_2",
        millis(10, 3_600_000),
        Is("\"60s\""),
        "How long an orphan may stay in FIN-WAIT-2.",
    ),
    key(
        "time_wait",
        millis(10, 3_600_000),
        Is("\"60s\""),
        "How long TIME-WAIT lasts.",
    ),
    key(
        "keepalive_idle",
        millis(1_000, 86_400_000),
        Is("\"2h\""),
        "Idle time before keepalive probes, where asked for.",
    ),
    key(
        "keepalive_interval",
        millis(1_000, 86_400_000),
        Is("\"75s\""),
        "Time between keepalive probes.",
    ),
    key(
        "keepalive_count",
        count(1, 127, "probes"),
        Is("9"),
        "Unanswered keepalive probes before the connection fails.",
    ),
    key(
        "initial_window_segments",
        count(1, 64, "segments"),
        Is("10"),
        "Initial congestion window.",
    ),
    key(
        "window_scaling",
        Allowed::Flag,
        Is("true"),
        "Send and accept the window scale option.",
    ),
    key(
        "timestamps",
        Allowed::Flag,
        Is("true"),
        "Send and accept timestamps.",
    ),
    key(
        "sack",
        Allowed::Flag,
        Is("true"),
        "Offer selective acknowledgements.",
    ),
    key(
        "abort_on_overflow",
        Allowed::Flag,
        Is("false"),
        "Answer an overflowing accept queue with RST instead of silence.",
    ),
    key(
        "ephemeral_port_first",
        count(1_024, 65_535, "port number"),
        Is("32768"),
        "First ephemeral port.",
    ),
    key(
        "ephemeral_port_last",
        count(1_024, 65_535, "port number"),
        Is("60999"),
        "Last ephemeral port.",
    ),
    key(
        "challenge_acks_per_second",
        count(0, 1_000_000, "acknowledgements per second"),
        Is("1000"),
        "Challenge ACKs sent at most.",
    ),
    key(
        "path_mtus_max",
        count(4, 1_048_576, "destinations per worker"),
        Is("1024"),
        "Destinations whose path MTU is remembered.",
    ),
    key(
        "path_mtu_lifetime",
        millis(1_000, 86_400_000),
        Is("\"600s\""),
        "How long a path MTU below the port's is believed.",
    ),
    key(
        "path_mtu_least",
        count(68, 1_500, "bytes"),
        Is("552"),
        "Least path MTU that an ICMP error about IPv4 is believed.",
    ),
    key(
        "ttl",
        count(1, 255, "hops"),
        Is("64"),
        "Time to live of what we send.",
    ),
];
