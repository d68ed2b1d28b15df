//! Without SACK each duplicate acknowledgement stands for one segment that arrived, somewhere (RFC 6582).

use super::super::{Connection, Context};
use super::Findings;
use crate::memory::Memory;
use crate::scoreboard::{DuplicatesMost, Scoreboard};

impl<Q: Default> Connection<Q> {
    /// Without SACK a duplicate tells that one more segment arrived, somewhere.
    /// RFC 5681, section 3.2; RFC 6675, section 5.
    pub(super) fn count_duplicate<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
    ) {
        if !found.is_duplicate {
            return;
        }
        let before = board.sacked;
        board.sacked_segments += 1;
        self.bound_duplicates(context, board, 0);
        found.delivered += board.sacked.saturating_sub(before);
    }

    /// Without SACK: one hole was filled, the rest of what is acknowledged had made duplicates before.
    pub(super) fn release_duplicates<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
        bytes: u32,
    ) {
        let segment = u32::from(self.send.mss).max(1);
        found.delivered = bytes.saturating_sub(board.sacked).max(bytes.min(segment));
        if found.acknowledges_retransmitted {
            // RFC 5682: it cannot be told from the original.
            found.acknowledges_original = false;
        }
        let rest = bytes.saturating_sub(segment);
        board.sacked = board.sacked.saturating_sub(rest);
        board.sacked_segments = board.sacked_segments.saturating_sub(rest.div_ceil(segment));
        self.bound_duplicates(context, board, bytes.div_ceil(segment));
    }

    /// More duplicates than segments that could have made them are reordering (or a liar).
    fn bound_duplicates<M>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        acknowledged: u32,
    ) {
        let most = self.duplicates_most(context, board);
        if board.sacked_segments > most.duplicates() {
            board.sacked_segments = most.duplicates();
            let degree = most.outstanding + acknowledged;
            self.widen(context, degree);
            context.counters.reno_reorder.increment();
        }
        let oldest = context.records.first(&self.send.records);
        let oldest_bytes = oldest.map_or(0, |(_, oldest)| oldest.length());
        let hole_bytes = board.lost.max(oldest_bytes);
        let bytes_max = self.send.outstanding().saturating_sub(hole_bytes);
        board.sacked = (board.sacked_segments * u32::from(self.send.mss)).min(bytes_max);
    }

    /// How many there may be. All outstanding segments are looked at once; then it is remembered, so that a flood of
    /// duplicates does not cost a large flight each.
    fn duplicates_most<M>(&self, context: &Context<M>, board: &mut Scoreboard) -> DuplicatesMost {
        // What was sent since makes it more.
        let suffices = |known: &DuplicatesMost| {
            known.next == self.send.next || board.sacked_segments <= known.duplicates()
        };
        if let Some(known) = board.duplicates.filter(suffices) {
            return known;
        }
        let records = context.records.iter(&self.send.records);
        let most = DuplicatesMost::count(self.send.next, records);
        board.duplicates = Some(most);
        most
    }
}
