//! Time passes: the wheel's timers and the TIME-WAIT records that have run their time.

use super::Shard;
use crate::connection::deadlines::NEVER;
use crate::memory::Memory;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Does what is due at `now`, at most about `budget` steps, and returns how many it did. Call
    /// again when that is all of `budget`.
    pub fn advance(&mut self, now: Instant, budget: usize) -> usize {
        let mut left = budget;
        while let Some(key) = self.wheel.next_expired(now, &mut left) {
            let connections = self.limits.connections_max as u32;
            match key.checked_sub(connections) {
                None => self.wake_connection(now, key),
                Some(request) => self.wake_request(now, request),
            }
        }
        while left > 0
            && let Some((key, expires)) = self.time_waits.oldest()
            && expires <= now
        {
            left -= 1;
            self.counters.time_waited.increment();
            if let Some(flow) = self.time_waits.flow(key) {
                self.forget_time_wait(self.hash_of(&flow), key);
            }
        }
        let held = self
            .memory_bytes
            .saturating_sub(self.memory.available_bytes());
        self.counters.held_bytes.set(held as u64);
        budget - left
    }

    /// The earliest time at which `advance` may have something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let oldest = self.time_waits.oldest().map(|(_, expires)| expires);
        match (self.wheel.next_deadline(), oldest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The wheel's key of a request.
    pub(super) fn request_timer(&self, key: u32) -> u32 {
        self.limits.connections_max as u32 + key
    }

    fn wake_connection(&mut self, now: Instant, slot: u32) {
        let (connections, mut context) = self.split(now);
        let Some(connection) = connections.get_mut(slot) else {
            return;
        };
        connection.deadlines.armed = NEVER;
        connection.wake(&mut context);
        self.settle(now, slot);
    }

    /// The SYN-ACK of a request was not answered in time.
    fn wake_request(&mut self, now: Instant, key: u32) {
        let Some((flow, pending)) = self.requests.get(key) else {
            return;
        };
        let timeouts = pending.handshake.timeouts.saturating_add(1);
        self.counters.timeouts.increment();
        if u32::from(timeouts) > self.limits.syn_ack_retries || !self.is_listened_for(key) {
            self.counters.attempt_fails.increment();
            self.drop_request(self.hash_of(&flow), key);
            return;
        }
        if let Some(pending) = self.requests.get_mut(key) {
            pending.handshake.timeouts = timeouts;
        }
        let backoff = self
            .limits
            .rto_initial
            .saturating_mul(1 << timeouts.min(BACKOFF_MAX));
        self.wheel.arm(
            self.request_timer(key),
            now + backoff.min(self.limits.rto_max),
        );
        self.syn_acks.push(key);
    }
}

/// 2^16 seconds are beyond every bound of the timer.
const BACKOFF_MAX: u8 = 16;
