//! The retransmission timeout, and whether it was spurious: RFC 6298, RFC 5681, RFC 5682 (F-RTO).

use std::time::Duration;

use super::super::{Connection, Context};
use super::timer::Timer;
use super::{Findings, forget_duplicates};
use crate::congestion::{Phase, Reason};
use crate::connection::Due;
use crate::limits::LossDetection;
use crate::memory::Memory;
use crate::scoreboard::{Probe, Scoreboard};
use crate::send_records::{Marks, micros, moment};
use crate::table::NONE;
use crate::time::Deadline;

impl<Q: Default> Connection<Q> {
    /// The timer ran out: what is outstanding counts as lost and is sent again from the oldest on, as the window
    /// opens again from one segment.
    /// RFC 5681, section 3.1; RFC 6582, section 4.
    /// RFC 6675, section 5.1; RFC 5682, sections 2.1 and 3.1.
    pub(crate) fn enter_loss<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let mut board = self.board(context);
        let is_calm = matches!(
            self.send.phase,
            Phase::Open | Phase::Disorder | Phase::Reducing
        );
        if matches!(self.send.phase, Phase::Open | Phase::Disorder) {
            // So many were received beyond, and it was no reordering after all.
            let usual = context.limits.reordering;
            if board.sacked_segments >= u32::from(usual) {
                self.send.reordering.degree = self.send.reordering.degree.min(usual);
            }
        }
        if self.send.attempts <= 1 {
            let oldest = context.records.first(&self.send.records);
            board.timeouts_since = oldest.map(|(_, oldest)| moment(context.now, oldest.sent_at));
        }
        self.count_failure(context, &board);
        self.mark_all(context, &mut board);
        let is_new = matches!(self.send.phase, Phase::Open | Phase::Disorder)
            || self.send.unacknowledged >= board.high
            || (self.send.phase == Phase::Loss && self.send.attempts <= 1);
        if is_new {
            let outstanding = self.send.outstanding();
            self.congestion.reduce(
                &mut context.congestion,
                context.now,
                outstanding,
                Reason::Timeout,
            );
            self.watch_for_undo(&mut board);
        }
        self.receive.ecn.window_reduced();
        self.send.left = board.left();
        if !self.congestion.controls_window() {
            let window = self.send.in_flight() + self.congestion.segment();
            self.congestion.set_window(window);
        }
        self.send.phase = Phase::Loss;
        self.due.unset(Due::TAIL);
        self.due.unset(Due::NEW_FIRST);
        board.high = self.send.next;
        board.probe = Probe::None;
        // RFC 5682, section 3.1, step 1.
        board.is_timeout_doubted =
            context.limits.spurious_timeout_detection && (is_calm || self.send.attempts > 1);
        self.keep(context, &board);
    }

    /// What a timeout ended, as Linux counts it.
    fn count_failure<M>(&self, context: &Context<M>, board: &Scoreboard) {
        if self.send.attempts > 1 {
            return;
        }
        let counters = &context.counters;
        let uses_sack = self.uses_sack(&context.limits);
        match (self.send.phase, uses_sack) {
            (Phase::Recovery, true) => counters.sack_recovery_fail.increment(),
            (Phase::Recovery, false) => counters.reno_recovery_fail.increment(),
            (Phase::Loss, _) => counters.loss_failures.increment(),
            (Phase::Disorder, true) => counters.sack_failures.increment(),
            (Phase::Disorder, false) => counters.reno_failures.increment(),
            _ if board.sacked > 0 && uses_sack => counters.sack_failures.increment(),
            _ => {}
        }
    }

    /// All but what was sent so shortly ago that it may well arrive (RFC 8985, section 6.3).
    /// RFC 2018, sections 5 and 5.1.
    /// RFC 6675, section 5.1; RFC 2018, section 5.
    fn mark_all<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>, board: &mut Scoreboard) {
        let uses_sack = self.uses_sack(&context.limits);
        let is_by_time = uses_sack && context.limits.loss_detection == LossDetection::Rack;
        let first = context.records.first(&self.send.records);
        let reneges = first.is_some_and(|(_, first)| first.marks.any(Marks::SACKED));
        let mut at = first.map(|(first, _)| first);
        let first = at.unwrap_or(NONE);
        if reneges {
            // RFC 2018, section 8: a timeout must not rely on what was sacked.
            context.counters.sack_reneging.increment();
            board.sacked = 0;
            board.sacked_segments = 0;
            board.highest_record = NONE;
        } else if !uses_sack {
            forget_duplicates(board);
        }
        let patience = if board.rack.is_known {
            board.rack.round_trip
        } else {
            self.round_trip.smoothed_micros()
        };
        let now = micros(context.now);
        while let Some(index) = at {
            at = context.records.after(&self.send.records, index);
            let Some(record) = context.records.get_mut(index) else {
                return;
            };
            if reneges {
                record.marks.unset(Marks::SACKED);
            } else if is_by_time && index != first && now.wrapping_sub(record.sent_at) < patience {
                continue;
            }
            self.mark_lost(context, board, index);
        }
    }

    /// What was sacked lies at SND.UNA and is not acknowledged: the peer may have let go of it. Linux gives it a moment.
    pub(super) fn await_reneging<M>(&mut self, context: &Context<M>) {
        let wait = self.round_trip.smoothed_micros() / 2;
        let wait = Duration::from_micros(u64::from(wait)).max(RENEGING_WAIT);
        self.send.timer = Timer::Timeout;
        self.deadlines.retransmit = Deadline::at(context.now + wait);
    }

    /// An acknowledgement after a timeout.
    pub(super) fn judge_in_loss<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        let is_complete = self.send.unacknowledged >= board.high;
        if found.advances && self.try_undo_timeout(context, board, found, false) {
            return;
        }
        if board.is_timeout_doubted {
            if found.acknowledges_original && self.try_undo_timeout(context, board, found, true) {
                // RFC 5682, section 3.1, step 3.b: what was never sent again has arrived.
                return;
            }
            if self.send.next > board.high {
                if found.sacks || found.is_duplicate {
                    // Step 3.a: the loss was real.
                    board.is_timeout_doubted = false;
                }
            } else if found.advances && !is_complete {
                // Step 2.b: new data tells whether the rest of the window is still coming.
                board.high = self.send.next;
                if self.has_new_data() && self.send.window > self.send.outstanding() {
                    self.due.set(Due::NEW_FIRST);
                    return;
                }
                board.is_timeout_doubted = false;
            }
        }
        if is_complete {
            self.try_undo_recovery(context, board, found);
            return;
        }
        if !self.uses_sack(&context.limits) {
            // RFC 6582, section 3.2, step 4: duplicates count again once something new was sent.
            if self.send.next > board.high && found.is_duplicate {
                self.count_duplicate(context, board, found);
            } else if found.advances {
                forget_duplicates(board);
            }
        }
    }
}

/// As Linux.
const RENEGING_WAIT: Duration = Duration::from_millis(10);
