//! Segments that are sent again: which is next, whether it may go, and what is noted of it.

use super::super::hold::{Hold, Plan};
use super::super::{Connection, Context};
use super::timer::Timer;
use crate::congestion::Phase;
use crate::connection::Due;
use crate::memory::Memory;
use crate::send_records::{Marks, SendRecord, SendRecordPool, micros};
use crate::sequence::SequenceNumber;
use crate::table::NONE;

impl<Q> Connection<Q> {
    /// The first segment to be sent again, from the hint on.
    /// RFC 6675, section 4.
    fn first_to_resend(&self, records: &SendRecordPool) -> Option<u32> {
        let mut at = (self.send.resend != NONE).then_some(self.send.resend);
        while let Some(index) = at {
            if records.get(index)?.is_to_resend() {
                return Some(index);
            }
            at = records.after(&self.send.records, index);
        }
        None
    }

    /// The next segment to be sent again, payload of at most `full`; None when there is none.
    /// RFC 6675, section 5.
    pub(crate) fn plan_resend(
        &self,
        records: &SendRecordPool,
        full: u32,
    ) -> Option<Result<Plan, Hold>> {
        let index = self.first_to_resend(records)?;
        let record = records.get(index)?;
        let send = &self.send;
        let start = record.start.later(send.unacknowledged);
        let offset = start.since(send.unacknowledged);
        let length = record.end.since(start);
        let available = length.min(send.queued.saturating_sub(offset));
        let in_flight = send.in_flight();
        if in_flight != 0 && in_flight.saturating_add(full.min(length)) > self.congestion.window() {
            return Some(Err(Hold::Congestion));
        }
        // A window that was taken back: only the oldest goes, as a probe (as Linux).
        let in_window = match send.window.saturating_sub(offset) {
            0 if offset == 0 => full,
            0 => return Some(Err(Hold::Window)),
            in_window => in_window,
        };
        let payload = available.min(full).min(in_window);
        Some(Ok(Plan {
            sequence: start,
            payload,
            fin: payload == available && length > available,
            segment: payload,
            record: index,
        }))
    }
}

impl<Q: Default> Connection<Q> {
    /// Makes the next record to be sent again as long as a segment is: cut, or joined with those behind it.
    pub(crate) fn fit_resend<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>, full: u32) {
        let Some(index) = self.first_to_resend(&context.records) else {
            self.send.resend = NONE;
            return;
        };
        self.send.resend = index;
        while let (Some(&record), Some(next)) = (
            context.records.get(index),
            context.records.after(&self.send.records, index),
        ) && let Some(second) = context.records.get(next)
            && second.is_to_resend()
            && let (length, second) = (self.payload_of(&record), self.payload_of(second))
            && (length + second <= full || (length < full && second > full))
        {
            let mut board = self.board(context);
            board.forget_record(next, index);
            context.records.join(&mut self.send.records, index);
            self.keep(context, &board);
        }
        self.cut(context, index, full);
    }

    /// Cuts a record that is longer than a segment now; without a record for the rest it stays as it is.
    fn cut<M>(&mut self, context: &mut Context<M>, index: u32, full: u32) {
        let Some(&record) = context.records.get(index) else {
            return;
        };
        if self.payload_of(&record) > full {
            let at = record.start.later(self.send.unacknowledged) + full;
            context.records.split(&mut self.send.records, index, at);
        }
    }

    /// Bytes of a record, its FIN not counted.
    fn payload_of(&self, record: &SendRecord) -> u32 {
        let start = record.start.later(self.send.unacknowledged);
        let offset = start.since(self.send.unacknowledged);
        record
            .end
            .since(start)
            .min(self.send.queued.saturating_sub(offset))
    }

    /// A record has been sent again, up to `end`.
    #[cold]
    pub(crate) fn resent<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        index: u32,
        end: SequenceNumber,
    ) {
        let mut board = self.board(context);
        let is_first = context
            .records
            .first(&self.send.records)
            .is_some_and(|(first, _)| first == index);
        let is_tail = self.due.has(Due::TAIL);
        if context
            .records
            .get(index)
            .is_some_and(|record| end < record.end)
            && !is_tail
        {
            // The window, or the pool, let only a part of it go.
            context.records.split(&mut self.send.records, index, end);
        }
        let Some(record) = context.records.get_mut(index) else {
            return;
        };
        record.resend(micros(context.now));
        if let Some(rate) = self.congestion.delivery(&mut context.congestion) {
            record.note_rate(&rate.on_send(context.now, self.send.outstanding()));
        }
        if !is_tail {
            record.marks.set(Marks::RETRANSMITTED);
            board.retransmitted += record.length();
        }
        if self.send.phase.is_reduction() {
            board.reduction.out += record.length();
        }
        let undo = &mut board.undo;
        undo.retransmissions = undo.retransmissions.max(0).saturating_add(1);
        if !undo.has_stamp {
            undo.has_stamp = true;
            undo.first_stamp = self.stamps.clock(context.now);
        }
        self.count_resent(context);
        if self.extension.is_held() {
            self.forget_size_probe(context);
        }
        if is_tail {
            self.keep(context, &board);
            self.probe_sent(context, crate::scoreboard::Probe::Again);
            return;
        }
        self.send.resend = context
            .records
            .after(&self.send.records, index)
            .unwrap_or(NONE);
        self.send.resend = self.first_to_resend(&context.records).unwrap_or(NONE);
        if is_first && !matches!(self.send.timer, Timer::Reordering | Timer::FastOpen) {
            self.restart_timeout(context);
        }
        self.keep(context, &board);
    }

    fn count_resent<M>(&mut self, context: &Context<M>) {
        context.counters.retrans_segs.increment();
        self.send.retransmissions = self.send.retransmissions.wrapping_add(1);
        self.send.believable = self.send.believable.saturating_add(1);
        if self.due.has(Due::TAIL) {
            return;
        }
        if self.send.phase == Phase::Loss {
            context.counters.slow_start_retrans.increment();
        } else {
            context.counters.fast_retrans.increment();
        }
    }

    /// New data has been sent, from SND.NXT to `end`.
    #[inline(always)]
    pub(crate) fn note_sent<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        end: SequenceNumber,
        is_pushed: bool,
    ) {
        let start = self.send.next;
        let was_idle = self.send.records.is_empty();
        let mut record = SendRecord::new(start, end, micros(context.now));
        record.marks.set_if(Marks::PUSHED, is_pushed);
        context.records.append(&mut self.send.records, record);
        if self.congestion.has_block() {
            self.note_rate(context);
        }
        self.send.next = end;
        if self.send.phase.is_reduction() {
            self.count_in_reduction(context, end.since(start));
        }
        self.start_timer(context, was_idle);
        if self.due.has(Due::TAIL) {
            self.probe_sent(context, crate::scoreboard::Probe::New);
        }
    }

    /// The last segment sent remembers what had been delivered before it.
    #[inline(never)]
    fn note_rate<M>(&mut self, context: &mut Context<M>) {
        let in_flight = self.send.outstanding();
        if let Some(rate) = self.congestion.delivery(&mut context.congestion)
            && let Some(record) = context.records.last_mut(&self.send.records)
        {
            record.note_rate(&rate.on_send(context.now, in_flight));
        }
    }

    #[cold]
    fn count_in_reduction<M>(&mut self, context: &mut Context<M>, bytes: u32) {
        let mut board = self.board(context);
        board.reduction.out += bytes;
        self.keep(context, &board);
    }

    /// The path carries less than before: what is outstanding and too long goes again in smaller pieces, and the
    /// congestion window does not hear of it (RFC 1191, section 6.5; RFC 8201, section 5.4).
    pub(crate) fn resend_longer<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        full: u32,
    ) {
        let mut board = self.board(context);
        let lost_before = board.lost_ever;
        let mut at = context
            .records
            .first(&self.send.records)
            .map(|(first, _)| first);
        while let Some(index) = at {
            let record = context.records.get(index).copied();
            if record.is_some_and(|record| self.payload_of(&record) > full) {
                self.mark_lost(context, &mut board, index);
            }
            at = context.records.after(&self.send.records, index);
        }
        if board.lost_ever == lost_before {
            return;
        }
        if self.send.phase != Phase::Loss {
            board.high = self.send.next;
            board.undo.is_possible = false;
            self.send.phase = Phase::Loss;
        }
        self.keep(context, &board);
    }
}
