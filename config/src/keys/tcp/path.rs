//! Keys of TCP that concern the path: what it carries, how it tells of congestion, what packets say on it.

use super::super::Default::Is;
use super::super::{Allowed, Key, count, key, millis};

pub(super) const PATH: &[Key] = &[
    key(
        "destinations_max",
        count(4, 1_048_576, "destinations per worker"),
        Is("1024"),
        "Destinations that are remembered: round trip, path MTU, Fast Open cookie.",
    ),
    key(
        "save_metrics",
        Allowed::Flag,
        Is("true"),
        "Connections that end tell of their path, for those to come (Linux: tcp_no_metrics_save is 0).",
    ),
    key(
        "save_threshold",
        Allowed::Flag,
        Is("false"),
        "Of their slow-start threshold too (Linux: tcp_no_ssthresh_metrics_save is 0).",
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
        "ecn",
        Allowed::Word(&[
            "off",
            "ask",
            "answer",
            "ask-accurate",
            "answer-accurate-ask",
            "answer-accurate",
        ]),
        Is("\"answer\""),
        "Explicit congestion notification, as Linux's tcp_ecn from 0 to 5: never; asked for by our SYNs too; for peers that ask; AccECN (RFC 9768) asked for by our SYNs too; AccECN for peers that ask, our SYNs ask for the classic kind; for them, our SYNs do not ask. Each connection with AccECN counts as one of `extensions_max`.",
    ),
    key(
        "ecn_fallback",
        Allowed::Flag,
        Is("true"),
        "A SYN that is sent again does not ask for it (for AccECN: the second such).",
    ),
    key(
        "ecn_option",
        Allowed::Word(&["never", "sparing", "always", "persistent"]),
        Is("\"always\""),
        "When segments of connections with AccECN count bytes in an option too: never; when there is news; always, where it fits, until the path seems to swallow them; always (Linux: tcp_ecn_option from 0 to 3).",
    ),
    key(
        "ecn_option_beacon",
        count(0, 255, "segments in a round trip"),
        Is("3"),
        "How many have it at least where it is sent sparingly (Linux: tcp_ecn_option_beacon).",
    ),
    key(
        "mtu_probing",
        Allowed::Word(&["off", "blackhole", "always"]),
        Is("\"off\""),
        "Find out what paths carry by larger segments: never, after timeouts in a row, or always (Linux: tcp_mtu_probing).",
    ),
    key(
        "base_mss",
        count(28, 65_495, "bytes"),
        Is("1024"),
        "Payload of segments that such a search begins with (Linux: tcp_base_mss).",
    ),
    key(
        "mtu_probe_floor",
        count(28, 65_495, "bytes"),
        Is("48"),
        "Least payload that more timeouts halve it to (Linux: tcp_mtu_probe_floor).",
    ),
    key(
        "probe_threshold",
        count(1, 65_535, "bytes"),
        Is("8"),
        "The search ends when it is known up to so many bytes what the path carries (Linux: tcp_probe_threshold).",
    ),
    key(
        "probe_interval",
        millis(1_000, 86_400_000),
        Is("\"600s\""),
        "When a search that has ended begins again (Linux: tcp_probe_interval).",
    ),
    key(
        "standard_urgent_pointer",
        Allowed::Flag,
        Is("false"),
        "Received urgent pointers name the last urgent byte, not the one behind (Linux: tcp_stdurg).",
    ),
    key(
        "ttl",
        count(1, 255, "hops"),
        Is("64"),
        "Time to live of what we send.",
    ),
];
