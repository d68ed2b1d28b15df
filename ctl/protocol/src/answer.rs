//! An answer is a reply or an error.

use serde::{Deserialize, Serialize};

use crate::Reply;

/// One line from the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Something went wrong: `{"error": {"kind": ..., "message": ...}}`.
    Error {
        /// What.
        error: ErrorBody,
    },
    /// What was asked for.
    Reply(Reply),
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// For programs.
    pub kind: ErrorKind,
    /// For people: one line that names the thing and the remedy.
    pub message: String,
}

/// Kinds of errors. The set is stable: a new kind comes with a new version, or with a new request that alone answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Not JSON, not a known request, or a field that is unknown, missing or of the wrong type.
    Malformed,
    /// The request is longer than allowed; the session is closed.
    TooLong,
    /// The daemon does not speak that version; the session is closed.
    Version,
    /// No hello yet.
    NoHello,
    /// This user may not ask; the session is closed.
    Forbidden,
    /// A value that is well-formed names nothing or does not fit.
    Invalid,
    /// `attach`: as many attachments or as much memory as the configuration allows; free some or raise it.
    Quota,
    /// Too many sessions or too much to do; try again.
    Busy,
    /// A worker did not answer in time.
    Timeout,
    /// The daemon is stopping.
    Stopping,
    /// A bug in the daemon.
    Internal,
}

impl Answer {
    /// An error of `kind`.
    pub fn error(kind: ErrorKind, message: impl Into<String>) -> Self {
        ErrorBody::new(kind, message).into()
    }
}

impl ErrorBody {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl From<ErrorBody> for Answer {
    fn from(error: ErrorBody) -> Self {
        Answer::Error { error }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Answer::Reply(reply)
    }
}
