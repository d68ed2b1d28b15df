//! Numbers that a seed repeats (splitmix64), among them those that arithmetic stumbles over.

use coremill_ring::handle::Handle;

/// A generator.
pub struct Random(u64);

impl Random {
    /// One that always gives the same.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit.max(1))).unwrap_or(0)
    }

    /// A word that is chosen to be trouble.
    pub fn word(&mut self) -> u64 {
        let chosen = self.next();
        match chosen % 8 {
            0 => 0,
            1 => u64::MAX,
            2 => chosen >> 56,
            3 => chosen >> 32,
            4 => 1 << (chosen >> 58),
            5 => u64::MAX - (chosen >> 60),
            6 => self.handle().to_word(),
            _ => chosen,
        }
    }

    /// A name that perhaps names something.
    pub fn handle(&mut self) -> Handle {
        let memory = if self.below(8) == 0 { 1 } else { 0 };
        Handle {
            memory,
            slot: self.below(64),
            generation: 1 + self.below(4),
        }
    }
}
