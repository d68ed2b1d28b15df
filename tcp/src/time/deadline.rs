//! A deadline in four bytes: each connection has several of them.

use std::time::Duration;

use super::Instant;
use crate::timer_wheel::TICK_NANOS;

/// A moment within half a day of now, rounded up to a tick of the timer wheel, modulo 2^32 ticks (39 hours); or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline(u32);

impl Deadline {
    /// No deadline.
    pub(crate) const NEVER: Self = Self(0);

    /// At `moment`, which is no further away than [`FARTHEST`].
    #[inline]
    pub(crate) fn at(moment: Instant) -> Self {
        let ticks = moment.as_nanos().saturating_add(TICK_NANOS - 1) / TICK_NANOS;
        Self((ticks as u32).max(1))
    }

    /// After `delay` nanoseconds, which are no more than [`FARTHEST`].
    #[inline]
    pub(crate) fn after_nanos(now: Instant, delay: u64) -> Self {
        // Each segment pays for this. The sum wraps after 584 years, the deadline after 39 hours.
        let nanos = now.as_nanos().wrapping_add(delay + (TICK_NANOS - 1));
        Self(((nanos / TICK_NANOS) as u32).max(1))
    }

    /// After `delay`, or after [`FARTHEST`], where that is less.
    pub(crate) fn within(now: Instant, delay: Duration) -> Self {
        Self::at(now + delay.min(FARTHEST))
    }

    /// False for [`Self::NEVER`].
    #[inline]
    pub(crate) fn is_set(self) -> bool {
        self != Self::NEVER
    }

    /// It has come.
    #[inline]
    pub(crate) fn is_due(self, now: Instant) -> bool {
        let now = (now.as_nanos() / TICK_NANOS) as u32;
        self.is_set() && now.wrapping_sub(self.0).cast_signed() >= 0
    }

    /// It comes before `other`.
    #[inline]
    pub(crate) fn is_before(self, other: Self) -> bool {
        self.is_set() && (!other.is_set() || self.0.wrapping_sub(other.0).cast_signed() < 0)
    }

    /// The one of both that comes first.
    #[inline]
    pub(crate) fn earlier(self, other: Self) -> Self {
        if other.is_before(self) { other } else { self }
    }

    /// The moment, seen from `now`; the end of time for [`Self::NEVER`].
    #[inline]
    pub(crate) fn instant(self, now: Instant) -> Instant {
        if !self.is_set() {
            return Instant::from_nanos(u64::MAX);
        }
        let ticks = now.as_nanos() / TICK_NANOS;
        let ahead = i64::from(self.0.wrapping_sub(ticks as u32).cast_signed());
        Instant::from_nanos(
            ticks
                .saturating_add_signed(ahead)
                .saturating_mul(TICK_NANOS),
        )
    }
}

/// A later deadline could not be told from one that has passed.
pub(crate) const FARTHEST: Duration = Duration::from_secs(12 * 3_600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment() -> impl Strategy<Value = (Instant, Duration)> {
        let far = FARTHEST.as_nanos() as u64;
        let at = prop_oneof![0..1_u64 << 40, 0..1_u64 << 62];
        (at, prop_oneof![0..1_u64 << 20, 0..far])
            .prop_map(|(at, delay)| (Instant::from_nanos(at), Duration::from_nanos(delay)))
    }

    proptest! {
        #[test]
        fn it_comes_within_a_tick_and_not_before((now, delay) in moment()) {
            let (deadline, moment) = (Deadline::at(now + delay), now + delay);
            let told = deadline.instant(now);
            prop_assert!(told >= moment || moment.as_nanos() == 0);
            prop_assert!(told.since(moment).as_nanos() <= u128::from(TICK_NANOS));
            prop_assert!(deadline.is_due(told));
            prop_assert!(!deadline.is_due(Instant::from_nanos(told.as_nanos() - 1)));
            prop_assert_eq!(Deadline::at(told), deadline);
        }

        #[test]
        fn two_are_in_order((now, delay) in moment(), (_, other) in moment()) {
            let (one, other) = (Deadline::at(now + delay), Deadline::at(now + other));
            let earliest = one.earlier(other);
            prop_assert_eq!(earliest.instant(now), one.instant(now).min(other.instant(now)));
            prop_assert_eq!(one.is_before(other), one.instant(now) < other.instant(now));
            prop_assert_eq!(one.earlier(Deadline::NEVER), one);
            prop_assert_eq!(Deadline::NEVER.earlier(one), one);
            prop_assert!(!Deadline::NEVER.is_before(one) && one.is_before(Deadline::NEVER));
        }

        #[test]
        fn what_is_too_far_comes_too_early((now, _) in moment(), days in 1..40_000_u64) {
            let deadline = Deadline::within(now, Duration::from_secs(days * 86_400));
            prop_assert!(deadline.is_set() && !deadline.is_due(now));
            prop_assert!(deadline.is_due(now + (FARTHEST + Duration::from_millis(1))));
        }
    }

    #[test]
    fn never_is_never_due() {
        assert!(!Deadline::NEVER.is_due(Instant::from_nanos(u64::MAX)));
        assert!(!Deadline::NEVER.is_before(Deadline::NEVER));
        assert!(!Deadline::NEVER.earlier(Deadline::NEVER).is_set());
    }
}
