//! What a path and an algorithm can give at most: the link's rate, or the rate that the algorithm's
//! response function allows at the path's loss or marks; and how flows of different round trips may share a link.

use std::ops::RangeInclusive;
use std::time::Duration;

use coremill_tcp::congestion::Algorithm;

use super::bulk::{Bulk, LOWER_HEADER_BYTES, Marks};

/// Payload bits per second of the first flow.
pub fn limit(bulk: &Bulk) -> f64 {
    let round_trip = bulk.round_trips[0].as_secs_f64();
    let loss = bulk.loss_per_million as f64 / 1e6;
    let payload = SEGMENT_BYTES / (SEGMENT_BYTES + HEADER_BYTES + LOWER_HEADER_BYTES as f64);
    let link = bulk.bits_per_second as f64 * payload * (1.0 - loss);
    let marked = match bulk.marks {
        Some(Marks::PerMillion(share)) => window_by_marks(bulk.algorithm, round_trip, share),
        // A threshold marks as much as keeps the link busy.
        _ => None,
    };
    let windows = [window(bulk.algorithm, round_trip, loss), marked];
    let rates = windows.into_iter().flatten();
    rates
        .map(|segments| segments * SEGMENT_BYTES * 8.0 / round_trip)
        .fold(link, f64::min)
}

/// The mean window in segments at a share of lost packets; None when loss alone does not bound it.
fn window(algorithm: Algorithm, round_trip: f64, loss: f64) -> Option<f64> {
    if loss == 0.0 {
        return None;
    }
    // RFC 9438, section 4.3, equation 3, with one segment a round trip and half the window kept.
    let reno = (1.5 / loss).sqrt();
    match algorithm.name() {
        // RFC 9438, section 5.1, equation 6, with C of 0.4 and beta of 0.7; never below Reno's (section 4.3).
        "cubic" => Some((1.054 * (round_trip / loss).powf(0.75)).max(reno)),
        // It asks how fast data arrives, not how much is lost on the way.
        "bbr" => None,
        _ => Some(reno),
    }
}

/// The same at marks of so many of a million by chance.
fn window_by_marks(algorithm: Algorithm, round_trip: f64, per_million: u64) -> Option<f64> {
    let share = per_million as f64 / 1e6;
    match algorithm.name() {
        // A round trip takes alpha / 2 of the window and adds a segment: where alpha has come to p, and each round trip has
        // a mark, both are in balance at 2 / p (RFC 8257, section 3.3).
        "dctcp" => Some(2.0 / share),
        // A mark is answered as a loss is (RFC 3168, section 6.1.2).
        _ => window(algorithm, round_trip, share),
    }
}

/// What the first of two flows may get for each byte of the second by the algorithm's law, where both meet at the same queue,
/// which may be empty or full.
pub fn shares(bulk: &Bulk) -> RangeInclusive<f64> {
    let with = |wait: Duration| {
        let [first, second] = [0, 1].map(|flow| (bulk.round_trips[flow] + wait).as_secs_f64());
        second / first
    };
    let (most, least) = (with(Duration::ZERO), with(bulk.queue));
    match bulk.algorithm.name() {
        // From the same loss for both, RTT^-1/4 (RFC 9438, section 5.1), to losses at the same time for both, where
        // it is as Reno in the worst case (section 4.3).
        "cubic" => least.powf(0.25)..=most.powi(2),
        // Who has the longer round trip keeps more in the queue: two of its bandwidth-delay products.
        "bbr" => most.recip()..=most,
        // From the same loss for both, RTT^-1, to losses at the same time for both, RTT^-2.
        _ => least..=most.powi(2),
    }
}

/// Payload of a full segment with timestamps.
const SEGMENT_BYTES: f64 = 1_448.0;
const HEADER_BYTES: f64 = 32.0;
