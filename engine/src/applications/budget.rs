//! How much of a turn one application gets: by work, not by the number of commands, so that one that opens and connects
//! without end takes no more of the others' time than one that sends.

use coremill_ring::command::Command;

/// What is left of an application's part of this turn, in about the time of an answer that changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget(u32);

impl Budget {
    /// The part of each of `count` applications.
    pub(super) fn of_turn(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        Self((TURN_MAX / count).clamp(DOMAIN_MIN, DOMAIN_MAX))
    }

    /// Takes half of it away, and gives that.
    pub(super) fn halve(&mut self) -> Self {
        let half = self.0 / 2;
        self.0 -= half;
        Self(half)
    }

    /// What was taken away comes back.
    pub(super) fn add(&mut self, other: Self) {
        self.0 += other.0;
    }

    /// Whether nothing is left.
    pub(super) fn is_spent(self) -> bool {
        self.0 == 0
    }

    /// Takes what bytes inside a command cost.
    #[inline]
    pub(super) fn charge_send(&mut self) {
        self.0 = self.0.saturating_sub(SEND);
    }

    /// Takes what a command costs; the last one may cost more than there was.
    #[inline]
    pub(super) fn charge(&mut self, command: &Command) {
        self.0 = self.0.saturating_sub(weight(command));
    }
}

/// What a command costs, by the worst that it can come to.
fn weight(command: &Command) -> u32 {
    match command {
        Command::Read { .. }
        | Command::PassMark { .. }
        | Command::TakeUrgent { .. }
        | Command::WantRoom { .. }
        | Command::GiveBack { .. }
        | Command::SetOption { .. }
        | Command::GetOption { .. }
        | Command::Subscribe { .. }
        | Command::Unsubscribe { .. } => 1,
        // A segment each, perhaps.
        Command::Send { .. } | Command::SendMarked { .. } => SEND,
        Command::Open { .. } | Command::Bind { .. } => 2,
        Command::SendFilled { .. } | Command::Take { .. } => 4,
        Command::Shutdown { .. } | Command::Close { .. } => 4,
        // A search for a port and whose answers come home; all workers look at the table of listeners.
        _ => 16,
    }
}

/// As much as answers that make a socket, or name it.
const SEND: u32 = 2;
/// For all applications together.
const TURN_MAX: u32 = 1_024;
/// For one that is alone: a command of each of 128 connections.
const DOMAIN_MAX: u32 = 256;
/// For one of many.
const DOMAIN_MIN: u32 = 32;
