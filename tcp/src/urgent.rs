//! Urgent data (RFC 9293, section 3.8.5; RFC 6093): what a connection keeps of it, in its extension, and what its user
//! is told.
//!
//! As in Linux there is one mark at a time in each direction: a newer pointer takes the place of an older one.

use thiserror::Error;

use crate::sequence::SequenceNumber;

/// Where urgent data stands, both ways.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Urgent {
    /// SND.UP: behind the last byte sent as urgent, until that is acknowledged.
    pub(crate) send: Option<SequenceNumber>,
    /// The closed window was probed with the urgent pointer; next comes the probe that provokes an answer.
    pub(crate) is_probed: bool,
    /// Where the peer's mark is, until the user has read past it.
    pub(crate) receive: Option<Mark>,
}

/// The mark in received data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// The last urgent byte (RCV.UP).
    pub(crate) at: SequenceNumber,
    pub(crate) byte: MarkedByte,
}

/// The byte at the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkedByte {
    /// It was announced, and has not come.
    Awaited,
    /// It has come, in order or not.
    Here(u8),
    /// The user took it out of line.
    Taken,
}

/// What a user is told of the mark in what it has to read.
/// RFC 9293, MUST-33.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrgentMark {
    /// Bytes to read before it: zero when the user stands at it (SIOCATMARK).
    pub bytes_before: usize,
    /// The byte at the mark has come and was not taken (what EPOLLPRI tells).
    pub is_here: bool,
    /// There is more to read behind the mark, or the stream ends there.
    pub has_more: bool,
}

/// Why no urgent byte was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UrgentError {
    /// There is none to be asked for: none was announced, it was taken, or it stays in the stream (EINVAL).
    #[error("no urgent data to be asked for")]
    Nothing,
    /// It was announced, and has not come (EAGAIN).
    #[error("the urgent byte has not come yet")]
    NotYet,
    /// It was announced, and will not come: a read of no bytes.
    #[error("end of stream before the urgent byte")]
    EndOfStream,
    /// The handle names no connection of a user, or one that failed (ENOTCONN).
    #[error("no such connection")]
    NoConnection,
}
