//! An application leaves, by its own wish or by its process's death: what it had asked for is carried out, then all that
//! it has is closed as Linux closes what a process leaves behind.
//!
//! In slices, three steps on each worker: its rings are emptied, up to what they can hold (one that lives may go on
//! speaking); when every worker has done that, and nothing is on its way between them, sockets are closed; those with
//! bytes that found no memory yet stay until they are sent, or for as long as an orphan may.

use std::sync::atomic::Ordering;

use coremill_ring::message::Message;
use coremill_ring::owner::ReadMark;
use coremill_ring::untrusted::Violation;
use coremill_tcp::Instant;

use super::agreement::Phase;
use super::budget::Budget;
use super::domain::Domain;
use super::socket_table::{Kind, Place};
use super::stream::{Holder, Tools};
use super::turn::Turn;

/// How far leaving has come on a worker.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// Commands that may be left in the rings; None before it began.
    commands_left: Option<usize>,
    has_drained: bool,
    /// The place that is looked at next.
    place: usize,
    /// When what is not sent by then is given up.
    until: Option<Instant>,
}

/// What a slice of leaving came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// There is more to do at once.
    Something,
    /// Some connections still send: look again in a while.
    Senders,
    /// Nothing is left here.
    Nothing,
}

impl Domain {
    /// One slice of leaving.
    pub(super) fn leave(&mut self, turn: &mut Turn<'_>) -> Left {
        if !self.is_leaving {
            self.is_leaving = true;
            // Whatever its bits say: it may have died before it set one.
            self.flagged = [u64::MAX; 8];
            self.leaving.until = Some(turn.now + turn.shard.limits().orphan_timeout);
        }
        if self.attachment.violation().is_none() {
            match self.carry_out_rest(turn) {
                Ok(true) => {}
                Ok(false) if self.is_stalled() => return Left::Senders,
                Ok(false) => return Left::Something,
                Err(violation) => self.attachment.condemn(violation),
            }
        }
        self.drained();
        self.leave_listeners(turn);
        for _ in 0..CLOSES_MAX {
            let Some((place, number)) = self.sockets.taken_from(self.leaving.place) else {
                self.leaving.place = 0;
                return match self.sockets.taken_from(0) {
                    None => Left::Nothing,
                    Some(_) => Left::Senders,
                };
            };
            self.leaving.place = place + 1;
            self.leave_socket(number, turn);
        }
        Left::Something
    }

    /// Carries out what was asked for before; true when nothing of it is left, on any worker.
    fn carry_out_rest(&mut self, turn: &mut Turn<'_>) -> Result<bool, Violation> {
        if !self.leaving.has_drained {
            let shape = *self.attachment.parts.layout.shape();
            let all = shape.contexts as usize * shape.command_slots as usize;
            let left = self.leaving.commands_left.unwrap_or(all);
            self.budget = Budget::of_turn(1);
            let taken = self.take_commands(turn, &mut Message::new())?;
            let left = left.saturating_sub(taken);
            self.leaving.commands_left = Some(left);
            if self.is_stalled() || taken > 0 && left > 0 {
                return Ok(false);
            }
            self.drained();
        }
        // Those who have not yet may still hand something over.
        let attachment = &self.attachment;
        let members = attachment.members.load(Ordering::Acquire);
        let are_drained = attachment.drained.load(Ordering::Acquire) >= members;
        self.budget = Budget::of_turn(1);
        Ok(self.take_forwarded(turn)? == 0 && are_drained && !self.is_stalled())
    }

    /// Whether it leaves, and what is not sent by now is given up.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.is_leaving && self.leaving.until.is_none_or(|until| until <= now)
    }

    /// This worker's rings hold nothing more that counts. Said once.
    fn drained(&mut self) {
        if !std::mem::replace(&mut self.leaving.has_drained, true) {
            self.attachment.drained.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn leave_socket(&mut self, number: u32, turn: &mut Turn<'_>) {
        // What fails here fails because of the application, which is leaving.
        let _lied: Result<(), Violation> = self.look_after(number, turn);
        self.follow_read_mark(number, turn);
        let is_late = self.is_late(turn.now);
        let is_liar = self.attachment.violation().is_some();
        let Some(Place { slot, .. }) = self.sockets.at(number) else {
            return;
        };
        let Some(socket) = slot.socket.as_mut() else {
            return;
        };
        let resets = socket.resets_on_close || self.attachment.resets_on_death();
        match &mut socket.kind {
            Kind::Stream(stream) => {
                // An end of stream would make what is lost look complete.
                if resets || is_liar || stream.unread(&self.chunks) > 0 {
                    self.abort(number, turn);
                } else if !stream.is_filled(&self.chunks) {
                    self.finish_close(number, turn);
                } else if is_late {
                    turn.shard.counters().abort_on_linger.increment();
                    self.abort(number, turn);
                } else {
                    // Rare: memory is so short that what was filled waits still.
                    stream.holder = Holder::Gone;
                }
            }
            Kind::Unconnected { .. } | Kind::Listener { .. } => self.release(number),
        }
    }

    /// What the application had read, and not told by a command, is not unread.
    fn follow_read_mark(&mut self, number: u32, turn: &mut Turn<'_>) {
        let Some(Place {
            handle,
            state,
            slot,
            ..
        }) = self.sockets.at(number)
        else {
            return;
        };
        let Some(socket) = slot.socket.as_mut() else {
            return;
        };
        let parts = &self.attachment.parts;
        let Some(words) = parts.layout.owners(number) else {
            return;
        };
        let mark = ReadMark::new(words, handle);
        let Kind::Stream(stream) = &mut socket.kind else {
            return;
        };
        let unread = stream.unread(&self.chunks);
        let told = state.received().saturating_sub(unread);
        let Some(read) = mark.beyond(&parts.application, (told, unread)) else {
            return;
        };
        let mut tools = Tools {
            state,
            chunks: &mut self.chunks,
            attachment: &self.attachment,
            turn,
        };
        // It lies between what was read and what was received.
        let _believed = stream.take_back(read, &mut tools);
    }

    /// Closes this worker's listeners; the others close theirs.
    pub(super) fn leave_listeners(&mut self, turn: &mut Turn<'_>) {
        let attachment = self.attachment.clone();
        let mut table = attachment.agreements.table();
        for (number, agreed) in (0_u32..).zip(table.iter_mut()) {
            if agreed.phase != Phase::Free {
                agreed.phase = Phase::Closing;
                attachment.agreements.keys().forget(number);
            }
            let is_open = |listening: &super::listening::Listening| listening.open.is_some();
            if self.listening.get(number as usize).is_some_and(is_open) {
                self.close_here(number, turn);
                agreed.having = agreed.having.saturating_sub(1);
            }
            if agreed.phase == Phase::Closing && agreed.having == 0 {
                agreed.free();
            }
        }
        attachment.agreements.changed();
        turn.wake_all();
    }
}

/// Sockets closed in one turn of a leaving application.
const CLOSES_MAX: usize = 64;
