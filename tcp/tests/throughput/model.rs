//! What a path and an algorithm can give at most: the link's rate, or the rate that the algorithm's
//! response function allows at the path's loss.

use std::time::Duration;

use coremill_tcp::congestion::Algorithm;

use super::bulk::LOWER_HEADER_BYTES;

/// Payload bits per second.
pub fn limit(
    algorithm: Algorithm,
    bits_per_second: u64,
    round_trip: Duration,
    loss_per_million: u64,
) -> f64 {
    let loss = loss_per_million as f64 / 1e6;
    let payload = SEGMENT_BYTES / (SEGMENT_BYTES + HEADER_BYTES + LOWER_HEADER_BYTES as f64);
    let link = bits_per_second as f64 * payload * (1.0 - loss);
    match window(algorithm, round_trip.as_secs_f64(), loss) {
        Some(segments) => link.min(segments * SEGMENT_BYTES * 8.0 / round_trip.as_secs_f64()),
        None => link,
    }
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

/// Payload of a full segment with timestamps.
const SEGMENT_BYTES: f64 = 1_448.0;
const HEADER_BYTES: f64 = 32.0;
