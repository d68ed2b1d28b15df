//! What a connection takes from those before it to the same destination, and leaves to those after it: as Linux's
//! tcp_init_metrics and tcp_update_metrics.

use super::{Connection, Context};
use crate::congestion::{NO_THRESHOLD, Phase};
use crate::destinations::Found;
use crate::memory::Memory;

impl<Q: Default> Connection<Q> {
    /// The handshake is complete: a new connection begins with what is known.
    pub(super) fn recall_destination<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let known = context.destinations.find(context.now, &self.flow);
        let metrics = known.map(|known| known.metrics.current(context.now));
        let known_eighths = metrics.map_or(0, |metrics| metrics.round_trip_eighths);
        self.round_trip
            .end_handshake(known_eighths, &context.bounds);
        if let Some(metrics) = metrics {
            if metrics.reordering > 0 {
                self.send.reordering.degree = metrics.reordering;
            }
            if context.limits.saves_threshold && metrics.threshold_segments > 0 {
                self.congestion
                    .begin_with_threshold(metrics.threshold_segments);
            }
            self.recall_path_mtu(context);
        }
        self.begin_mtu_search(context);
    }

    /// All went well to the end: those after it shall know.
    #[cold]
    pub(super) fn remember_destination<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if !context.limits.saves_metrics {
            return;
        }
        let segment = self.congestion.segment();
        let threshold = self.congestion.slow_start_threshold();
        let degree = self.send.reordering.degree;
        let found = Found {
            round_trip: self.round_trip.trusted(),
            window: self.congestion.window() / segment,
            threshold: (threshold != NO_THRESHOLD).then_some(threshold / segment),
            is_open: self.send.phase == Phase::Open,
            reordering: (degree != context.limits.reordering).then_some(degree),
        };
        let destinations = &mut context.destinations;
        let known = match found.round_trip {
            // Nothing worth a place of its own.
            None => destinations.find(context.now, &self.flow),
            Some(_) => destinations.find_or_add(context.now, &self.flow),
        };
        if let Some(known) = known {
            let saves_threshold = context.limits.saves_threshold;
            known.metrics.learn(context.now, &found, saves_threshold);
        }
        let evicted = std::mem::take(&mut destinations.evicted);
        context.counters.destinations_evicted.add(evicted);
    }
}
