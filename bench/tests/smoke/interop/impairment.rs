//! What a path does to packets, by chance with a seed.

use std::time::Duration;

/// Shares are parts of a million packets, each direction for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairment {
    /// Lost.
    pub lost: u32,
    /// Held back behind up to [`BEHIND_MAX`] later ones, or for [`HELD_MAX`].
    pub reordered: u32,
    /// Delivered twice.
    pub doubled: u32,
    /// Marked CE, of those that may be (RFC 3168).
    pub marked: u32,
}

/// What becomes of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Passes,
    /// It vanishes.
    Lost,
    /// It waits until so many others have passed.
    Behind(u32),
    /// It arrives twice.
    Doubled,
}

impl Impairment {
    /// Nothing happens to packets.
    pub const NONE: Self = Self {
        lost: 0,
        reordered: 0,
        doubled: 0,
        marked: 0,
    };

    /// Throws the dice for a packet.
    pub fn fate(&self, random: &mut Random) -> Fate {
        let thrown = random.below(MILLION);
        if thrown < self.lost {
            Fate::Lost
        } else if thrown < self.lost + self.reordered {
            Fate::Behind(1 + random.below(BEHIND_MAX))
        } else if thrown < self.lost + self.reordered + self.doubled {
            Fate::Doubled
        } else {
            Fate::Passes
        }
    }
}

/// Numbers by chance, the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One below `bound`, which is above 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        // The upper half is below 2^32, and so is the remainder.
        ((self.next() >> 32) % u64::from(bound)) as u32
    }
}

/// The whole of which shares are parts.
pub const MILLION: u32 = 1_000_000;
/// A hundredth.
pub const PERCENT: u32 = MILLION / 100;
/// How many may overtake one.
pub const BEHIND_MAX: u32 = 8;
/// How long one is held back when nothing overtakes it.
pub const HELD_MAX: Duration = Duration::from_millis(2);
