//! What the other side may claim, and what it is told when the claim cannot be true.
//!
//! Everything that is read from memory which another process writes is a claim. Counts only grow and never pass
//! what was handed out; messages have a known kind and a length that fits. A violation says that the other side lies
//! or is broken beyond use: the daemon detaches it and counts the reason under the violation's name.

use thiserror::Error;

/// Why a claim is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Violation {
    /// A cumulative count is smaller than it was.
    #[error("a cumulative count went backwards")]
    CountBackwards,
    /// A cumulative count is larger than what was ever handed out.
    #[error("a cumulative count is beyond what was handed out")]
    CountBeyond,
    /// A message's kind is not one of this version's.
    #[error("a message is of no known kind")]
    UnknownKind,
    /// A message's length is not one that its kind can have.
    #[error("a message has a length that its kind cannot have")]
    BadLength,
    /// A message's later slots are not marked as such.
    #[error("a message is not continued where it says")]
    BadContinuation,
    /// A field's value is not one that it can have.
    #[error("a field has a value that it cannot have")]
    BadField,
}

impl Violation {
    /// All of them, for tables of counters.
    pub const ALL: [Self; 6] = [
        Self::CountBackwards,
        Self::CountBeyond,
        Self::UnknownKind,
        Self::BadLength,
        Self::BadContinuation,
        Self::BadField,
    ];

    /// The name of its counter.
    pub fn name(self) -> &'static str {
        match self {
            Self::CountBackwards => "count_backwards",
            Self::CountBeyond => "count_beyond",
            Self::UnknownKind => "unknown_kind",
            Self::BadLength => "bad_length",
            Self::BadContinuation => "bad_continuation",
            Self::BadField => "bad_field",
        }
    }
}

/// A count that the other side keeps and only ever raises: our copy of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cumulative(u64);

impl Cumulative {
    /// As if `value` had been claimed and accepted.
    pub fn at(value: u64) -> Self {
        Self(value)
    }

    /// The last value that was accepted.
    #[inline]
    pub fn value(self) -> u64 {
        self.0
    }

    /// Takes over what the other side claims, which may be at most `limit`; gives by how much it grew.
    ///
    /// # Errors
    /// When the claim is below the last one or beyond the limit; the count then stays as it was.
    #[inline]
    pub fn advance(&mut self, claimed: u64, limit: u64) -> Result<u64, Violation> {
        let grown = claimed
            .checked_sub(self.0)
            .ok_or(Violation::CountBackwards)?;
        if claimed > limit {
            return Err(Violation::CountBeyond);
        }
        self.0 = claimed;
        Ok(grown)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
