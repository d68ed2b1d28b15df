//! The clock that timestamps tell.

use std::time::Duration;

use super::Stamps;
use crate::time::Instant;

/// RFC 7323, section 4.1.
#[test]
fn the_clock_goes_as_time_does() {
    let stamps = Stamps {
        is_on: true,
        offset: u32::MAX - 5_000,
        recent: 0,
    };
    let begun = Instant::from_millis(123);
    for millis in [1, 10, 999, 10_000, 3_600_000] {
        let now = begun + Duration::from_millis(millis);
        let passed = stamps.clock(now).wrapping_sub(stamps.clock(begun));
        assert_eq!(u64::from(passed), millis, "round what is its offset too");
    }
}

/// RFC 7323, section 5.4: a tick of a millisecond is one within 2^31 bytes at any rate below 17 Tbit/s, and within a window
/// of a round trip; its sign bit comes around in 24.8 days, which is longer than any segment lives.
#[test]
fn it_ticks_often_enough_and_recycles_late_enough() {
    let stamps = Stamps::default();
    let tick = Duration::from_millis(1);
    let bits_per_second = (1_u128 << 31) * 8 * 1_000 / tick.as_millis();
    assert!(bits_per_second > 17_000_000_000_000);
    let days = |days: u64| Instant::default() + Duration::from_secs(days * 86_400);
    let sign = |now: Instant| {
        stamps
            .clock(now)
            .wrapping_sub(stamps.clock(Instant::default()))
            >> 31
    };
    assert_eq!((sign(days(24)), sign(days(25))), (0, 1));
}
