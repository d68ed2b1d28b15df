//! How much may wait for the user: the buffer grows with what is delivered, as Linux's dynamic right-sizing does.
//!
//! A buffer that was delivered whole within two round trips may be what holds the sender back, so that it is doubled: the
//! sender's window grows no faster. One of whom it takes longer is held back by something else. SO_RCVBUF fixes the
//! buffer, TCP_WINDOW_CLAMP bounds it, and none grows once memory is short.

use std::time::Duration;

use super::receive_side::{BUFFER_BYTES_FIRST, buffer_bytes};
use super::{Connection, Context, Facts};
use crate::memory::Memory;
use crate::time::Instant;

impl<Q: Default> Connection<Q> {
    /// The buffer that options and limits give: at the start, and when an option about it was set.
    pub(super) fn fit_receive_buffer<M>(&mut self, context: &Context<M>) {
        let options = context.option_sets.get(&self.user.options);
        let most = buffer_bytes(&context.limits);
        let buffer = match options.receive_buffer_bytes {
            0 => self.receive.buffer.max(BUFFER_BYTES_FIRST),
            bytes => bytes,
        };
        let clamp = match options.window_clamp {
            0 => most,
            bytes => bytes,
        };
        self.receive.buffer = buffer.min(most).min(clamp);
        self.mark_delivery(context.now);
    }

    /// The user has read a whole buffer since the last time.
    #[cold]
    pub(super) fn tune_receive_buffer<M: Memory<Queue = Q>>(&mut self, context: &Context<M>) {
        let taken = micros(context.now).wrapping_sub(self.receive.marked_micros);
        let trip = self.round_trip.smoothed().unwrap_or(Duration::MAX);
        let two_trips = 2 * u32::try_from(trip.as_micros()).unwrap_or(u32::MAX / 2);
        let options = context.option_sets.get(&self.user.options);
        let is_free = context.memory.available_bytes() >= context.limits.memory_bytes / MEMORY_LEFT;
        if taken <= two_trips.max(TRIPS_LEAST_MICROS)
            && options.receive_buffer_bytes == 0
            && is_free
        {
            let most = match options.window_clamp {
                0 => buffer_bytes(&context.limits),
                bytes => buffer_bytes(&context.limits).min(bytes),
            };
            let larger = self.receive.buffer.saturating_mul(2).min(most);
            self.receive.buffer = self.receive.buffer.max(larger);
        }
        self.mark_delivery(context.now);
    }

    fn mark_delivery(&mut self, now: Instant) {
        if self.receive.facts.has(Facts::FIN) {
            return;
        }
        self.receive.mark = self.receive.next - self.receive.readable + self.receive.buffer;
        self.receive.marked_micros = micros(now);
    }
}

/// The moment in microseconds, modulo 2^32.
fn micros(now: Instant) -> u32 {
    now.as_micros() as u32
}

/// Two round trips are at least this long: below, timers and turns decide.
const TRIPS_LEAST_MICROS: u32 = 2_000;
/// Buffers grow while one part in so many of memory is free.
const MEMORY_LEFT: usize = 4;
