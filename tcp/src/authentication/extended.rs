//! Sequence numbers extended to 64 bits, so that no code is good twice in a long connection (RFC 5925, section 6.2).

use crate::sequence::SequenceNumber;

/// A number of which the upper half is known, in one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extended {
    high: u32,
    low: SequenceNumber,
}

impl Extended {
    /// A connection begins: with 0.
    pub(crate) const fn new(low: SequenceNumber) -> Self {
        Self { high: 0, low }
    }

    /// The extension of a number that is less than half the space away.
    pub(crate) fn extension_of(self, number: SequenceNumber) -> u32 {
        let (has_wrapped, had_not) = if number >= self.low {
            (number.raw() < self.low.raw(), false)
        } else {
            (false, number.raw() > self.low.raw())
        };
        self.high
            .wrapping_add(u32::from(has_wrapped))
            .wrapping_sub(u32::from(had_not))
    }

    /// A later number was used.
    pub(crate) fn advance(&mut self, number: SequenceNumber) {
        if number > self.low {
            self.high = self.extension_of(number);
            self.low = number;
        }
    }
}

#[cfg(test)]
mod tests;
