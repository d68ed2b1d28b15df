//! The window shrinks to ssthresh while acknowledgements come: proportional rate reduction, RFC 9937.

use super::super::{Connection, Context};
use crate::congestion::{Phase, Reason};
use crate::memory::Memory;
use crate::scoreboard::{Probe, Reduction, Scoreboard};

impl<Q: Default> Connection<Q> {
    /// Something was lost: fast recovery begins (RFC 5681, section 3.2). `delivered`: by this acknowledgement.
    pub(super) fn enter_recovery<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        delivered: u32,
    ) {
        if self.extension.is_held() && self.is_size_probe_lost(context, board) {
            return;
        }
        if self.uses_sack(&context.limits) {
            context.counters.sack_recovery.increment();
        } else {
            context.counters.reno_recovery.increment();
        }
        self.watch_for_undo(board);
        if !self.send.phase.is_reduction() {
            self.start_reduction(context, board, delivered, Reason::Loss);
        }
        board.high = self.send.next;
        board.is_rescued = false;
        self.send.phase = Phase::Recovery;
    }

    /// RFC 9937, section 6: ssthresh falls, and RecoverFS is what the reduction counts by.
    /// RFC 2018, section 5.1; RFC 5681, section 4.3.
    pub(super) fn start_reduction<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        delivered: u32,
        reason: Reason,
    ) {
        let mut outstanding = self.send.outstanding();
        let flight = outstanding.saturating_sub(board.sacked) + delivered;
        if reason == Reason::Mark {
            // What this acknowledgement took away was in flight when it was marked.
            outstanding = outstanding.max(flight);
        }
        board.high = self.send.next;
        board.probe = Probe::None;
        board.reduction = Reduction {
            flight: flight.max(1),
            delivered: 0,
            out: 0,
        };
        self.congestion
            .reduce(&mut context.congestion, context.now, outstanding, reason);
        self.receive.ecn.window_reduced();
    }

    /// The window is to shrink although nothing was lost: the peer echoes a mark (RFC 3168, section 6.1.2).
    pub(crate) fn enter_reducing<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let mut board = self.board(context);
        if self.begin_reducing(context, &mut board, 0) {
            self.keep(context, &board);
        }
    }

    /// The same with the scoreboard at hand; false when the window shrinks already. `delivered`: by this acknowledgement.
    pub(super) fn begin_reducing<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        delivered: u32,
    ) -> bool {
        let begins = matches!(self.send.phase, Phase::Open | Phase::Disorder);
        if begins {
            board.undo.is_possible = false;
            self.start_reduction(context, board, delivered, Reason::Mark);
            self.send.phase = Phase::Reducing;
        }
        begins
    }

    /// RFC 9937, section 7, on each acknowledgement. `is_safe`: SafeACK. `forces`: a segment must go now.
    /// RFC 6675, section 5; RFC 8985, section 9.3.
    pub(super) fn reduce_in_proportion(
        &mut self,
        board: &mut Scoreboard,
        delivered: u32,
        is_safe: bool,
        forces: bool,
    ) {
        let threshold = self.congestion.slow_start_threshold();
        let segment = self.congestion.segment();
        if delivered == 0 || self.congestion.controls_window() {
            return;
        }
        self.send.left = board.left();
        let in_flight = self.send.in_flight();
        let reduction = &mut board.reduction;
        reduction.delivered = reduction.delivered.saturating_add(delivered);
        let mut count = if in_flight > threshold {
            let share = u64::from(reduction.delivered) * u64::from(threshold);
            let due = share.div_ceil(u64::from(reduction.flight.max(1)));
            // In whole segments, rounded up (as Linux): what is to be sent again does not wait for a part of one.
            u32::try_from(due)
                .unwrap_or(WINDOW_MAX)
                .min(WINDOW_MAX)
                .next_multiple_of(segment.max(1))
                .saturating_sub(reduction.out)
        } else {
            let mut count = reduction
                .delivered
                .saturating_sub(reduction.out)
                .max(delivered);
            if is_safe {
                count += segment;
            }
            count.min(threshold - in_flight)
        };
        if reduction.out == 0 || forces {
            // A fast retransmission at once.
            count = count.max(segment);
        }
        self.congestion.set_window(in_flight.saturating_add(count));
    }

    /// The reduction is complete.
    /// RFC 5681, section 4.3; RFC 6582, section 3.2.
    pub(super) fn end_reduction(&mut self, board: &Scoreboard) {
        if self.congestion.controls_window() {
            return;
        }
        if self.send.phase == Phase::Reducing || board.undo.is_possible {
            self.congestion
                .set_window(self.congestion.slow_start_threshold());
        }
    }
}

/// No window is larger (RFC 7323, section 2.3).
const WINDOW_MAX: u32 = 1 << 30;
