//! Why a program could not attach.

use std::io;
use std::path::PathBuf;

use coremill_protocol::{ErrorBody, ErrorKind};
use coremill_ring::header::HeaderError;
use coremill_ring::memory::MemoryError;
use thiserror::Error;

/// Why a program could not attach. All later errors are [`io::Error`]s with Linux's numbers.
///
/// ```no_run
/// use coremill_client::{AttachError, Stack};
///
/// match Stack::attach("/run/coremill/control.sock") {
///     Err(AttachError::Connect { .. }) => println!("no daemon is there"),
///     Err(error) => println!("{error}"),
///     Ok(stack) => println!("{} workers", stack.workers()),
/// }
/// ```
#[derive(Debug, Error)]
pub enum AttachError {
    /// Nobody answers at the socket.
    #[error("cannot connect to {path}: {source}; is coremilld running, and may this user use it?")]
    Connect {
        /// The control socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("the conversation with coremilld broke off: {0}")]
    Conversation(#[from] io::Error),
    /// The daemon refused: not allowed, a quota, another version.
    #[error("coremilld refused: {} ({:?})", .0.message, .0.kind)]
    Refused(ErrorBody),
    /// What came is no answer that this version understands.
    #[error("coremilld's answer is not understood: {0}; use a daemon and a library of one release")]
    Answer(String),
    /// The shared memory cannot be mapped.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The shared memory is of another version or size.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl AttachError {
    /// The kind of the daemon's refusal, if it refused.
    ///
    /// ```no_run
    /// if let Err(error) = coremill_client::Stack::attach("/run/coremill/control.sock") {
    ///     println!("refused: {:?}", error.refusal());
    /// }
    /// ```
    pub fn refusal(&self) -> Option<ErrorKind> {
        match self {
            Self::Refused(body) => Some(body.kind),
            _ => None,
        }
    }
}
