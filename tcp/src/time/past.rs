//! When something happened last, in four bytes, where some milliseconds more or less make no difference.

use std::time::Duration;

use super::Instant;

/// A moment of the past: units of 4.2 ms, about a tick of Linux's clock, modulo 2^32 (208 days). What lies further back
/// looks younger than it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past(u32);

impl Past {
    /// That moment, rounded down.
    #[inline]
    pub(crate) const fn at(moment: Instant) -> Self {
        Self((moment.as_nanos() >> UNIT_BITS) as u32)
    }

    /// The time from then to `now`: up to a unit more than it was.
    #[inline]
    pub(crate) const fn elapsed(self, now: Instant) -> Duration {
        let then = (self.0 as u64) << UNIT_BITS;
        Duration::from_nanos(now.as_nanos().wrapping_sub(then) & (u64::MAX >> (32 - UNIT_BITS)))
    }

    /// The last such moment before `now`.
    pub(crate) fn instant(self, now: Instant) -> Instant {
        let nanos = u64::try_from(self.elapsed(now).as_nanos()).unwrap_or(u64::MAX);
        Instant::from_nanos(now.as_nanos().saturating_sub(nanos))
    }
}

const UNIT_BITS: u32 = 22;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn elapsed_time_is_told_for_208_days(then in any::<u64>(), days in 0.0..208.0_f64) {
            let then = then >> 1;
            let elapsed = (days * 86_400e9) as u64;
            let now = Instant::from_nanos(then + elapsed);
            let past = Past::at(Instant::from_nanos(then));
            let told = past.elapsed(now).as_nanos() as u64;
            prop_assert!((elapsed..=elapsed + (1 << UNIT_BITS)).contains(&told), "{told} for {elapsed}");
            prop_assert_eq!(now.since(past.instant(now)).as_nanos() as u64, told);
        }
    }
}
