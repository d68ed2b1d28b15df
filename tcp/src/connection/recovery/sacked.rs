//! SACK blocks arrive: RFC 2018, RFC 2883, and which of them are believed (as Linux).

use super::super::{Connection, Context};
use super::Findings;
use crate::congestion::Phase;
use crate::header_options::{SACK_BLOCKS_MAX, SackBlock};
use crate::memory::Memory;
use crate::scoreboard::{Probe, Scoreboard};
use crate::send_records::Marks;
use crate::sequence::SequenceNumber;
use crate::table::NONE;

impl<Q: Default> Connection<Q> {
    /// Marks what they cover. SND.UNA has moved; records before it are still there.
    /// RFC 2018, section 5; RFC 6675, section 4.
    /// RFC 2018, section 5; RFC 6675, sections 4, 5 and 5.1.
    pub(super) fn take_sack<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
        acknowledgment: SequenceNumber,
        blocks: &[SackBlock],
    ) {
        let has_duplicate = self.find_duplicate(context, board, found, acknowledgment, blocks);
        // Too old an acknowledgement says nothing of use.
        if acknowledgment + self.send.window_largest < found.before
            || context.records.first(&self.send.records).is_none()
        {
            return;
        }
        let mut kept = [Block::default(); SACK_BLOCKS_MAX];
        let mut count = 0;
        for (index, block) in blocks.iter().enumerate() {
            let is_duplicate = has_duplicate && index == 0;
            if !self.is_credible(board, block, is_duplicate) {
                if is_duplicate {
                    context.counters.dsack_ignored.increment();
                } else if acknowledgment == self.send.unacknowledged
                    || block.right > self.send.unacknowledged
                {
                    // Others are old ones that come late.
                    context.counters.sack_discard.increment();
                }
                continue;
            }
            if block.right <= found.before {
                continue;
            }
            if let Some(place) = kept.get_mut(count) {
                *place = Block {
                    left: block.left,
                    right: block.right,
                    is_duplicate,
                };
                count += 1;
            }
        }
        let kept = kept.get_mut(..count).unwrap_or(&mut []);
        // All lie in the window, where distances from one point are an order.
        kept.sort_unstable_by_key(|block| block.left.since(found.before - WINDOW_MAX));
        self.mark(context, board, found, kept);
        if let Some(reordered) = found.reordered
            && (self.send.phase != Phase::Loss || board.undo.is_possible)
        {
            let highest = found.highest_before;
            self.note_reordering(context, reordered, highest.or(board.highest()), false);
        }
    }

    /// RFC 2883, section 4: the first block reports a duplicate when it lies before the acknowledgement or in the second.
    /// RFC 2883, section 5.
    fn find_duplicate<M>(
        &mut self,
        context: &Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
        acknowledgment: SequenceNumber,
        blocks: &[SackBlock],
    ) -> bool {
        let [first, rest @ ..] = blocks else {
            return false;
        };
        let is_before = first.left < acknowledgment;
        let is_inside = rest
            .first()
            .is_some_and(|second| first.right <= second.right && first.left >= second.left);
        if !is_before && !is_inside {
            return false;
        }
        let length = first.right.since(first.left);
        if first.left >= first.right || length > self.send.window_largest {
            return false;
        }
        // As Linux: more duplicates than retransmissions are the network's or a liar's.
        if self.send.believable == 0 {
            return false;
        }
        let segments = length.div_ceil(u32::from(self.send.mss).max(1));
        let told = u16::try_from(segments).unwrap_or(u16::MAX);
        self.send.believable = self.send.believable.saturating_sub(told);
        if is_before {
            context.counters.dsack_recv.increment();
        } else {
            context.counters.dsack_ofo_recv.increment();
        }
        found.tells_duplicate = true;
        found.tells_probe_duplicate = board.probe == Probe::Again && first.right == board.probe_end;
        found.delivered += length.min(u32::from(self.send.mss) * segments);
        // A retransmission was needless: of a segment acknowledged before.
        if board.undo.is_possible && first.right <= found.before && first.right > board.undo.marker
        {
            needless(board, segments);
        }
        true
    }

    /// Linux's rules: in the outstanding window, or a duplicate of what was sent since windows were reduced.
    fn is_credible(&self, board: &Scoreboard, block: &SackBlock, is_duplicate: bool) -> bool {
        let una = self.send.unacknowledged;
        if block.right > self.send.next || block.left >= block.right {
            return false;
        }
        if block.left > una {
            return true;
        }
        if !is_duplicate || !board.undo.is_possible || block.right > una {
            return false;
        }
        if block.left >= board.undo.marker {
            return true;
        }
        block.right > board.undo.marker
            && block.left >= block.right - self.send.window_largest.max(1)
    }

    /// One walk over the records for all blocks, which are in order.
    fn mark<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
        blocks: &[Block],
    ) {
        let (Some(lowest), Some((first, _))) =
            (blocks.first(), context.records.first(&self.send.records))
        else {
            return;
        };
        // Most blocks lie at the end of what is sacked already.
        let hint = context.records.get(board.highest_record);
        let starts_late = hint.is_some_and(|record| record.start <= lowest.left);
        let mut at = Some(if starts_late {
            board.highest_record
        } else {
            first
        });
        let mut previous = NONE;
        while let Some(index) = at {
            let Some(record) = context.records.get(index) else {
                return;
            };
            let (start, end) = (record.start, record.end);
            if blocks.iter().all(|block| block.right <= start) {
                return;
            }
            let covering = blocks
                .iter()
                .find(|block| block.left <= start && end <= block.right);
            if let Some(block) = covering {
                self.mark_one(context, board, found, index, block.is_duplicate);
            }
            at = context.records.after(&self.send.records, index);
            previous = self.join_sacked(context, board, previous, index);
        }
    }

    /// Runs of sacked segments become one record, so that walks stay short. Returns the record to go on from.
    fn join_sacked<M>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        previous: u32,
        index: u32,
    ) -> u32 {
        let both = (context.records.get(previous), context.records.get(index));
        if let (Some(one), Some(two)) = both
            && is_plainly_sacked(one.marks)
            && is_plainly_sacked(two.marks)
            && one.marks.any(Marks::EVER_RETRANSMITTED) == two.marks.any(Marks::EVER_RETRANSMITTED)
            && context
                .records
                .join(&mut self.send.records, previous)
                .is_some()
        {
            board.forget_record(index, previous);
            if self.send.resend == index {
                self.send.resend = previous;
            }
            return previous;
        }
        index
    }

    /// A block covers this segment.
    fn mark_one<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
        index: u32,
        is_duplicate: bool,
    ) {
        let Some(&record) = context.records.get(index) else {
            return;
        };
        let mut marks = record.marks;
        let length = record.length();
        let was_retransmitted = marks.any(Marks::EVER_RETRANSMITTED);
        if is_duplicate && was_retransmitted {
            if board.undo.is_possible && record.end > board.undo.marker {
                needless(board, 1);
            }
            if marks.any(Marks::SACKED) {
                found.note_reordered(record.start);
            }
        }
        if record.end <= self.send.unacknowledged {
            // It is about to be let go of.
            return;
        }
        if !marks.any(Marks::SACKED) {
            let smallest = self.round_trip.smallest_micros();
            board.rack.advance(&record, context.now, smallest);
            if !was_retransmitted {
                if board
                    .highest()
                    .is_some_and(|highest| record.start < highest)
                {
                    found.note_reordered(record.start);
                }
                found.acknowledges_original |= record.end <= board.high;
                found.sacked_sent_at = found.sacked_sent_at.or(Some(record.sent_at));
            }
            if marks.any(Marks::LOST) {
                board.lost -= length.min(board.lost);
                if marks.any(Marks::RETRANSMITTED) {
                    board.retransmitted -= length.min(board.retransmitted);
                }
                marks.unset(Marks::LOST | Marks::RETRANSMITTED);
            }
            marks.set(Marks::SACKED);
            found.sacks = true;
            found.delivered += length;
            found.segments += u32::from(record.segments);
            if let Some(rate) = self.congestion.delivery(&mut context.congestion) {
                let (stamp, sent_at) = record.rate_stamp(context.now);
                rate.on_delivered(context.now, &stamp, sent_at, length, &mut found.newest);
            }
            if board.sacked == 0 || record.end > board.highest_sacked {
                board.highest_sacked = record.end;
                board.highest_record = index;
            }
            board.sacked += length;
            board.sacked_segments += u32::from(record.segments);
        } else if is_duplicate && marks.any(Marks::RETRANSMITTED) {
            marks.unset(Marks::RETRANSMITTED);
            board.retransmitted -= length.min(board.retransmitted);
        }
        if let Some(record) = context.records.get_mut(index) {
            record.marks = marks;
        }
    }
}

impl Findings {
    /// A segment from `start` on arrived after later ones.
    pub(super) fn note_reordered(&mut self, start: SequenceNumber) {
        self.reordered = Some(self.reordered.map_or(start, |lowest| lowest.earlier(start)));
    }
}

/// D-SACK tells of so many retransmissions that were not needed.
fn needless(board: &mut Scoreboard, segments: u32) {
    if board.undo.retransmissions > 0 {
        let segments = i32::try_from(segments).unwrap_or(i32::MAX);
        board.undo.retransmissions = board.undo.retransmissions.saturating_sub(segments).max(0);
    }
}

fn is_plainly_sacked(marks: Marks) -> bool {
    marks.any(Marks::SACKED) && !marks.any(Marks::LOST | Marks::RETRANSMITTED)
}

/// A block that is believed.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    left: SequenceNumber,
    right: SequenceNumber,
    is_duplicate: bool,
}

/// No window is larger (RFC 7323, section 2.3).
const WINDOW_MAX: u32 = 1 << 30;
