//! Keys of the control thread: socket, metrics, log, shutdown.

use super::Default::{Absent, Is};
use super::{ABSOLUTE_PATH, Allowed, Key, SOCKET_ADDRESS, Section};
use super::{count, key, millis, section};

pub const SECTIONS: &[Section] = &[
    section("control", "The operator's socket.", CONTROL),
    section(
        "metrics",
        "Metrics for Prometheus, over HTTP. There is no authentication.",
        METRICS,
    ),
    section("log", "The daemon's log, on standard error.", LOG),
    section(
        "shutdown",
        "What happens on SIGTERM, SIGINT and `coremill shutdown`.",
        SHUTDOWN,
    ),
];

const CONTROL: &[Key] = &[
    key(
        "socket",
        ABSOLUTE_PATH,
        Is("\"/run/coremill/control.sock\""),
        "Path of the Unix socket; its directory is made when missing.",
    ),
    key(
        "mode",
        Allowed::Text("permission bits in octal, such as \"0660\"", mode),
        Is("\"0660\""),
        "Permissions of the socket.",
    ),
    key(
        "group",
        Allowed::Text("name or number of a group", |text| !text.is_empty()),
        Absent("the daemon's", "\"adm\""),
        "Owning group of the socket.",
    ),
    key(
        "allowed_uids",
        Allowed::List(&count(0, 4_294_967_294, "user id")),
        Is("[]"),
        "Users who may ask, besides root and the daemon's own; empty: all whom mode and group let in.",
    ),
    key(
        "sessions_max",
        count(1, 1_024, "sessions"),
        Is("16"),
        "Sessions at once.",
    ),
    key(
        "idle_timeout",
        millis(100, 86_400_000),
        Is("\"300s\""),
        "A session that asks for nothing for so long is closed, except an attached application's.",
    ),
    key(
        "answer_timeout",
        millis(50, 60_000),
        Is("\"2s\""),
        "How long a request waits for workers.",
    ),
];

const METRICS: &[Key] = &[
    key(
        "enabled",
        Allowed::Flag,
        Is("true"),
        "Whether there is a metrics endpoint.",
    ),
    key(
        "address",
        SOCKET_ADDRESS,
        Is("\"127.0.0.1:9178\""),
        "Where it listens, on a kernel socket.",
    ),
    key(
        "connections_max",
        count(1, 1_024, "connections"),
        Is("16"),
        "Connections at once.",
    ),
    key(
        "refresh",
        millis(100, 60_000),
        Is("\"1s\""),
        "How often rows of listeners and services are asked for.",
    ),
];

const LOG: &[Key] = &[
    key(
        "level",
        Allowed::Word(&["error", "warn", "info", "debug", "trace"]),
        Is("\"info\""),
        "Least severe level that is written.",
    ),
    key(
        "format",
        Allowed::Word(&["text"]),
        Is("\"text\""),
        "Format of a line.",
    ),
];

const SHUTDOWN: &[Key] = &[key(
    "drain_timeout",
    millis(0, 3_600_000),
    Is("\"30s\""),
    "How long open connections may take to end after listeners were closed.",
)];

fn mode(text: &str) -> bool {
    (3..=4).contains(&text.len()) && u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o777)
}
