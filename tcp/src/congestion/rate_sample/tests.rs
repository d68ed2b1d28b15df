//! Flights whose rate is known.

use super::{DeliveryRate, Newest};
use crate::time::Instant;

/// Ten segments of 1,000 bytes leave at once; the path delivers one each millisecond after 20 ms.
#[test]
fn the_rate_of_a_burst_is_that_of_its_acknowledgements() {
    let mut rate = DeliveryRate::default();
    let stamps: Vec<_> = (0..10)
        .map(|index| rate.on_send(Instant::default(), index * 1_000))
        .collect();
    let mut last = None;
    for (index, stamp) in stamps.iter().enumerate() {
        let now = Instant::from_millis(20 + index as u64);
        let mut newest = Newest::default();
        rate.on_delivered(now, stamp, Instant::default(), 1_000, &mut newest);
        last = rate.sample(now, &newest, 20_000);
    }
    let last = last.expect("a sample");
    assert_eq!(last.delivered, 10_000);
    assert_eq!(last.interval_micros, 29_000);
    assert_eq!(last.bytes_per_second(), Some(344_827));
    assert_eq!(last.acknowledged, 1_000);
    assert_eq!(last.delivered_total, 10_000);
    assert!(!last.is_app_limited);
}

/// Acknowledgements that were held back and come at once do not look like a fast path: the time in
/// which the segments were sent counts.
#[test]
fn compressed_acknowledgements_do_not_raise_the_rate() {
    let mut rate = DeliveryRate::default();
    let first = rate.on_send(Instant::from_millis(0), 0);
    let mut newest = Newest::default();
    rate.on_delivered(
        Instant::from_millis(10),
        &first,
        Instant::from_millis(0),
        1_000,
        &mut newest,
    );
    let stamps: Vec<_> = (1..=10)
        .map(|milli| {
            let now = Instant::from_millis(10 * milli);
            (now, rate.on_send(now, milli as u32 * 1_000))
        })
        .collect();
    let now = Instant::from_millis(101);
    let mut newest = Newest::default();
    for (sent_at, stamp) in &stamps {
        rate.on_delivered(now, stamp, *sent_at, 1_000, &mut newest);
    }
    let sample = rate.sample(now, &newest, 1_000).expect("a sample");
    assert_eq!(sample.delivered, 10_000);
    assert_eq!(sample.interval_micros, 100_000, "from 0 to 100, sending");
    let too_short = rate.sample(now, &newest, 100_001).expect("a sample");
    assert_eq!(too_short.bytes_per_second(), None);
}

#[test]
fn samples_of_a_flight_that_the_application_cut_short_say_so() {
    let mut rate = DeliveryRate::default();
    let now = Instant::from_millis(1);
    let before = rate.on_send(now, 0);
    rate.on_app_limited(1_000);
    assert!(rate.is_app_limited());
    let after = rate.on_send(now, 1_000);
    assert!(!before.is_app_limited && after.is_app_limited);
    for (stamp, is_over) in [(before, false), (after, true)] {
        let mut newest = Newest::default();
        rate.on_delivered(now, &stamp, now, 1_000, &mut newest);
        let _ = rate.sample(now, &newest, 0);
        assert_eq!(!rate.is_app_limited(), is_over);
    }
}

#[test]
fn nothing_delivered_is_no_sample_and_losses_add_up() {
    let mut rate = DeliveryRate::default();
    assert_eq!(
        rate.sample(Instant::from_millis(1), &Newest::default(), 0),
        None
    );
    rate.on_lost(300);
    rate.on_lost(u32::MAX);
    assert_eq!(rate.lost, 299);
}
