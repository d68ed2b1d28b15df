//! What an acknowledgement covers cumulatively is let go of, segment by segment.

use super::super::{Connection, Context};
use super::Findings;
use crate::memory::Memory;
use crate::scoreboard::Scoreboard;
use crate::send_records::{Marks, SendRecord, moment};
use crate::table::NONE;

impl<Q: Default> Connection<Q> {
    /// Lets go of all before SND.UNA.
    /// RFC 2018, section 8; RFC 6675, section 4: nothing goes before it is acknowledged.
    pub(super) fn release_records<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        let unacknowledged = self.send.unacknowledged;
        let uses_sack = self.uses_sack(&context.limits);
        let mut filled = None;
        let mut bytes_released = 0;
        while let Some((index, &record)) = context.records.first(&self.send.records) {
            if record.start >= unacknowledged {
                found.reneges = record.marks.any(Marks::SACKED);
                break;
            }
            let is_whole = record.end <= unacknowledged;
            let bytes = record.end.earlier(unacknowledged).since(record.start);
            bytes_released += bytes;
            self.release_one(context, board, found, &record, bytes);
            if !record.marks.any(Marks::SACKED | Marks::EVER_RETRANSMITTED) && is_whole {
                filled = filled.or(Some(record.start));
            }
            if !is_whole {
                found.reneges = record.marks.any(Marks::SACKED);
                if let Some(record) = context.records.get_mut(index) {
                    record.start = unacknowledged;
                }
                break;
            }
            let next = context.records.after(&self.send.records, index);
            if self.send.resend == index {
                self.send.resend = next.unwrap_or(NONE);
            }
            board.forget_record(index, NONE);
            context.records.pop(&mut self.send.records);
        }
        if !found.advances {
            return;
        }
        if uses_sack {
            // A hole that nobody filled by sending again: it was reordering.
            if let (Some(filled), Some(highest)) = (filled, found.highest_before)
                && filled < highest
            {
                self.note_reordering(context, filled, Some(highest), false);
            }
        } else {
            self.release_duplicates(context, board, found, bytes_released);
        }
    }

    /// Bytes at the front of a record have been acknowledged.
    fn release_one<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
        record: &SendRecord,
        bytes: u32,
    ) {
        let marks = record.marks;
        let is_whole = bytes == record.length();
        if marks.any(Marks::EVER_RETRANSMITTED) {
            found.acknowledges_retransmitted = true;
            if marks.any(Marks::RETRANSMITTED) {
                board.retransmitted -= bytes.min(board.retransmitted);
            }
        } else if !marks.any(Marks::SACKED) && is_whole {
            found.first_sent_at = found.first_sent_at.or(Some(record.sent_at));
            found.last_sent_at = Some(record.sent_at);
            found.acknowledges_original |= record.end <= board.high;
        }
        if marks.any(Marks::LOST) {
            board.lost -= bytes.min(board.lost);
        }
        if marks.any(Marks::SACKED) {
            board.sacked -= bytes.min(board.sacked);
            if is_whole {
                let segments = u32::from(record.segments);
                board.sacked_segments = board.sacked_segments.saturating_sub(segments);
            }
            return;
        }
        found.delivered += bytes;
        if is_whole {
            found.segments += u32::from(record.segments);
        }
        if let Some(rate) = self.congestion.delivery(&mut context.congestion) {
            let (stamp, sent_at) = record.rate_stamp(context.now);
            rate.on_delivered(context.now, &stamp, sent_at, bytes, &mut found.newest);
        }
        if self.uses_sack(&context.limits) && !self.is_needless(context, found, record) {
            let smallest = self.round_trip.smallest_micros();
            board.rack.advance(record, context.now, smallest);
        }
    }

    /// True when the echoed timestamp is older than the record's last retransmission: the first copy arrived.
    fn is_needless<M>(&self, context: &Context<M>, found: &Findings, record: &SendRecord) -> bool {
        record.marks.any(Marks::EVER_RETRANSMITTED)
            && found.timestamps.is_some_and(|stamp| {
                let sent = self.stamps.clock(moment(context.now, record.sent_at));
                stamp.echo != 0 && super::super::is_before(stamp.echo, sent)
            })
    }
}
