//! What can go wrong on one connection, sorted into kinds that are counted.

use std::collections::BTreeMap;
use std::io;

/// Kind of failure; its word is used in the report and in `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The server answered SYN with RST.
    Refused,
    /// The connection was reset after it stood.
    Reset,
    /// No connection, or no progress, within `--timeout`.
    Timeout,
    /// The network or the host cannot be reached.
    Unreachable,
    /// The server ended the stream before all of it had come.
    ClosedEarly,
    /// Bytes came back that are not those expected.
    Mismatch,
    /// The server's own account of the stream differs from ours, or is not readable.
    BadAnswer,
    /// An HTTP response with a status that is not the one expected.
    Status,
    /// An HTTP response with a body that is not of the length expected.
    BodyLength,
    /// No local address or port for the connection.
    LocalAddress,
    /// The process may not open more descriptors, or sockets of Coremill.
    Descriptors,
    /// Anything else.
    Other,
}

impl Kind {
    /// The word used for it everywhere.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Refused => "refused",
            Kind::Reset => "reset",
            Kind::Timeout => "timeout",
            Kind::Unreachable => "unreachable",
            Kind::ClosedEarly => "closed_early",
            Kind::Mismatch => "mismatch",
            Kind::BadAnswer => "bad_answer",
            Kind::Status => "status",
            Kind::BodyLength => "body_length",
            Kind::LocalAddress => "local_address",
            Kind::Descriptors => "descriptors",
            Kind::Other => "other",
        }
    }
}

/// One failure of one connection.
#[derive(Debug, thiserror::Error)]
#[error("{}: {detail}", kind.word())]
pub struct Failure {
    /// What kind of failure.
    pub kind: Kind,
    /// What happened, for the first failure of each kind in the report.
    pub detail: String,
}

impl Failure {
    /// A failure found by us rather than by the stack.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::ConnectionRefused => Kind::Refused,
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => Kind::Reset,
            Io::TimedOut | Io::WouldBlock => Kind::Timeout,
            Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown => Kind::Unreachable,
            Io::AddrInUse | Io::AddrNotAvailable => Kind::LocalAddress,
            Io::UnexpectedEof => Kind::ClosedEarly,
            _ if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => Kind::Descriptors,
            _ => Kind::Other,
        };
        let detail = match kind {
            Kind::Descriptors => format!(
                "{error}; raise the limit with `ulimit -n`, or over Coremill applications.sockets in the daemon's configuration"
            ),
            Kind::Timeout => "no progress within --timeout".to_owned(),
            _ => error.to_string(),
        };
        Self { kind, detail }
    }
}

/// Failures counted by kind, with the first detail of each.
#[derive(Debug, Default)]
pub struct Failures(BTreeMap<Kind, (u64, String)>);

impl Failures {
    /// Counts one.
    pub fn count(&mut self, failure: Failure) {
        self.0.entry(failure.kind).or_insert((0, failure.detail)).0 += 1;
    }

    /// Number of failures of all kinds.
    pub fn total(&self) -> u64 {
        self.0.values().map(|(count, _)| count).sum()
    }

    /// Kind, count and first detail of each kind seen.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64, &str)> {
        self.0
            .iter()
            .map(|(kind, (count, detail))| (*kind, *count, detail.as_str()))
    }
}

// ENFILE and EMFILE have no `io::ErrorKind` of their own; the numbers are those of all Linux ports.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
