//! Time passes: the wheel's timers and the TIME-WAIT records that have run their time.

use super::Shard;
use crate::congestion::CongestionTally;
use crate::memory::Memory;
use crate::time::{Deadline, Instant};

impl<M: Memory> Shard<M> {
    /// Does what is due at `now`, at most about `budget` steps, and returns how many it did. Call
    /// again when that is all of `budget`.
    #[inline]
    pub fn advance(&mut self, now: Instant, budget: usize) -> usize {
        let is_quiet = self.turns.wheel.stays_quiet(now) && self.time_waits.live() == 0;
        let done = match is_quiet {
            true => 0,
            false => self.do_what_is_due(now, budget),
        };
        self.count_congestion();
        let available = self.context.memory.available_bytes();
        let held = self.memory_bytes.saturating_sub(available);
        self.context.counters.held_bytes.set(held as u64);
        done
    }

    #[inline(never)]
    fn do_what_is_due(&mut self, now: Instant, budget: usize) -> usize {
        let mut left = budget;
        while let Some(key) = self.turns.wheel.next_expired(now, &mut left) {
            let connections = self.context.limits.connections_max as u32;
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
            self.context.counters.time_waited.increment();
            if let Some(flow) = self.time_waits.flow(key) {
                self.forget_time_wait(self.hash_of(&flow), key);
            }
        }
        if left < budget {
            self.count_pool_entries();
        }
        budget - left
    }

    #[inline]
    fn count_congestion(&mut self) {
        if let Some(tally) = self.context.congestion.take_tally() {
            self.count_tally(&tally);
        }
    }

    #[inline(never)]
    fn count_tally(&self, tally: &CongestionTally) {
        self.context.counters.hystart_train_detect.add(tally.trains);
        self.context
            .counters
            .hystart_train_cwnd
            .add(tally.train_segments);
        self.context.counters.hystart_delay_detect.add(tally.delays);
        self.context
            .counters
            .hystart_delay_cwnd
            .add(tally.delay_segments);
        self.context
            .counters
            .congestion_exhausted
            .add(tally.exhausted);
    }

    /// The earliest time at which `advance` may have something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let oldest = self.time_waits.oldest().map(|(_, expires)| expires);
        match (self.turns.wheel.next_deadline(), oldest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The wheel's key of a request.
    pub(super) fn request_timer(&self, key: u32) -> u32 {
        self.context.limits.connections_max as u32 + key
    }

    fn wake_connection(&mut self, now: Instant, slot: u32) {
        let (connections, context) = self.split(now);
        let Some(connection) = connections.get_mut(slot) else {
            return;
        };
        connection.deadlines.armed = Deadline::NEVER;
        connection.wake(context);
        self.settle(now, slot);
    }

    /// The SYN-ACK of a request was not answered in time.
    fn wake_request(&mut self, now: Instant, key: u32) {
        let Some((flow, pending)) = self.requests.get(key) else {
            return;
        };
        let handshake = pending.handshake;
        let timeouts = u32::from(handshake.timeouts) + 1;
        let id = pending.listener;
        self.context.counters.timeouts.increment();
        let (limits, listener) = (&self.context.limits, self.listeners.by_id(id));
        let plan = listener.and_then(|listener| {
            if handshake.timeouts == 0 {
                listener.young = listener.young.saturating_sub(1);
            }
            let retries = listener.syn_ack_retries(limits.syn_ack_retries);
            let deferred = listener.options.defer_accept_timeouts(limits);
            syn_ack_timeout(timeouts, retries, handshake.is_acknowledged(), deferred)
        });
        if let Some(pending) = self.requests.get_mut(key) {
            pending.handshake.timeouts = u8::try_from(timeouts).unwrap_or(u8::MAX);
        }
        let Some(is_sent_again) = plan else {
            self.context.counters.attempt_fails.increment();
            self.drop_request(self.hash_of(&flow), key);
            return;
        };
        let backoff = self
            .context
            .limits
            .rto_initial
            .saturating_mul(1 << timeouts.min(BACKOFF_MAX));
        self.turns.wheel.arm(
            self.request_timer(key),
            now + backoff.min(self.context.limits.rto_max),
        );
        if is_sent_again {
            self.syn_acks.push(key);
        }
    }
}

/// What the `timeouts`th timeout of a SYN-ACK does: None when the request is given up, else whether it
/// is sent again. While a listener waits for data (`deferred` timeouts long) after the peer's ACK
/// there is nothing to tell; near the end the SYN-ACK brings another ACK, which then counts (as Linux).
fn syn_ack_timeout(
    timeouts: u32,
    retries: u32,
    is_acknowledged: bool,
    deferred: u32,
) -> Option<bool> {
    let waits = deferred > 0 && is_acknowledged;
    if timeouts > retries && (!waits || timeouts > deferred) {
        return None;
    }
    Some(!waits || timeouts >= deferred)
}

/// 2^16 seconds are beyond every bound of the timer.
const BACKOFF_MAX: u32 = 16;
