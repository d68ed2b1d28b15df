//! Commands that one worker took out of a ring for another: a bounded queue for each worker, and back pressure.

use coremill_ring::command::Command;
use coremill_ring::message::INLINE_BYTES_MAX;
use coremill_ring::untrusted::Violation;
use zeroize::Zeroize;

use super::budget::Budget;
use super::domain::Domain;
use super::mail::Mail;
use super::turn::Turn;

/// A command, with the context whose notifier gets the answer.
#[derive(Clone)]
pub(super) struct Forwarded {
    pub(super) context: u32,
    pub(super) command: Command,
    payload: [u8; INLINE_BYTES_MAX],
    length: usize,
}

impl Forwarded {
    pub(super) fn new(context: u32, command: &Command, bytes: &[u8]) -> Self {
        let mut payload = [0; INLINE_BYTES_MAX];
        let length = bytes.len().min(INLINE_BYTES_MAX);
        payload[..length].copy_from_slice(&bytes[..length]);
        Self {
            context,
            command: *command,
            payload,
            length,
        }
    }

    /// What is left of a `Send` of which `count` bytes were sent.
    pub(super) fn rest(&self, count: usize) -> Self {
        let bytes = self.payload().get(count..).unwrap_or_default();
        let mut command = self.command;
        if let Command::Send { offset, .. } | Command::SendMarked { offset, .. } = &mut command {
            *offset += count as u64;
        }
        Self::new(self.context, &command, bytes)
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.payload.get(..self.length).unwrap_or_default()
    }
}

/// Keys travel this way too, and are not to stay behind.
impl Drop for Forwarded {
    fn drop(&mut self) {
        if matches!(self.command, Command::SetKey { .. }) {
            self.payload.zeroize();
        }
    }
}

impl std::fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} of context {}", self.command, self.context)
    }
}

impl Domain {
    /// False when it has to be tried again: it, or the worker it is for, has no room.
    pub(super) fn carry_out_or_forward(
        &mut self,
        number: u32,
        command: &Command,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<bool, Violation> {
        let owner = self.owner_of(command);
        if owner != self.worker {
            return Ok(self.forward(Forwarded::new(number, command, payload), owner, turn));
        }
        self.carry_out_or_stall(number, command, payload, turn)
    }

    /// Carries a command out; false when bytes of it wait for memory.
    fn carry_out_or_stall(
        &mut self,
        number: u32,
        command: &Command,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<bool, Violation> {
        let count = self.carry_out(number, command, payload, turn)?;
        if count < payload.len() {
            self.stall(Forwarded::new(number, command, payload).rest(count));
        }
        Ok(count == payload.len())
    }

    /// A command that the worker it is for had no room for before; false when it still has none.
    #[cold]
    pub(super) fn try_again(
        &mut self,
        number: u32,
        stalled: Forwarded,
        turn: &mut Turn<'_>,
    ) -> Result<bool, Violation> {
        self.budget.charge(&stalled.command);
        let owner = self.owner_of(&stalled.command);
        if owner != self.worker {
            return Ok(self.forward(stalled, owner, turn));
        }
        let count = self.carry_out(number, &stalled.command, stalled.payload(), turn)?;
        // Counted when it was tried first.
        self.counts.commands -= 1;
        if count < stalled.length {
            self.stall(stalled.rest(count));
            return Ok(false);
        }
        Ok(true)
    }

    /// A command of this worker's is tried again in a later turn, and those behind it wait.
    #[cold]
    pub(super) fn stall(&mut self, rest: Forwarded) {
        if let Some(context) = self.contexts.get_mut(rest.context as usize) {
            context.stalled = Some(rest);
        }
        self.is_held_back = true;
    }

    /// Gives a command to the worker it is for; false when that has no room, and the command waits here.
    pub(super) fn forward(&mut self, next: Forwarded, owner: u32, turn: &mut Turn<'_>) -> bool {
        let Some(queue) = self.attachment.forwards.get(owner as usize) else {
            return true;
        };
        let number = next.context as usize;
        if let Err(back) = queue.push(next) {
            if let Some(context) = self.contexts.get_mut(number) {
                context.stalled = Some(back);
            }
            self.is_held_back = true;
            return false;
        }
        self.counts.commands_forwarded += 1;
        turn.wake(owner);
        true
    }

    /// Carries out what other workers handed over, with half of what the turn has for this application where somebody
    /// spoke here, too: neither is to wait for the other, nor to have a part of its own.
    pub(super) fn take_forwarded_beside(
        &mut self,
        somebody_spoke: bool,
        turn: &mut Turn<'_>,
    ) -> Result<usize, Violation> {
        let kept = match somebody_spoke {
            true => self.budget.halve(),
            false => Budget::default(),
        };
        let done = self.take_forwarded(turn)?;
        self.budget.add(kept);
        Ok(done)
    }

    /// Carries out what other workers handed over.
    pub(super) fn take_forwarded(&mut self, turn: &mut Turn<'_>) -> Result<usize, Violation> {
        let own = self.attachment.forwards.get(self.worker as usize);
        if self.stalled.is_none() && own.is_none_or(|queue| queue.is_empty()) {
            return Ok(0);
        }
        let attachment = self.attachment.clone();
        let Some(queue) = attachment.forwards.get(self.worker as usize) else {
            return Ok(0);
        };
        let mut done = 0;
        while done < FORWARDED_MAX
            && !self.budget.is_spent()
            && (self.stalled.is_some() || !queue.is_empty())
        {
            // Which context is next is not known before it is taken: all must have room.
            if !self.is_leaving
                && !self
                    .mails
                    .iter()
                    .take(self.contexts.len())
                    .all(Mail::has_room)
            {
                self.is_held_back = true;
                break;
            }
            let Some(next) = self.stalled.take().or_else(|| queue.pop()) else {
                break;
            };
            self.budget.charge(&next.command);
            let count = self.carry_out(next.context, &next.command, next.payload(), turn)?;
            if count < next.length {
                self.stalled = Some(next.rest(count));
                self.is_held_back = true;
                break;
            }
            done += 1;
        }
        Ok(done)
    }
}

/// Commands from other workers in one turn.
const FORWARDED_MAX: usize = 128;
