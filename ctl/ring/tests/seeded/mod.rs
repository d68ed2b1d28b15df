//! Random numbers that a seed repeats, and how many seeds to try.
#![allow(dead_code, reason = "not every test needs all of it")]

/// A generator (splitmix64).
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
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Runs a test for each seed; `COREMILL_SEEDS` says for how many. The seed of a failure is printed.
pub fn for_each_seed(test: impl Fn(u64)) {
    let seeds = std::env::var("COREMILL_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(200) {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(seed)));
        if let Err(panic) = caught {
            eprintln!("seed {seed} fails");
            std::panic::resume_unwind(panic);
        }
    }
}
