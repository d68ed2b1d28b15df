//! RACK: a segment is lost when one sent later has been delivered and it had time enough (RFC 8985, section 6).

use std::time::Duration;

use super::super::{Connection, Context};
use super::Findings;
use super::timer::Timer;
use crate::congestion::Phase;
use crate::memory::Memory;
use crate::scoreboard::Scoreboard;
use crate::send_records::{Marks, micros};
use crate::time::Deadline;

impl<Q: Default> Connection<Q> {
    /// Section 6.2, step 5, with a timer for those that may still come.
    pub(super) fn look_by_time<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        if !std::mem::take(&mut board.rack.has_advanced) {
            return;
        }
        if self.await_reordering(context, board) {
            found.restarts_timer = false;
        }
    }

    /// Marks those whose time is over; true when the timer runs for others.
    fn await_reordering<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
    ) -> bool {
        let wait = self.detect_losses(context, board);
        if wait == 0 {
            return false;
        }
        let timeout = self.times_out_at(context, context.now);
        let wait = context.now + Duration::from_micros(u64::from(wait));
        self.send.timer = Timer::Reordering;
        self.deadlines.retransmit = Deadline::at(wait.min(timeout));
        true
    }

    /// Microseconds until the last of those that may still come must have come; 0 when there is none.
    /// RFC 5681, section 4.3; RFC 8985, section 6.
    fn detect_losses<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
    ) -> u32 {
        let now = micros(context.now);
        let patience = board
            .rack
            .round_trip
            .saturating_add(self.reordering_window(board));
        let mut wait = 0;
        let mut at = context
            .records
            .first(&self.send.records)
            .map(|(first, _)| first);
        while let Some(index) = at {
            let Some(record) = context.records.get(index) else {
                break;
            };
            at = context.records.after(&self.send.records, index);
            let is_waiting =
                record.marks.any(Marks::LOST) && !record.marks.any(Marks::RETRANSMITTED);
            if record.marks.any(Marks::SACKED) || is_waiting {
                continue;
            }
            if !board.rack.is_after(record) {
                if record.marks.any(Marks::EVER_RETRANSMITTED) {
                    continue;
                }
                // Those behind it were sent later still.
                break;
            }
            let age = now.wrapping_sub(record.sent_at);
            match patience.checked_sub(age) {
                Some(left) if left > 0 => wait = wait.max(left),
                _ => self.mark_lost(context, board, index),
            }
        }
        wait
    }

    /// RACK.reo_wnd in microseconds, section 6.2, step 4: none until reordering was seen, once recovery has begun or
    /// the classic threshold is reached.
    /// RFC 8985, section 3.3.2.
    fn reordering_window(&self, board: &Scoreboard) -> u32 {
        let reordering = &self.send.reordering;
        if !reordering.is_seen() {
            let is_recovering = matches!(self.send.phase, Phase::Recovery | Phase::Loss);
            if is_recovering || board.sacked_segments >= u32::from(reordering.degree) {
                return 0;
            }
        }
        let steps = u32::from(reordering.window_steps.max(1));
        let window = (self.round_trip.smallest_micros() / 4).saturating_mul(steps);
        window.min(self.round_trip.smoothed_micros())
    }

    /// Section 6.2, step 4: each round with a D-SACK widens the window by a quarter of the smallest round trip;
    /// after sixteen recoveries without one it is narrow again.
    /// RFC 8985, sections 3.3.2 and 4.
    pub(super) fn adapt_reordering_window(&mut self, board: &mut Scoreboard, found: &Findings) {
        let rack = &mut board.rack;
        if rack.is_widened && self.send.unacknowledged >= rack.widened_until {
            rack.is_widened = false;
        }
        let reordering = &mut self.send.reordering;
        let tells = found.tells_duplicate && !found.tells_probe_duplicate && reordering.is_seen();
        if tells && !rack.is_widened {
            rack.is_widened = true;
            rack.widened_until = self.send.next;
            reordering.window_steps = reordering.window_steps.saturating_add(1);
            reordering.persists = RECOVERIES;
        } else if reordering.persists == 0 {
            reordering.window_steps = reordering.window_steps.min(1);
        }
    }

    /// The reordering timer ran out: section 6.3.
    #[cold]
    pub(crate) fn reordering_timeout<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let mut board = self.board(context);
        let in_flight = self.send.in_flight();
        let is_awaited = self.await_reordering(context, &mut board);
        self.send.left = board.left();
        if self.send.in_flight() != in_flight {
            if self.send.phase != Phase::Recovery {
                self.enter_recovery(context, &mut board, 0);
            }
            if self.send.phase.is_reduction() {
                self.reduce_in_proportion(&mut board, 1, false, false);
            }
        }
        if !is_awaited {
            self.restart_timeout(context);
        }
        self.keep(context, &board);
    }
}

/// RFC 8985, section 6.2, step 4.
pub(super) const RECOVERIES: u8 = 16;
