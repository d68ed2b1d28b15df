//! Keys of TCP. Those of the path are in `tcp/path.rs`.

mod path;

use super::Default::Is;
use super::{Allowed, Key, Section, count, fast_open_key, joined, key, millis, section};

pub const SECTIONS: &[Section] = &[section(
    "tcp",
    "TCP, per worker. All of it is reserved at start. Defaults follow Linux where it has one.",
    &joined::<{ GENERAL.len() + path::PATH.len() }>(&[GENERAL, path::PATH]),
)];

const ALGORITHMS: &[&str] = &["cubic", "newreno", "bbr", "dctcp"];

const GENERAL: &[Key] = &[
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
        Is("\"6MiB\""),
        "Bytes a connection may hold unread; it begins with 64KiB, and grows with what is delivered; the window follows.",
    ),
    key(
        "extensions_max",
        count(0, 4_194_304, "connections"),
        Is("4096"),
        "Connections of a worker that may use what only few need: urgent data, signatures, Fast Open, BBR.",
    ),
    key(
        "keys_max",
        count(0, 4_194_304, "keys"),
        Is("4096"),
        "Keys of TCP-MD5 and TCP-AO that a worker has room for: each connection that signs takes one of its own or more.",
    ),
    key(
        "reassembly_ranges_max",
        count(1, 1_024, "ranges"),
        Is("32"),
        "Out-of-order ranges per connection.",
    ),
    key(
        "send_records_max",
        count(1_024, 67_108_864, "segments"),
        Is("262144"),
        "Segments sent and not acknowledged, of all connections; without one left nothing new is sent.",
    ),
    key(
        "loss_detection",
        Allowed::Word(&["rack", "rfc6675", "fack", "newreno"]),
        Is("\"rack\""),
        "How losses are found where the peer sends SACK.",
    ),
    key(
        "tail_loss_probe",
        Allowed::Flag,
        Is("true"),
        "Probe the tail of a flight before the retransmission timer runs out; with rack only.",
    ),
    key(
        "spurious_timeout_detection",
        Allowed::Flag,
        Is("true"),
        "Find out whether a retransmission timeout was needless (F-RTO).",
    ),
    key(
        "reordering",
        count(3, 300, "segments"),
        Is("3"),
        "Duplicate acknowledgements that mean a loss, before reordering was seen.",
    ),
    key(
        "reordering_max",
        count(3, 300, "segments"),
        Is("300"),
        "What reordering seen may raise that to.",
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
        "syn_linear_timeouts",
        count(0, 127, "timeouts"),
        Is("4"),
        "SYN timeouts before each doubles the next; as many retransmissions more.",
    ),
    key(
        "syn_cookies",
        Allowed::Word(&["off", "auto", "always"]),
        Is("\"auto\""),
        "Answer SYNs without a record of them: when requests overflow, or always.",
    ),
    key(
        "segment_min",
        count(28, 1_460, "bytes"),
        Is("48"),
        "Least segment that a peer's MSS makes us send, options included.",
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
        "time_wait_reuse",
        Allowed::Word(&["off", "loopback", "on"]),
        Is("\"loopback\""),
        "When connecting may take a flow in TIME-WAIT that had timestamps: never, to loopback addresses, always.",
    ),
    key(
        "time_wait_reuse_delay",
        millis(0, 60_000),
        Is("\"1s\""),
        "How long that flow must have been there.",
    ),
    key(
        "fast_open",
        count(0, 0x607, "bits"),
        Is("1"),
        "TCP Fast Open, as Linux's tcp_fastopen: 1 to connect, 2 to listen, 4 and 0x200 without cookies, 0x400 for all listeners.",
    ),
    key(
        "fast_open_keys",
        Allowed::List(&fast_open_key::ALLOWED),
        Is("[]"),
        "Key of new Fast Open cookies, and the one before it, as Linux's tcp_fastopen_key; by default one is drawn at start.",
    ),
    key(
        "fast_open_blackhole_timeout",
        millis(0, 86_400_000),
        Is("\"0s\""),
        "How long connecting does without after a network swallowed Fast Open; 0s: it does not mind.",
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
        "congestion",
        Allowed::Word(ALGORITHMS),
        Is("\"cubic\""),
        "Congestion control of connections that ask for none (TCP_CONGESTION).",
    ),
    key(
        "congestion_allowed",
        Allowed::List(&Allowed::Word(ALGORITHMS)),
        Is("[\"cubic\", \"newreno\", \"bbr\", \"dctcp\"]"),
        "What applications may ask for besides.",
    ),
    key(
        "congestion_blocks_max",
        count(0, 4_194_304, "connections"),
        Is("16384"),
        "Connections whose windows may move at a time; further ones grow by RFC 5681 alone.",
    ),
    key(
        "byte_counting",
        Allowed::Word(&["unlimited", "off", "one", "two"]),
        Is("\"unlimited\""),
        "How much one acknowledgement counts (RFC 3465: L of 0, 1, 2); Linux has no bound.",
    ),
    key(
        "hystart",
        Allowed::Word(&["linux", "plusplus", "off"]),
        Is("\"linux\""),
        "How slow start ends before a loss: CUBIC's HyStart, HyStart++ of RFC 9406 for all, or not.",
    ),
    key(
        "idle_restart",
        Allowed::Flag,
        Is("true"),
        "Windows come down while nothing is sent (Linux: tcp_slow_start_after_idle).",
    ),
    key(
        "window_validation",
        Allowed::Word(&["linux", "rfc7661"]),
        Is("\"linux\""),
        "What becomes of a congestion window that is not used.",
    ),
    key(
        "pacing",
        Allowed::Flag,
        Is("false"),
        "Segments of all connections leave evenly spaced; those of BBR do anyway.",
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
];
