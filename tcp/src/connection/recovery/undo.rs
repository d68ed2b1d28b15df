//! Taking back what was done for losses that were none: RFC 3522 (Eifel), RFC 2883 with RFC 3708 (D-SACK), RFC 4015.

use super::super::{Connection, Context, is_before};
use super::Findings;
use super::rack::RECOVERIES;
use crate::congestion::Phase;
use crate::memory::Memory;
use crate::scoreboard::{Scoreboard, Undo};
use crate::send_records::Marks;
use crate::table::NONE;

impl<Q: Default> Connection<Q> {
    /// From here on it is watched whether anything was lost at all.
    pub(super) fn watch_for_undo(&self, board: &mut Scoreboard) {
        board.undo = Undo {
            marker: self.send.unacknowledged,
            is_possible: true,
            retransmissions: if board.retransmitted > 0 { 1 } else { -1 },
            ..board.undo
        };
    }

    /// All retransmissions were needless, or the first copy is what arrived.
    fn may_undo(board: &Scoreboard, found: &Findings) -> bool {
        board.undo.is_possible && (board.undo.retransmissions == 0 || is_delayed(board, found))
    }

    /// The windows are what they were; `unmarks`: nothing counts as lost any more.
    fn undo<M>(&mut self, context: &mut Context<M>, board: &mut Scoreboard, unmarks: bool) {
        if unmarks {
            let mut at = context
                .records
                .first(&self.send.records)
                .map(|(first, _)| first);
            while let Some(index) = at {
                if let Some(record) = context.records.get_mut(index) {
                    record.marks.unset(Marks::LOST);
                }
                at = context.records.after(&self.send.records, index);
            }
            board.lost = 0;
            board.duplicates = None;
            self.send.resend = NONE;
        }
        self.congestion.undo(&mut context.congestion);
        board.undo.is_possible = false;
        board.rack.has_advanced = true;
    }

    /// All that was outstanding when recovery began is acknowledged. True when the state must not end yet.
    pub(super) fn try_undo_recovery<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &Findings,
    ) -> bool {
        if Self::may_undo(board, found) {
            if self.send.phase == Phase::Loss {
                context.counters.loss_undo.increment();
            } else {
                context.counters.full_undo.increment();
            }
            self.undo(context, board, false);
        } else {
            let persists = &mut self.send.reordering.persists;
            *persists = persists.saturating_sub(1);
        }
        if self.send.unacknowledged == board.high && !self.uses_sack(&context.limits) {
            // RFC 6582, section 4.1: duplicates of what was sent again must not begin another recovery.
            if !self.has_retransmitted(context, board) {
                board.undo.has_stamp = false;
            }
            return true;
        }
        self.send.phase = Phase::Open;
        false
    }

    /// D-SACKs have told of each retransmission that it was needless.
    pub(super) fn try_undo_by_duplicates<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
    ) -> bool {
        if !board.undo.is_possible || board.undo.retransmissions != 0 {
            return false;
        }
        let persists = &mut self.send.reordering.persists;
        *persists = persists.saturating_add(1).min(RECOVERIES);
        context.counters.dsack_undo.increment();
        self.undo(context, board, false);
        true
    }

    /// Part of the window is acknowledged, and not because it was sent again. True when it was so.
    pub(super) fn try_undo_partially<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &Findings,
    ) -> bool {
        if !board.undo.is_possible || !is_delayed(board, found) {
            return false;
        }
        if self.uses_sack(&context.limits) {
            self.note_reordering(context, found.before, found.highest_before, true);
        }
        if board.retransmitted > 0 {
            // Other retransmissions are on their way: nothing new, until more is known.
            return true;
        }
        if !self.has_retransmitted(context, board) {
            board.undo.has_stamp = false;
        }
        context.counters.partial_undo.increment();
        self.undo(context, board, true);
        self.keep_open(board);
        true
    }

    /// The timeout was spurious; `by_originals`: as RFC 5682 finds out.
    /// RFC 5682, section 4.
    pub(super) fn try_undo_timeout<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &Findings,
        by_originals: bool,
    ) -> bool {
        if !by_originals && !Self::may_undo(board, found) {
            return false;
        }
        self.undo(context, board, true);
        context.counters.loss_undo.increment();
        if by_originals {
            context.counters.spurious_rtos.increment();
        }
        self.send.attempts = 0;
        if by_originals || self.uses_sack(&context.limits) {
            self.send.phase = Phase::Open;
            board.is_timeout_doubted = false;
        }
        true
    }
}

/// RFC 3522: the peer answers to a segment that was sent before the first retransmission.
fn is_delayed(board: &Scoreboard, found: &Findings) -> bool {
    board.undo.has_stamp
        && found
            .timestamps
            .is_some_and(|stamp| stamp.echo != 0 && is_before(stamp.echo, board.undo.first_stamp))
}
