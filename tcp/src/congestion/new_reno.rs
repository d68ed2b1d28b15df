//! NewReno (RFC 5681, RFC 6582): one segment more each round trip, half of it after a loss.

use super::Congestion;

/// RFC 5681, equation 4: half of FlightSize, at least two segments. The flight of limited transmit
/// (RFC 3042) lies beyond the window and does not count.
pub(super) fn reduced(windows: &Congestion, in_flight: u32) -> u32 {
    (in_flight.min(windows.window) / 2).max(2 * windows.segment())
}
