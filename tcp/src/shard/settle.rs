//! What follows from a verb outside of its connection: its place in the send lists, its timer, its
//! event, its end. Called after each verb; in the common case it looks at a few fields only.

use super::Shard;
use crate::connection::Connection;
use crate::connection::Hold;
use crate::connection::{Due, User};
use crate::event::{Event, Readiness, Subject};
use crate::memory::Memory;
use crate::state::State;
use crate::time::{Deadline, Instant};

impl<M: Memory> Shard<M> {
    /// Looks after the connection in `slot`.
    #[inline]
    pub(super) fn settle(&mut self, now: Instant, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        if !self.turns.settle(now, slot, connection) {
            self.look_after(now, slot, Connection::has_unsent);
        }
    }

    /// The same for one that had its turn and sent nothing: it gets another only if it may send.
    #[cold]
    pub(super) fn settle_held(&mut self, now: Instant, slot: u32) {
        let hold = match self.connections.get(slot) {
            Some(connection) => connection.hold(&self.context.records),
            None => return,
        };
        if hold == Some(Hold::Records) {
            self.recordless.push(slot);
        }
        self.look_after(now, slot, |_| hold.is_none());
    }

    /// The same for any connection.
    #[cold]
    pub(super) fn look_after(
        &mut self,
        now: Instant,
        slot: u32,
        wants_turn: impl FnOnce(&Connection<M::Queue>) -> bool,
    ) {
        let Some(mut connection) = self.connections.get_mut(slot) else {
            return;
        };
        if connection.user.has(User::ORPHAN) {
            self.count_orphan_bytes(slot);
            let Some(again) = self.connections.get_mut(slot) else {
                return;
            };
            connection = again;
        }
        if matches!(connection.state, State::Closed | State::TimeWait) {
            return self.settle_end(now, slot);
        }
        if connection.due.any() {
            self.turns.urgent.push(slot);
        } else if wants_turn(connection) {
            self.turns.sending.push(slot);
        }
        if let Some(release) = connection.congestion.release_at(&self.context.congestion) {
            let release = Deadline::at(release);
            if release.is_before(connection.deadlines.armed) {
                connection.deadlines.armed = release;
                self.turns.wheel.arm(slot, release.instant(now));
            }
        }
        self.turns.settle_timer(now, slot, connection);
        if connection.user.has_event() {
            self.turns.connection_events.push(slot);
        }
    }

    /// Memory came back: who found none may try again. One per event asked for, so that each finds
    /// what the one before has left.
    #[cold]
    fn feed(&mut self) {
        while self.context.memory.available_bytes() >= FEED_BYTES
            && let Some(slot) = self.starved.pop()
        {
            let Some(connection) = self.connections.get_mut(slot) else {
                continue;
            };
            if connection.user.has(User::WANTS_ROOM) && !connection.user.has(User::ORPHAN) {
                connection.user.unset(User::WANTS_ROOM);
                connection.user.set(User::WRITABLE);
                self.turns.connection_events.push(slot);
                return;
            }
        }
    }

    /// The connection is closed, or has all but closed.
    #[cold]
    fn settle_end(&mut self, now: Instant, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        let hash = self.hash.of(&connection.flow);
        if connection.deadlines.armed.is_set() {
            connection.deadlines.armed = Deadline::NEVER;
            self.turns.wheel.cancel(slot);
        }
        if connection.state == State::TimeWait {
            self.enter_time_wait(now, hash, slot);
        } else {
            // Done already when it is looked after again, which does no harm.
            self.connections.detach(hash, slot);
        }
        let Some(connection) = self.connections.get(slot) else {
            return;
        };
        if connection.due.has(Due::RESET) {
            self.turns.urgent.push(slot);
        }
        if connection.is_spent() {
            self.bury(slot);
        } else if connection.user.has_event() {
            self.turns.connection_events.push(slot);
        }
    }

    /// Gives back all that a connection holds.
    fn bury(&mut self, slot: u32) {
        let Some(mut connection) = self.connections.remove(slot) else {
            return;
        };
        self.context.memory.clear(&mut connection.send.queue);
        self.context.records.clear(&mut connection.send.records);
        self.context
            .scoreboards
            .release(&mut connection.send.scoreboard);
        self.context.memory.clear(&mut connection.receive.queue);
        self.context.ranges.clear(&mut connection.receive.ranges);
        connection.congestion.release(&mut self.context.congestion);
        self.release_extension(&mut connection.extension);
        self.context
            .option_sets
            .release(&mut connection.user.options);
        self.context.counters.states[State::Closed as usize].decrement();
        self.orphans = self.orphans.saturating_sub(1);
        self.context.counters.orphans.set(self.orphans as u64);
    }

    /// The next hint, if any. What it says may have passed already: state is the truth.
    #[inline]
    pub fn next_event(&mut self) -> Option<Event> {
        if !self.starved.is_empty() || !self.listener_events.is_empty() {
            return self.find_event();
        }
        let slot = self.turns.connection_events.pop()?;
        let event = self.event_of(slot);
        if event.is_some() {
            return event;
        }
        self.find_event()
    }

    #[inline(never)]
    fn find_event(&mut self) -> Option<Event> {
        if !self.starved.is_empty() {
            self.feed();
        }
        // Few, and one connection more each at most: those of busy connections may never end.
        while let Some(slot) = self.listener_events.pop() {
            let id = self.listeners.id(slot);
            if let Some(listener) = self.listeners.get_mut(slot)
                && listener.waiting > 0
            {
                let readiness = Readiness {
                    readable: true,
                    ..Readiness::default()
                };
                let cookie = listener.options.cookie;
                return Some(Event {
                    subject: Subject::Listener(id),
                    cookie,
                    readiness,
                });
            }
        }
        while let Some(slot) = self.turns.connection_events.pop() {
            let event = self.event_of(slot);
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// What there is to tell of a connection.
    #[inline(always)]
    fn event_of(&mut self, slot: u32) -> Option<Event> {
        let id = self.connections.id(slot);
        let user = &mut self.connections.get_mut(slot)?.user;
        if !user.has_event() {
            return None;
        }
        Some(Event {
            subject: Subject::Connection(id),
            cookie: user.cookie(),
            readiness: user.take_readiness(),
        })
    }
}

/// Memory worth telling a starved sender of: a middle-sized chunk or two.
const FEED_BYTES: usize = 4_096;
