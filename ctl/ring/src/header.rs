//! The first page of the daemon's memory: what it is, its version, and the shape of both memories.
//!
//! Written once, before the descriptor leaves the daemon; read by the application when it attaches.

use thiserror::Error;

use crate::layout::{Layout, VERSION};
use crate::shape::{Shape, ShapeError};
use crate::words::{SharedRead, SharedWrite, WORD_BYTES};

/// Why a memory cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It does not begin as it should.
    #[error("the memory does not begin with Coremill's mark: it is not memory of coremilld")]
    NotCoremill,
    /// It is of another version.
    #[error(
        "coremilld lays out shared memory as version {0}, this library as {VERSION}: use those of one release"
    )]
    OtherVersion(u64),
    /// Its shape is impossible.
    #[error("the memory's shape is impossible: {0}")]
    BadShape(#[from] ShapeError),
    /// Its shape does not fit its size.
    #[error("the memory's header speaks of {expected} bytes, but it has {found}")]
    OtherSize {
        /// By the shape.
        expected: usize,
        /// In fact.
        found: usize,
    },
}

/// Writes the header of a memory laid out as `layout`.
pub fn write_header(memory: &SharedWrite, layout: &Layout) {
    for (at, number) in layout.shape().to_numbers().into_iter().enumerate() {
        memory.store(SHAPE + at, u64::from(number));
    }
    memory.store(WORD_VERSION, u64::from(VERSION));
    memory.store_release(WORD_MARK, MARK);
}

/// Reads the header of the daemon's memory and computes the layout.
///
/// # Errors
/// When the memory is not Coremill's, of another version, or not as large as its shape says.
pub fn read_header(memory: &SharedRead) -> Result<Layout, HeaderError> {
    if memory.words() <= SHAPE + Shape::WORDS || memory.load_acquire(WORD_MARK) != MARK {
        return Err(HeaderError::NotCoremill);
    }
    let version = memory.load(WORD_VERSION);
    if version != u64::from(VERSION) {
        return Err(HeaderError::OtherVersion(version));
    }
    // What does not fit is out of every range.
    let number = |at| u32::try_from(memory.load(SHAPE + at)).unwrap_or(u32::MAX);
    let layout = Layout::new(&Shape::from_numbers(std::array::from_fn(number)))?;
    let (expected, found) = (layout.daemon_bytes(), memory.words() * WORD_BYTES);
    if expected != found {
        return Err(HeaderError::OtherSize { expected, found });
    }
    Ok(layout)
}

const WORD_MARK: usize = 0;
const WORD_VERSION: usize = 1;
const SHAPE: usize = 8;
/// "coremill" in the byte order of the machine: another order is not Coremill's either.
const MARK: u64 = u64::from_ne_bytes(*b"coremill");

#[cfg(all(test, not(loom)))]
mod tests;
