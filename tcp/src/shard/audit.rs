//! Looks at all connections for what contradicts itself: for tests, which ask after each step.

use super::Shard;
use crate::connection::{Connection, Hold, User};
use crate::fast_open::Marks as FastOpenMarks;
use crate::memory::Memory;
use crate::options::sets::Flags;
use crate::scoreboard::{DuplicatesMost, Scoreboard};
use crate::send_records::{Marks, SendRecord};
use crate::snapshot::ConnectionRow;
use crate::state::State;
use crate::table::NONE;
use crate::time::Deadline;

/// A connection that contradicts itself.
#[derive(Clone, Debug)]
pub struct Contradiction {
    /// What is wrong.
    pub what: &'static str,
    /// The connection.
    pub row: ConnectionRow,
}

impl<M: Memory> Shard<M> {
    /// The first contradiction found in what the connections keep about what they have sent, and in the timers and
    /// turns that they wait for. It looks at each record of each connection.
    pub fn audit(&self) -> Result<(), Box<Contradiction>> {
        let mut records = 0;
        for slot in 0..self.connections.end() {
            let Some(connection) = self.connections.get(slot) else {
                continue;
            };
            records += self.context.records.iter(&connection.send.records).count();
            let found = self
                .contradiction_in_records(connection)
                .or_else(|| self.contradiction_in_marks(connection))
                .or_else(|| self.contradiction_in_timers(slot, connection));
            if let Some(what) = found {
                let row = connection.row(
                    &self.context.bounds,
                    &self.context.records,
                    &self.context.congestion,
                    &self.context.extensions,
                );
                return Err(Box::new(Contradiction { what, row }));
            }
        }
        debug_assert_eq!(records, self.context.records.live(), "records of nobody");
        debug_assert!(self.are_requests_timed(), "a request without a timer");
        Ok(())
    }

    /// Each half-open connection is looked at again some time, or its SYN-ACK is still to be sent.
    fn are_requests_timed(&self) -> bool {
        let mut key = self.requests.used_from(0);
        while key < self.requests.keys() {
            let is_waited_for = self.turns.wheel.is_armed(self.request_timer(key));
            if self.requests.get(key).is_some() && !is_waited_for && !self.syn_acks.contains(key) {
                return false;
            }
            key = self.requests.used_from(key + 1);
        }
        true
    }

    /// The records cover all from SND.UNA to SND.NXT, each number once.
    fn contradiction_in_records(&self, connection: &Connection<M::Queue>) -> Option<&'static str> {
        let send = &connection.send;
        let has_begun = match connection.state {
            State::SynSent | State::Closed => false,
            State::SynReceived => connection.is_early(),
            _ => true,
        };
        if !has_begun {
            return (!send.records.is_empty()).then_some("records before or after its life");
        }
        let mut end = send.unacknowledged;
        for record in self.context.records.iter(&send.records) {
            if record.start != end {
                return Some("a gap between records");
            }
            if record.end <= record.start {
                return Some("an empty record");
            }
            end = record.end;
        }
        (end != send.next).then_some("records end elsewhere than what was sent")
    }

    /// The scoreboard's sums are those of the marks, and what is to be sent again lies behind the hint.
    fn contradiction_in_marks(&self, connection: &Connection<M::Queue>) -> Option<&'static str> {
        let send = &connection.send;
        let sum = |marks| {
            self.context
                .records
                .iter(&send.records)
                .filter(|record| record.marks.any(marks))
                .map(SendRecord::length)
                .sum::<u32>()
        };
        let kept = self.context.scoreboards.get(&send.scoreboard).copied();
        let board = kept.unwrap_or_else(Scoreboard::new);
        if connection.uses_sack(&self.context.limits) && sum(Marks::SACKED) != board.sacked {
            return Some("bytes sacked");
        }
        if sum(Marks::LOST) != board.lost {
            return Some("bytes lost");
        }
        if !self.is_duplicates_bound_right(connection, &board) {
            return Some("how many duplicates there may be");
        }
        if sum(Marks::RETRANSMITTED) != board.retransmitted {
            return Some("bytes retransmitted");
        }
        if board.left() != send.left {
            return Some("bytes that left the network");
        }
        let mut is_behind_hint = false;
        let mut at = self
            .context
            .records
            .first(&send.records)
            .map(|(first, _)| first);
        while let Some(index) = at {
            is_behind_hint |= index == send.resend;
            let record = self.context.records.get(index)?;
            if record.is_to_resend() && !is_behind_hint {
                return Some("a lost segment before the hint");
            }
            at = self.context.records.after(&send.records, index);
        }
        (send.resend != NONE && !is_behind_hint).then_some("the hint is not its record")
    }

    /// What is remembered of how many duplicates there may be holds, or is too little for what was sent since.
    fn is_duplicates_bound_right(
        &self,
        connection: &Connection<M::Queue>,
        board: &Scoreboard,
    ) -> bool {
        let Some(known) = &board.duplicates else {
            return true;
        };
        let send = &connection.send;
        let now = DuplicatesMost::count(send.next, self.context.records.iter(&send.records));
        if known.next == now.next {
            known.duplicates() == now.duplicates()
        } else {
            known.duplicates() <= now.duplicates()
        }
    }

    /// What is unanswered has a timer; what may leave, a turn.
    fn contradiction_in_timers(
        &self,
        slot: u32,
        connection: &Connection<M::Queue>,
    ) -> Option<&'static str> {
        if matches!(connection.state, State::Closed | State::TimeWait) {
            return None;
        }
        let deadlines = &connection.deadlines;
        let earliest = deadlines.earliest();
        if earliest.is_set()
            && (earliest.is_before(deadlines.armed) || !self.turns.wheel.is_armed(slot))
        {
            return Some("a deadline that the wheel does not know");
        }
        if self.turns.urgent.contains(slot) || self.turns.sending.contains(slot) {
            return None;
        }
        if connection.due.any() {
            return Some("something due without a turn");
        }
        let is_timed = deadlines.retransmit.is_set();
        if connection.send.outstanding() > 0 && !is_timed {
            return Some("segments outstanding without a timer");
        }
        // A SYN that is to carry data waits for it as long as its user does.
        let is_opening = matches!(connection.state, State::SynSent | State::SynReceived);
        if is_opening && !is_timed && !connection.user.fast_open.any(FastOpenMarks::PENDING) {
            return Some("a handshake without a timer");
        }
        if let Some(found) = contradiction_in_patience(connection) {
            return Some(found);
        }
        if !connection.has_unsent() {
            return None;
        }
        let waits_for_record = self.recordless.contains(slot);
        match connection.hold(&self.context.records) {
            // Its turn comes with the next look at those who wait for records.
            None if waits_for_record && self.has_segments() => None,
            None => Some("something to send without a turn"),
            Some(Hold::Window | Hold::Silly | Hold::Cork) if !is_timed => {
                Some("held back without a timer")
            }
            Some(Hold::Congestion | Hold::Nagle) if connection.send.outstanding() == 0 => {
                Some("held back for nothing outstanding")
            }
            Some(Hold::Pacing) if !self.is_released(slot, connection) => {
                Some("held back by a pace without a timer")
            }
            Some(Hold::Records) if !waits_for_record => {
                Some("waits for a record that will not be offered")
            }
            _ => None,
        }
    }

    /// The wheel knows when the next segment of a paced connection may leave.
    fn is_released(&self, slot: u32, connection: &Connection<M::Queue>) -> bool {
        let release = connection.congestion.release_at(&self.context.congestion);
        let armed = connection.deadlines.armed;
        self.turns.wheel.is_armed(slot)
            && release.is_some_and(|release| !Deadline::at(release).is_before(armed))
    }
}

/// What has been received is acknowledged some time, an orphan does not live for ever, and who asked for keepalive gets it.
fn contradiction_in_patience<Q>(connection: &Connection<Q>) -> Option<&'static str> {
    let (deadlines, user) = (&connection.deadlines, &connection.user);
    let receive = &connection.receive;
    let is_open = !matches!(connection.state, State::SynSent | State::SynReceived);
    if is_open && receive.acknowledged != receive.next && !deadlines.acknowledge.is_set() {
        return Some("bytes received that will not be acknowledged");
    }
    let is_kept_alive = is_open && user.options.flags.contains(Flags::KEEPALIVE);
    if (user.has(User::ORPHAN) || is_kept_alive) && !deadlines.patience.is_set() {
        return Some("an orphan, or one to be kept alive, without a timer");
    }
    None
}
