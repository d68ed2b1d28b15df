//! Who is to be called, when, and for what: the lists and timers that the connections of a shard stand in.

use crate::connection::{Connection, User};
use crate::state::State;
use crate::table::NONE;
use crate::table::slot_queue::SlotQueue;
use crate::time::Instant;
use crate::timer_wheel::TimerWheel;

/// See above. A connection stands in each list at most once.
pub(super) struct Turns {
    /// Timers of connections under their slots, of requests behind them.
    pub(super) wheel: TimerWheel,
    /// Connections with something more urgent than data.
    pub(super) urgent: SlotQueue,
    /// Connections with data to send, in turn.
    pub(super) sending: SlotQueue,
    /// Connections with an event.
    pub(super) connection_events: SlotQueue,
}

impl Turns {
    pub(super) fn new(connections: usize, requests: usize) -> Self {
        Self {
            wheel: TimerWheel::new(connections + requests),
            urgent: SlotQueue::new(connections),
            sending: SlotQueue::new(connections),
            connection_events: SlotQueue::new(connections),
        }
    }

    /// What follows from a verb for nearly all connections: a place in a list, a timer, an event. False, and nothing is
    /// done, for one of which more is to be looked at.
    #[inline(always)]
    pub(super) fn settle<Q>(
        &mut self,
        now: Instant,
        slot: u32,
        connection: &mut Connection<Q>,
    ) -> bool {
        if !matches!(connection.state, State::Established | State::CloseWait)
            || connection.user.has(User::ORPHAN)
            || connection.congestion.is_holding()
        {
            return false;
        }
        self.settle_open(now, slot, connection);
        true
    }

    /// The same for a connection that is open both ways and has a user, and segments of which need not wait.
    #[inline(always)]
    pub(super) fn settle_open<Q>(
        &mut self,
        now: Instant,
        slot: u32,
        connection: &mut Connection<Q>,
    ) {
        // Whether the windows let it send is judged when its turn comes, not after each verb.
        if connection.due.any() {
            self.urgent.push(slot);
        } else if connection.send.unsent() > 0 || connection.send.resend != NONE {
            self.sending.push(slot);
        }
        self.settle_timer(now, slot, connection);
        if connection.user.has_event() {
            self.connection_events.push(slot);
        }
    }

    /// The same after a segment that was sent the usual way, of a connection open both ways: nothing is to be sent again or
    /// before data, and only the retransmission timer may be earlier than before.
    #[inline(always)]
    pub(super) fn settle_departure<Q>(
        &mut self,
        now: Instant,
        slot: u32,
        connection: &mut Connection<Q>,
    ) -> bool {
        debug_assert!(!connection.due.any() && connection.send.resend == NONE);
        if connection.user.has(User::ORPHAN) || connection.congestion.is_holding() {
            return false;
        }
        if connection.send.unsent() > 0 {
            self.sending.push(slot);
        }
        if connection.deadlines.is_retransmission_before_armed() {
            self.arm(now, slot, connection);
        }
        if connection.user.has_event() {
            self.connection_events.push(slot);
        }
        true
    }

    /// Arms the wheel when something is due before what it is armed for; else it wakes the connection too early, and
    /// is armed anew then.
    #[inline(always)]
    pub(super) fn settle_timer<Q>(
        &mut self,
        now: Instant,
        slot: u32,
        connection: &mut Connection<Q>,
    ) {
        if connection.deadlines.is_any_before_armed() {
            self.arm(now, slot, connection);
        }
    }

    #[inline(never)]
    fn arm<Q>(&mut self, now: Instant, slot: u32, connection: &mut Connection<Q>) {
        let earliest = connection.deadlines.earliest();
        connection.deadlines.armed = earliest;
        self.wheel.arm(slot, earliest.instant(now));
    }
}
