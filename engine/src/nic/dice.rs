//! Seeded randomness for the test ports: the same seed throws the same faults. Not for secrets.

/// A splitmix64 generator.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    /// The same seed gives the same throws.
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number of 64 random bits.
    pub(super) fn throw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is far below what a test could see.
        self.throw().checked_rem(bound).unwrap_or(0)
    }

    /// True `per_million` times out of a million.
    pub(super) fn happens(&mut self, per_million: u32) -> bool {
        per_million != 0 && self.below(1_000_000) < u64::from(per_million)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_throws_and_rates_hold() {
        let (mut one, mut other) = (Dice::new(9), Dice::new(9));
        assert!((0..100).all(|_| one.throw() == other.throw()));
        let hits = (0..100_000).filter(|_| one.happens(100_000)).count();
        assert!((9_500..10_500).contains(&hits), "{hits}");
        assert!((0..1_000).all(|_| !one.happens(0) && one.happens(1_000_000)));
        assert_eq!(one.below(0), 0);
    }
}
