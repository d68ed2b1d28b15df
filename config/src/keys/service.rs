//! Keys of the services inside workers, per kind.

use super::Default::{Is, Required};
use super::{Allowed, Key, NAME, SOCKET_ADDRESS, Section, count, key};

pub const SECTIONS: &[Section] = &[
    of_kind(
        "echo",
        "Sends back what it receives.",
        &[NAME_KEY, KIND, LISTEN, BACKLOG, CONNECTIONS_MAX],
    ),
    of_kind(
        "discard",
        "Checks what it receives against the pattern of a seed; answers bytes, mismatches, SHA-256.",
        &[NAME_KEY, KIND, LISTEN, BACKLOG, CONNECTIONS_MAX, SEED],
    ),
    of_kind(
        "chargen",
        "Sends the pattern of a seed until the peer closes.",
        &[
            NAME_KEY,
            KIND,
            LISTEN,
            BACKLOG,
            CONNECTIONS_MAX,
            SEED,
            key(
                "bytes",
                Allowed::Size(0, 1 << 50),
                Is("\"0B\""),
                "Bytes after which it closes; 0B: never.",
            ),
        ],
    ),
    of_kind(
        "http",
        "Answers HTTP/1.1 GET and HEAD with a body of fixed size; reserves 4 KiB per connection.",
        &[
            NAME_KEY,
            KIND,
            LISTEN,
            BACKLOG,
            CONNECTIONS_MAX,
            key(
                "body",
                Allowed::Size(0, 1 << 30),
                Is("\"1KiB\""),
                "Size of the body.",
            ),
        ],
    ),
    of_kind(
        "rpc",
        "A client that opens connections to an echo service and plays requests.",
        &[
            NAME_KEY,
            KIND,
            key(
                "target",
                SOCKET_ADDRESS,
                Required("\"192.0.2.1:7\""),
                "The server.",
            ),
            key(
                "connections",
                count(1, 1_000_000, "connections per worker"),
                Is("1"),
                "Connections opened.",
            ),
            key(
                "request",
                Allowed::Size(1, 1 << 30),
                Is("\"64B\""),
                "Size of a request and of its answer.",
            ),
            key(
                "requests",
                count(0, i64::MAX, "requests"),
                Is("0"),
                "Requests before a connection is opened anew; 0: never.",
            ),
        ],
    ),
];

const NAME_KEY: Key = key(
    "name",
    NAME,
    Required("\"example\""),
    "Name in messages, metrics and commands.",
);

const KIND: Key = key(
    "kind",
    Allowed::Word(&["echo", "discard", "chargen", "http", "rpc"]),
    Required("\"\""),
    "What it does; the further keys depend on it.",
);

const LISTEN: Key = key(
    "listen",
    SOCKET_ADDRESS,
    Required("\"0.0.0.0:7\""),
    "Where it listens: an own address, or an unspecified one for all of them.",
);

const BACKLOG: Key = key(
    "backlog",
    count(1, 65_536, "connections"),
    Is("1024"),
    "Connections that may wait to be accepted, over all workers; one more may, as in Linux.",
);

const CONNECTIONS_MAX: Key = key(
    "connections_max",
    count(0, 4_194_304, "connections per worker"),
    Is("0"),
    "Connections served at once, further ones wait; 0: no bound.",
);

const SEED: Key = key(
    "seed",
    count(0, i64::MAX, "seed"),
    Is("1"),
    "Seed of the pattern.",
);

const fn of_kind(kind: &'static str, help: &'static str, keys: &'static [Key]) -> Section {
    Section {
        name: "services",
        kind: Some(kind),
        repeated: true,
        help,
        keys,
    }
}
