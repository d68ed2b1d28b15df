//! The delay follows the data, within bounds, and modes begin and end as in Linux.

use std::time::Duration;

use super::DelayedAck;

const FULL: u16 = 1_000;
const WINDOW: u32 = 65_535;
const TIMEOUT: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_millis(200);

fn after(gaps: &[u32], length: usize) -> DelayedAck {
    let mut delayed = DelayedAck::default();
    let mut now = 5_000;
    for gap in gaps {
        now += gap;
        delayed.data_arrived(now, (length, FULL, false), || (WINDOW, TIMEOUT));
    }
    delayed
}

fn delay(delayed: &DelayedAck, round_trip: Option<u64>) -> u128 {
    let trip = || round_trip.map(Duration::from_millis);
    u128::from(delayed.delay(trip, LONGEST.as_nanos() as u64) / 1_000_000)
}

#[test]
fn it_begins_quick_for_half_the_window_in_full_segments() {
    let mut delayed = after(&[0], 1_000);
    let mut count = 0;
    while delayed.is_quick() {
        delayed.told();
        count += 1;
    }
    assert_eq!(count, 16, "as many as are quick at most");
    let mut narrow = DelayedAck::default();
    narrow.data_arrived(0, (1_000, FULL, false), || (6_000, TIMEOUT));
    (0..3).for_each(|_| narrow.told());
    assert!(
        !narrow.is_quick(),
        "6,000 bytes are three pairs of segments"
    );
}

#[test]
fn dense_data_brings_the_delay_down_to_the_least() {
    let delayed = after(&[0, 35, 35, 35, 1, 1, 1, 1, 1, 1, 1, 1], 1_000);
    assert!(delay(&delayed, None) <= 40);
}

#[test]
fn sparse_data_makes_it_longer_up_to_the_round_trip() {
    let sparse = after(&[0, 30, 39, 45, 60, 75, 90], 1_000);
    let alone = delay(&sparse, None);
    assert!(alone > 80, "it follows the gaps, {alone} ms");
    assert_eq!(delay(&sparse, Some(50)), 50, "the round trip bounds it");
    assert_eq!(delay(&sparse, Some(1)), 40, "but not below the least");
}

#[test]
fn a_gap_longer_than_the_timeout_is_quick_again() {
    let mut delayed = after(&[0], 1_000);
    while delayed.is_quick() {
        delayed.told();
    }
    delayed.data_arrived(5_300, (1_000, FULL, false), || (WINDOW, TIMEOUT));
    assert!(delayed.is_quick());
}

#[test]
fn a_reply_in_time_begins_ping_pong_and_a_delay_in_vain_ends_it() {
    let mut delayed = after(&[0], 100);
    delayed.data_sent(5_050);
    assert!(delayed.is_quick(), "too late to be the reply");
    delayed.data_sent(5_039);
    assert!(!delayed.is_quick() && !delayed.ends_write());
    delayed.ran_out(TIMEOUT);
    assert!(delayed.is_quick() && delayed.ends_write());
}

#[test]
fn never_longer_than_configured() {
    let mut delayed = after(&[0], 100);
    for _ in 0..10 {
        delayed.ran_out(Duration::from_secs(120));
        delayed.data_sent(5_000);
        delayed.is_ping_pong = true;
        assert!(delay(&delayed, None) <= 200);
        delayed.is_ping_pong = false;
    }
    let trip = || None;
    assert_eq!(delayed.delay(trip, 0), 0);
}
