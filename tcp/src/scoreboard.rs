//! What a connection in trouble knows of what it has outstanding: the scoreboard and the state of recovery.
//!
//! A connection whose segments are acknowledged in order has none. It gets a block of the shard's pool with the first
//! sign of trouble, and gives it back when all is repaired. Read `connection/recovery.rs` for what is done with it.

use crate::send_records::{Marks, SendRecord, micros};
use crate::sequence::SequenceNumber;
use crate::table::NONE;
use crate::time::Instant;

/// One connection's trouble. Amounts are bytes, times microseconds modulo 2^32.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scoreboard {
    /// Received by the peer beyond a hole, by SACK; without SACK a guess by duplicates.
    pub(crate) sacked: u32,
    /// Taken for lost, whether sent again or not.
    pub(crate) lost: u32,
    /// Of the lost ones, sent again and on their way.
    pub(crate) retransmitted: u32,
    /// Taken for lost ever since this block was taken.
    pub(crate) lost_ever: u32,
    /// Behind the highest number received by SACK; has a meaning while `sacked` is not zero.
    pub(crate) highest_sacked: SequenceNumber,
    /// The record that ends there, if it is known.
    pub(crate) highest_record: u32,
    /// Segments in `sacked`; without SACK the duplicates since the last acknowledgement of something new.
    pub(crate) sacked_segments: u32,
    /// How many duplicates there may be without SACK, while that is known.
    pub(crate) duplicates: Option<DuplicatesMost>,
    /// SND.NXT when the present state of recovery began.
    pub(crate) high: SequenceNumber,
    pub(crate) undo: Undo,
    pub(crate) reduction: Reduction,
    pub(crate) rack: Rack,
    pub(crate) probe: Probe,
    /// Where `probe` stands.
    pub(crate) probe_end: SequenceNumber,
    /// When what was the oldest at the first of these timeouts in a row had been sent.
    pub(crate) timeouts_since: Option<Instant>,
    /// A timeout may turn out to be spurious (RFC 5682).
    pub(crate) is_timeout_doubted: bool,
    /// This recovery had its rescue retransmission (RFC 6675, section 4).
    pub(crate) is_rescued: bool,
}

/// What bounds duplicates without SACK: each is a segment outstanding that is no hole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DuplicatesMost {
    /// SND.NXT when it was found.
    pub(crate) next: SequenceNumber,
    /// Segments outstanding, and the lost ones of them.
    pub(crate) outstanding: u32,
    pub(crate) lost: u32,
}

impl DuplicatesMost {
    /// Looks at all records of a connection.
    pub(crate) fn count<'a>(
        next: SequenceNumber,
        records: impl Iterator<Item = &'a SendRecord>,
    ) -> Self {
        let mut most = Self {
            next,
            outstanding: 0,
            lost: 0,
        };
        for record in records {
            most.outstanding += 1;
            most.lost += u32::from(record.marks.any(Marks::LOST));
        }
        most
    }

    /// At least one hole makes them.
    pub(crate) fn duplicates(&self) -> u32 {
        self.outstanding.saturating_sub(self.lost.max(1))
    }
}

/// What is needed to find out that nothing was lost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Undo {
    /// SND.UNA when the windows were reduced; a reduction from before cannot be taken back.
    pub(crate) marker: SequenceNumber,
    pub(crate) is_possible: bool,
    /// Retransmissions since then that no D-SACK has shown to be needless; -1 while there were none.
    pub(crate) retransmissions: i32,
    /// Our timestamp when the first of them was sent.
    pub(crate) first_stamp: u32,
    pub(crate) has_stamp: bool,
}

/// Proportional rate reduction: RFC 9937.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reduction {
    /// RecoverFS.
    pub(crate) flight: u32,
    pub(crate) delivered: u32,
    pub(crate) out: u32,
}

/// RFC 8985, section 5.2: of the segment delivered that was sent last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rack {
    pub(crate) sent_at: u32,
    pub(crate) end: SequenceNumber,
    pub(crate) round_trip: u32,
    pub(crate) is_known: bool,
    /// Since losses were looked for last.
    pub(crate) has_advanced: bool,
    /// RACK.dsack_round: no D-SACK widens the reordering window until this is acknowledged.
    pub(crate) widened_until: SequenceNumber,
    pub(crate) is_widened: bool,
}

/// A tail loss probe that is on its way: RFC 8985, section 7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Probe {
    #[default]
    None,
    /// New data.
    New,
    /// The last segment again.
    Again,
}

impl Rack {
    /// A segment was delivered: RFC 8985, section 6.2, step 2. A copy that seems to have come back faster than the
    /// path ever was is not the one that was delivered.
    pub(crate) fn advance(&mut self, record: &SendRecord, now: Instant, smallest_micros: u32) {
        let round_trip = micros(now).wrapping_sub(record.sent_at);
        if round_trip < smallest_micros && record.marks.any(Marks::EVER_RETRANSMITTED) {
            return;
        }
        self.has_advanced = true;
        self.round_trip = round_trip;
        if !self.is_known || !self.is_after(record) {
            self.sent_at = record.sent_at;
            self.end = record.end;
            self.is_known = true;
        }
    }

    /// True when the segment delivered was sent after this one; never before there is one.
    pub(crate) fn is_after(&self, record: &SendRecord) -> bool {
        if !self.is_known {
            return false;
        }
        let later = self.sent_at.wrapping_sub(record.sent_at).cast_signed();
        later > 0 || (later == 0 && self.end > record.end)
    }
}

impl Scoreboard {
    /// No trouble yet.
    pub(crate) fn new() -> Self {
        Self {
            sacked: 0,
            lost: 0,
            retransmitted: 0,
            lost_ever: 0,
            highest_sacked: SequenceNumber::default(),
            highest_record: NONE,
            sacked_segments: 0,
            duplicates: None,
            high: SequenceNumber::default(),
            undo: Undo::default(),
            reduction: Reduction::default(),
            rack: Rack::default(),
            probe: Probe::None,
            probe_end: SequenceNumber::default(),
            timeouts_since: None,
            is_timeout_doubted: false,
            is_rescued: false,
        }
    }

    /// A record with this number is gone; what it held is in `heir`, if anywhere.
    #[inline]
    pub(crate) fn forget_record(&mut self, index: u32, heir: u32) {
        self.duplicates = None;
        if self.highest_record == index {
            self.highest_record = heir;
        }
    }

    /// Behind the highest number received by SACK, where there is any.
    #[inline]
    pub(crate) fn highest(&self) -> Option<SequenceNumber> {
        (self.sacked > 0).then_some(self.highest_sacked)
    }

    /// Bytes outstanding that are not in the network, sacked or lost, less those that are there twice.
    #[inline]
    pub(crate) fn left(&self) -> i32 {
        (self.sacked + self.lost)
            .wrapping_sub(self.retransmitted)
            .cast_signed()
    }
}

/// The blocks of a shard.
/// RFC 6675, section 4.
#[derive(Debug)]
pub(crate) struct ScoreboardPool {
    blocks: Vec<Block>,
    free: u32,
    count_max: usize,
    available: usize,
}

/// A connection's block, or none.
#[derive(Debug)]
pub(crate) struct ScoreboardHandle(u32);

#[derive(Debug)]
struct Block {
    board: Scoreboard,
    next_free: u32,
}

impl ScoreboardPool {
    /// A pool of `count` blocks.
    pub(crate) fn new(count: usize) -> Self {
        let count = count.min(NONE as usize - 1);
        Self {
            blocks: Vec::with_capacity(count),
            free: NONE,
            count_max: count,
            available: count,
        }
    }

    /// The block of a connection, where it has one.
    #[inline]
    pub(crate) fn get(&self, handle: &ScoreboardHandle) -> Option<&Scoreboard> {
        self.blocks.get(handle.0 as usize).map(|block| &block.board)
    }

    /// Keeps what has become of a connection's block. One that has none gets it, unless all are taken.
    pub(crate) fn put(&mut self, handle: &mut ScoreboardHandle, board: &Scoreboard) {
        if handle.0 == NONE {
            handle.0 = self.take();
        }
        if let Some(block) = self.blocks.get_mut(handle.0 as usize) {
            block.board = *board;
        }
    }

    /// The trouble is over.
    #[inline]
    pub(crate) fn release(&mut self, handle: &mut ScoreboardHandle) {
        if handle.0 != NONE {
            self.give_back(handle);
        }
    }

    /// Blocks that connections hold.
    pub(crate) fn live(&self) -> usize {
        self.count_max - self.available
    }

    fn take(&mut self) -> u32 {
        if self.available == 0 {
            return NONE;
        }
        self.available -= 1;
        if let Some(block) = self.blocks.get(self.free as usize) {
            let index = self.free;
            self.free = block.next_free;
            return index;
        }
        self.blocks.push(Block {
            board: Scoreboard::new(),
            next_free: NONE,
        });
        self.blocks.len() as u32 - 1
    }

    #[cold]
    fn give_back(&mut self, handle: &mut ScoreboardHandle) {
        let index = std::mem::replace(&mut handle.0, NONE);
        if let Some(block) = self.blocks.get_mut(index as usize) {
            block.next_free = self.free;
            self.free = index;
            self.available += 1;
        }
    }
}

impl ScoreboardHandle {
    /// True when the connection is in trouble.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.0 != NONE
    }
}

impl Default for ScoreboardHandle {
    fn default() -> Self {
        Self(NONE)
    }
}
