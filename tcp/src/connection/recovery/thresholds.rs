//! Losses found by counting: RFC 6675, FACK, and duplicates without SACK (RFC 6582; `duplicates.rs` counts these). What
//! reordering does to the count.

use super::super::{Connection, Context};
use super::Findings;
use crate::congestion::Phase;
use crate::limits::LossDetection;
use crate::memory::Memory;
use crate::scoreboard::Scoreboard;
use crate::send_records::Marks;
use crate::sequence::SequenceNumber;

/// How far the path is known to reorder, in segments, and what RACK makes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reordering {
    /// Duplicates that mean a loss: DupThresh.
    pub(crate) degree: u16,
    /// RACK.reo_wnd_mult; 0 before reordering was seen.
    pub(crate) window_steps: u8,
    /// RACK.reo_wnd_persist.
    pub(crate) persists: u8,
}

impl Reordering {
    /// Reordering was seen.
    pub(crate) fn is_seen(&self) -> bool {
        self.window_steps > 0
    }

    pub(crate) fn new(degree: u16) -> Self {
        Self {
            degree,
            window_steps: 0,
            persists: 0,
        }
    }
}

impl<Q: Default> Connection<Q> {
    /// Marks what is to be taken for lost now.
    /// RFC 8985, section 9.2.
    pub(super) fn look_for_losses<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        if self.send.records.is_empty() {
            return;
        }
        if !self.uses_sack(&context.limits) {
            self.look_by_duplicates(context, board, found);
            return;
        }
        match context.limits.loss_detection {
            LossDetection::Rack | LossDetection::NewReno => {
                self.look_by_time(context, board, found);
            }
            LossDetection::Rfc6675 => self.look_by_scoreboard(context, board),
            LossDetection::Fack => self.look_by_highest(context, board),
        }
    }

    /// RFC 6582: the oldest segment, when duplicates reach the threshold or part of a window was acknowledged.
    /// RFC 5681, section 3.2; RFC 6582, section 3.2.
    fn look_by_duplicates<M>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &Findings,
    ) {
        let is_reached = board.sacked_segments >= u32::from(self.send.reordering.degree);
        let is_lost = match self.send.phase {
            Phase::Open | Phase::Disorder | Phase::Reducing => is_reached,
            Phase::Recovery => found.advances,
            Phase::Loss => false,
        };
        if let Some((first, record)) = context.records.first(&self.send.records)
            && is_lost
            && !record.marks.any(Marks::LOST)
        {
            self.mark_lost(context, board, first);
        }
    }

    /// RFC 6675, section 4, IsLost: enough runs, or enough bytes, were received beyond.
    fn look_by_scoreboard<M>(&mut self, context: &mut Context<M>, board: &mut Scoreboard) {
        let threshold = u32::from(self.send.reordering.degree);
        let bytes_max = threshold.saturating_sub(1) * u32::from(self.send.mss);
        let mut runs = 0;
        let mut was_sacked = false;
        let mut at = context
            .records
            .first(&self.send.records)
            .map(|(first, _)| first);
        while let Some(index) = at {
            let is_sacked = is_sacked(context, index);
            runs += u32::from(is_sacked && !was_sacked);
            was_sacked = is_sacked;
            at = context.records.after(&self.send.records, index);
        }
        let mut bytes = board.sacked;
        was_sacked = false;
        at = context
            .records
            .first(&self.send.records)
            .map(|(first, _)| first);
        while let Some(index) = at {
            let Some(&record) = context.records.get(index) else {
                return;
            };
            let is_sacked = record.marks.any(Marks::SACKED);
            if is_sacked {
                bytes = bytes.saturating_sub(record.length());
                runs -= u32::from(!was_sacked);
            } else if runs >= threshold || bytes > bytes_max {
                if !record.marks.any(Marks::LOST) {
                    self.mark_lost(context, board, index);
                }
            } else if runs == 0 {
                return;
            }
            was_sacked = is_sacked;
            at = context.records.after(&self.send.records, index);
        }
    }

    /// Forward acknowledgement: what lies more than the threshold below the highest number sacked.
    fn look_by_highest<M>(&mut self, context: &mut Context<M>, board: &mut Scoreboard) {
        let Some(highest) = board.highest() else {
            return;
        };
        let distance = u32::from(self.send.reordering.degree) * u32::from(self.send.mss);
        let mut at = context
            .records
            .first(&self.send.records)
            .map(|(first, _)| first);
        while let Some(index) = at {
            let Some(&record) = context.records.get(index) else {
                return;
            };
            if record.start >= highest || highest.since(record.start) <= distance {
                return;
            }
            if !record.marks.any(Marks::LOST | Marks::SACKED) {
                self.mark_lost(context, board, index);
            }
            at = context.records.after(&self.send.records, index);
        }
    }

    /// NextSeg's rules 3 and 4: with nothing new to send, what lies between sacked segments goes again although too
    /// few of them tell that it is lost; and once in each recovery the last segment that is not sacked, whose loss
    /// nothing else would tell of before the timeout.
    /// RFC 6675, section 4.
    pub(super) fn rescue<M>(&mut self, context: &mut Context<M>, board: &mut Scoreboard) {
        if context.limits.loss_detection != LossDetection::Rfc6675
            || !self.uses_sack(&context.limits)
            || self.send.phase != Phase::Recovery
            || self.has_new_data()
        {
            return;
        }
        let mut last = None;
        let mut at = context
            .records
            .first(&self.send.records)
            .map(|(first, _)| first);
        while let Some(index) = at {
            let Some(record) = context.records.get(index) else {
                return;
            };
            if record.is_to_resend() {
                return;
            }
            if !record.marks.any(Marks::SACKED | Marks::LOST) {
                if board.highest().is_some_and(|highest| record.end <= highest) {
                    self.mark_lost(context, board, index);
                    return;
                }
                last = Some(index);
            }
            at = context.records.after(&self.send.records, index);
        }
        if let Some(last) = last
            && !board.is_rescued
        {
            board.is_rescued = true;
            self.mark_lost(context, board, last);
        }
    }

    /// Takes a segment for lost, or its retransmission.
    pub(super) fn mark_lost<M>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        index: u32,
    ) {
        let Some(record) = context.records.get_mut(index) else {
            return;
        };
        let length = record.length();
        if record.marks.any(Marks::SACKED) {
            return;
        }
        let start = record.start;
        let is_known = record.is_to_resend();
        if record.marks.any(Marks::RETRANSMITTED) {
            record.marks.unset(Marks::RETRANSMITTED);
            board.retransmitted -= length.min(board.retransmitted);
            context.counters.lost_retransmit.increment();
        }
        if !record.marks.any(Marks::LOST) {
            record.marks.set(Marks::LOST);
            board.lost += length;
            board.duplicates = None;
        }
        self.hint_at(context, index, start);
        if is_known {
            return;
        }
        board.lost_ever = board.lost_ever.wrapping_add(length);
        if let Some(rate) = self.congestion.delivery(&mut context.congestion) {
            rate.on_lost(length);
        }
    }

    /// The hint at what is sent again first moves back to a record, unless it lies before it.
    fn hint_at<M>(&mut self, context: &Context<M>, index: u32, start: SequenceNumber) {
        let hint = context.records.get(self.send.resend);
        if hint.is_none_or(|hint| start < hint.start) {
            self.send.resend = index;
        }
    }

    /// A segment at `low` arrived although one that ends at `highest` had arrived before.
    pub(super) fn note_reordering<M>(
        &mut self,
        context: &Context<M>,
        low: SequenceNumber,
        highest: Option<SequenceNumber>,
        by_timestamp: bool,
    ) {
        let Some(highest) = highest.filter(|highest| low < *highest) else {
            return;
        };
        let segment = u32::from(self.send.mss).max(1);
        self.widen(context, highest.since(low).div_ceil(segment));
        if by_timestamp {
            context.counters.ts_reorder.increment();
        } else {
            context.counters.sack_reorder.increment();
        }
    }

    pub(super) fn widen<M>(&mut self, context: &Context<M>, degree: u32) {
        let degree = degree.min(u32::from(context.limits.reordering_max));
        let degree = u16::try_from(degree).unwrap_or(u16::MAX);
        let reordering = &mut self.send.reordering;
        reordering.degree = reordering.degree.max(degree);
        reordering.window_steps = reordering.window_steps.max(1);
    }
}

fn is_sacked<M>(context: &Context<M>, index: u32) -> bool {
    let record = context.records.get(index);
    record.is_some_and(|record| record.marks.any(Marks::SACKED))
}
