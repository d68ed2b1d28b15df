//! RTTVAR as Linux has it: it follows the largest deviation of a round trip at once, and falls by a quarter of the
//! difference with each round trip.
//!
//! A deviation below the least that a timeout adds changes nothing, and that is nearly always so: what more there is to
//! remember stands in the extension, from the first deviation above it until all of them have been forgotten.

use std::time::Duration;

use super::{Connection, Context};
use crate::extension::{ExtensionHandle, Extensions};
use crate::round_trip::{RoundTrip, TimeoutBounds};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// What is remembered of round trips that spread. In microseconds, four times the deviation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// RTTVAR.
    variation: u32,
    /// The largest of this round trip (Linux: mdev_max).
    largest: u32,
    /// The round trip ends when this is acknowledged.
    until: SequenceNumber,
}

impl Spread {
    /// A measurement was taken in.
    fn take(
        &mut self,
        deviation: u32,
        least: u32,
        acknowledged: SequenceNumber,
        next: SequenceNumber,
    ) {
        self.largest = self.largest.max(deviation);
        self.variation = self.variation.max(self.largest);
        if acknowledged > self.until {
            self.variation -= (self.variation - self.largest) / 4;
            self.largest = least;
            self.until = next;
        }
    }
}

impl<Q> Connection<Q> {
    /// Takes a measured round trip in. SND.UNA has moved.
    /// RFC 6298, section 2.3.
    #[inline(always)]
    pub(super) fn measure<M>(&mut self, context: &mut Context<M>, sample_micros: u64) {
        self.round_trip.measure_micros(sample_micros);
        if self.extension.is_held() || self.round_trip.is_spread(&context.bounds) {
            self.note_spread(context, sample_micros);
        }
    }

    #[cold]
    fn note_spread<M>(&mut self, context: &mut Context<M>, sample_micros: u64) {
        self.count_round_trip(context, sample_micros);
        let deviation = self.round_trip.variation_micros();
        let least = u32::try_from(context.bounds.min.as_micros()).unwrap_or(u32::MAX);
        let known = context
            .extensions
            .get(&self.extension)
            .is_some_and(|extension| extension.spread.is_some());
        if !known && deviation <= least {
            return;
        }
        // Without a block the deviation itself is what counts.
        let Some(extension) = context.extensions.ensure(&mut self.extension) else {
            context.counters.extensions_exhausted.increment();
            return;
        };
        let (acknowledged, next) = (self.send.unacknowledged, self.send.next);
        let Some(spread) = &mut extension.spread else {
            // As if a round trip had just ended.
            extension.spread = Some(Spread {
                variation: deviation,
                largest: least,
                until: next,
            });
            return;
        };
        spread.take(deviation, least, acknowledged, next);
        if spread.variation - least < 4 {
            extension.spread = None;
        }
    }

    /// The retransmission timeout.
    #[inline]
    pub(super) fn timeout<M>(&self, context: &Context<M>) -> Duration {
        timeout(
            &self.round_trip,
            &self.extension,
            &context.bounds,
            &context.extensions,
        )
    }

    /// When a segment sent at `sent` times out.
    #[inline]
    pub(super) fn times_out_at<M>(&self, context: &Context<M>, sent: Instant) -> Instant {
        let variation = variation(&self.extension, &context.extensions);
        self.round_trip
            .deadline_with(sent, &context.bounds, variation)
    }
}

/// The retransmission timeout of the connection that has these.
#[inline]
pub(crate) fn timeout(
    round_trip: &RoundTrip,
    extension: &ExtensionHandle,
    bounds: &TimeoutBounds,
    extensions: &Extensions,
) -> Duration {
    round_trip.timeout_with(bounds, variation(extension, extensions))
}

#[inline]
fn variation(extension: &ExtensionHandle, extensions: &Extensions) -> u32 {
    if extension.is_held() {
        known_variation(extension, extensions)
    } else {
        0
    }
}

#[cold]
fn known_variation(extension: &ExtensionHandle, extensions: &Extensions) -> u32 {
    let spread = extensions
        .get(extension)
        .and_then(|extension| extension.spread);
    spread.map_or(0, |spread| spread.variation)
}
