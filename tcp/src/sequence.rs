//! Sequence numbers: 32 bits that wrap (RFC 9293, section 3.4).

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Sub};

/// A point in sequence space.
///
/// `<` and its relatives compare modulo 2^32, as the RFCs write them: `a < b` when `b` is at most
/// 2^31 - 1 ahead of `a`. That is an order only among numbers less than 2^31 apart, so there is no
/// `Ord` and these numbers must not be sorted or used as keys of an ordered map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceNumber(u32);

impl SequenceNumber {
    /// The number as it stands in a header.
    pub const fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// The number as its bytes stand in a header.
    #[inline]
    pub(crate) const fn of_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    /// The number to put into a header.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// How far `self` is ahead of `earlier`, modulo 2^32.
    #[inline]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// True when `self` is one of the `length` numbers that start at `start`.
    #[inline]
    pub const fn is_within(self, start: Self, length: u32) -> bool {
        self.since(start) < length
    }

    /// The later of the two.
    #[inline]
    pub fn later(self, other: Self) -> Self {
        if self < other { other } else { self }
    }

    /// The earlier of the two.
    #[inline]
    pub fn earlier(self, other: Self) -> Self {
        if other < self { other } else { self }
    }
}

impl PartialOrd for SequenceNumber {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(other.0.wrapping_sub(self.0).cast_signed().cmp(&0).reverse())
    }

    #[inline]
    fn lt(&self, other: &Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() < 0
    }

    #[inline]
    fn le(&self, other: &Self) -> bool {
        other.0.wrapping_sub(self.0).cast_signed() >= 0
    }

    #[inline]
    fn gt(&self, other: &Self) -> bool {
        other.lt(self)
    }

    #[inline]
    fn ge(&self, other: &Self) -> bool {
        other.le(self)
    }
}

impl Add<u32> for SequenceNumber {
    type Output = Self;

    #[inline]
    fn add(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }
}

impl AddAssign<u32> for SequenceNumber {
    #[inline]
    fn add_assign(&mut self, count: u32) {
        *self = *self + count;
    }
}

impl Sub<u32> for SequenceNumber {
    type Output = Self;

    #[inline]
    fn sub(self, count: u32) -> Self {
        Self(self.0.wrapping_sub(count))
    }
}

#[cfg(test)]
mod tests;
