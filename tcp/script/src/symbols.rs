//! Names in system calls and Linux's numbers for them: socket options, flags of messages, events.

use crate::language::Value;

/// What an option's value is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An `int`.
    Number,
    /// `struct linger`.
    Linger,
    /// Text.
    Text,
    /// `struct tcp_info`.
    Info,
}

/// Level, number and shape of a socket option.
pub fn option(name: &str) -> Option<(i32, i32, Shape)> {
    let shape = match name {
        "SO_LINGER" => Shape::Linger,
        "TCP_CONGESTION" | "TCP_ULP" => Shape::Text,
        "TCP_INFO" => Shape::Info,
        _ => Shape::Number,
    };
    OPTIONS.iter().find_map(|(level, options)| {
        let (_, number) = options.iter().find(|(known, _)| *known == name)?;
        Some((*level, *number, shape))
    })
}

/// Text, also alone in brackets.
pub fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::List(values) => match values.as_slice() {
            [Value::Text(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// An option's value, also by the name of the choice.
pub fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Words(words) => {
            let named = CHOICES
                .iter()
                .find(|(name, _)| words.first().is_some_and(|w| w == name));
            named.map(|(_, number)| *number)
        }
        _ => None,
    }
}

/// The bits of flags joined by `|`; the first name that is not known.
pub fn flags(words: &[String]) -> Result<u32, String> {
    let bit = |word: &String| {
        let named = FLAGS.iter().find(|(known, _)| known == word);
        named.map(|(_, bit)| *bit).ok_or_else(|| word.clone())
    };
    words.iter().try_fold(0, |all, word| Ok(all | bit(word)?))
}

/// Names of the bits in `events`, written for poll (`POLL`) or epoll (`EPOLL`).
pub fn events(bits: u32) -> Vec<&'static str> {
    let set = EVENTS.iter().filter(|(_, bit)| bits & bit != 0);
    set.map(|(name, _)| *name).collect()
}

/// The bit of an event, whether written for poll or for epoll.
pub fn event(word: &str) -> Option<u32> {
    let name = word.strip_prefix('E').unwrap_or(word);
    let named = EVENTS.iter().find(|(known, _)| *known == name);
    named.map(|(_, bit)| *bit)
}

const OPTIONS: [(i32, &[(&str, i32)]); 3] = [
    (
        1,
        &[
            ("SO_REUSEADDR", 2),
            ("SO_TYPE", 3),
            ("SO_ERROR", 4),
            ("SO_DONTROUTE", 5),
            ("SO_SNDBUF", 7),
            ("SO_RCVBUF", 8),
            ("SO_KEEPALIVE", 9),
            ("SO_OOBINLINE", 10),
            ("SO_PRIORITY", 12),
            ("SO_LINGER", 13),
            ("SO_REUSEPORT", 15),
            ("SO_RCVLOWAT", 18),
            ("SO_SNDLOWAT", 19),
            ("SO_ACCEPTCONN", 30),
            ("SO_SNDBUFFORCE", 32),
            ("SO_RCVBUFFORCE", 33),
            ("SO_MARK", 36),
            ("SO_MAX_PACING_RATE", 47),
            ("SO_INCOMING_CPU", 49),
            ("SO_ZEROCOPY", 60),
        ],
    ),
    (
        6,
        &[
            ("TCP_NODELAY", 1),
            ("TCP_MAXSEG", 2),
            ("TCP_CORK", 3),
            ("TCP_KEEPIDLE", 4),
            ("TCP_KEEPINTVL", 5),
            ("TCP_KEEPCNT", 6),
            ("TCP_SYNCNT", 7),
            ("TCP_LINGER2", 8),
            ("TCP_DEFER_ACCEPT", 9),
            ("TCP_WINDOW_CLAMP", 10),
            ("TCP_INFO", 11),
            ("TCP_QUICKACK", 12),
            ("TCP_CONGESTION", 13),
            ("TCP_THIN_LINEAR_TIMEOUTS", 16),
            ("TCP_THIN_DUPACK", 17),
            ("TCP_USER_TIMEOUT", 18),
            ("TCP_FASTOPEN", 23),
            ("TCP_TIMESTAMP", 24),
            ("TCP_NOTSENT_LOWAT", 25),
            ("TCP_SAVE_SYN", 27),
            ("TCP_FASTOPEN_CONNECT", 30),
            ("TCP_ULP", 31),
            ("TCP_FASTOPEN_NO_COOKIE", 34),
            ("TCP_INQ", 36),
            ("TCP_TX_DELAY", 37),
            ("TCP_RTO_MAX_MS", 44),
            ("TCP_RTO_MIN_US", 45),
            ("TCP_DELACK_MAX_US", 46),
        ],
    ),
    (
        0,
        &[
            ("IP_TOS", 1),
            ("IP_TTL", 2),
            ("IP_MTU_DISCOVER", 10),
            ("IP_RECVERR", 11),
            ("IP_MTU", 14),
            ("IP_MINTTL", 21),
            ("IP_BIND_ADDRESS_NO_PORT", 24),
        ],
    ),
];

const CHOICES: [(&str, i64); 4] = [
    ("IP_PMTUDISC_DONT", 0),
    ("IP_PMTUDISC_WANT", 1),
    ("IP_PMTUDISC_DO", 2),
    ("IP_PMTUDISC_PROBE", 3),
];

const FLAGS: [(&str, u32); 13] = [
    ("MSG_OOB", 0x1),
    ("MSG_PEEK", 0x2),
    ("MSG_DONTROUTE", 0x4),
    ("MSG_TRUNC", 0x20),
    ("MSG_DONTWAIT", 0x40),
    ("MSG_EOR", 0x80),
    ("MSG_WAITALL", 0x100),
    ("MSG_ERRQUEUE", 0x2000),
    ("MSG_NOSIGNAL", 0x4000),
    ("MSG_MORE", 0x8000),
    ("MSG_ZEROCOPY", 0x0400_0000),
    ("MSG_FASTOPEN", 0x2000_0000),
    ("MSG_CMSG_CLOEXEC", 0x4000_0000),
];

const EVENTS: [(&str, u32); 12] = [
    ("POLLIN", 0x1),
    ("POLLPRI", 0x2),
    ("POLLOUT", 0x4),
    ("POLLERR", 0x8),
    ("POLLHUP", 0x10),
    ("POLLNVAL", 0x20),
    ("POLLRDNORM", 0x40),
    ("POLLRDBAND", 0x80),
    ("POLLWRNORM", 0x100),
    ("POLLRDHUP", 0x2000),
    ("POLLONESHOT", 0x4000_0000),
    ("POLLET", 0x8000_0000),
];
