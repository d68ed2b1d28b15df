//! Random numbers from a seed (splitmix64): the same for ever, whatever a crate changes.

use std::time::Duration;

/// A generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(mixed(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mixed(self.0)
    }

    /// A number of `from` up to and with `to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// As `between`, but each order of magnitude is as likely as another.
    pub fn of_magnitude(&mut self, from: u64, to: u64) -> u64 {
        let bits = self.between(u64::from(from.max(1).ilog2()), u64::from(to.max(1).ilog2()));
        self.between(1 << bits, (2 << bits) - 1).clamp(from, to)
    }

    /// A duration, each order of magnitude as likely as another.
    pub fn micros(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(self.of_magnitude(from, to))
    }

    /// True in `count` of a million cases; costs nothing where it is never.
    pub fn per_million(&mut self, count: u64) -> bool {
        count > 0 && self.chance(count, 1_000_000)
    }

    /// True in `count` of `of` cases.
    pub fn chance(&mut self, count: u64, of: u64) -> bool {
        self.next() % of < count
    }
}

/// Byte `offset` of the stream that `key` names.
pub fn pattern(key: u64, offset: usize) -> u8 {
    (mixed(key.wrapping_add(offset as u64 / 8)) >> (offset % 8 * 8)) as u8
}

fn mixed(seed: u64) -> u64 {
    let seed = seed.wrapping_add(GAMMA);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
