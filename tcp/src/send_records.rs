//! What has been sent and is not acknowledged: a record for each segment, in the order of sequence numbers.
//!
//! The records of all connections come from one pool, reserved at start. A connection holds four bytes: the number
//! of its last record, behind which its first one stands. Losses are found and repaired by them (`scoreboard`), and
//! round trips and delivery rates measured.

mod record;

pub(crate) use record::{Marks, SendRecord};

use crate::sequence::SequenceNumber;
use crate::table::NONE;
use crate::time::Instant;

/// The records of all connections of a shard.
/// RFC 8985, section 4.
#[derive(Debug)]
pub(crate) struct SendRecordPool {
    records: Vec<SendRecord>,
    free: u32,
    count_max: usize,
    available: usize,
    /// Records that are only for those who have none.
    reserve: usize,
}

/// The records of one connection: a ring that is entered at its end.
#[derive(Debug)]
pub(crate) struct SendRecords {
    tail: u32,
}

impl SendRecordPool {
    /// A pool of `count` records.
    pub(crate) fn new(count: usize) -> Self {
        let count = count.clamp(1, NONE as usize - 1);
        Self {
            records: Vec::with_capacity(count),
            free: NONE,
            count_max: count,
            available: count,
            reserve: count / RESERVE,
        }
    }

    /// True when a connection with these records may have one more. The last eighth is for those that have none, so
    /// that nobody who sends much keeps out others.
    #[inline]
    pub(crate) fn has_room_for(&self, records: &SendRecords) -> bool {
        self.available > self.reserve || (records.is_empty() && self.available > 0)
    }

    /// True when any connection may have one more.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.available > self.reserve
    }

    /// How many any connection may have.
    pub(crate) fn room(&self) -> usize {
        self.available.saturating_sub(self.reserve)
    }

    /// Adds a segment behind the others; false when there is no record left.
    #[inline(always)]
    pub(crate) fn append(&mut self, records: &mut SendRecords, record: SendRecord) -> bool {
        let Some(index) = self.take() else {
            return false;
        };
        let mut first = index;
        if let Some(tail) = self.records.get_mut(records.tail as usize) {
            first = std::mem::replace(&mut tail.next, index);
        }
        if let Some(place) = self.records.get_mut(index as usize) {
            *place = SendRecord {
                next: first,
                ..record
            };
        }
        records.tail = index;
        true
    }

    /// The oldest segment and its number.
    #[inline]
    pub(crate) fn first(&self, records: &SendRecords) -> Option<(u32, &SendRecord)> {
        let tail = self.records.get(records.tail as usize)?;
        let first = self.records.get(tail.next as usize)?;
        Some((tail.next, first))
    }

    /// The last segment sent and its number.
    #[inline]
    pub(crate) fn last(&self, records: &SendRecords) -> Option<(u32, &SendRecord)> {
        let tail = self.records.get(records.tail as usize)?;
        Some((records.tail, tail))
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn last_mut(&mut self, records: &SendRecords) -> Option<&mut SendRecord> {
        self.records.get_mut(records.tail as usize)
    }

    /// The record after that one.
    #[inline]
    pub(crate) fn after(&self, records: &SendRecords, index: u32) -> Option<u32> {
        let record = self.records.get(index as usize)?;
        (index != records.tail).then_some(record.next)
    }

    /// A record by its number.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&SendRecord> {
        self.records.get(index as usize)
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut SendRecord> {
        self.records.get_mut(index as usize)
    }

    /// Gives back the oldest.
    #[inline]
    pub(crate) fn pop(&mut self, records: &mut SendRecords) {
        let Some((first, record)) = self.first(records) else {
            return;
        };
        let next = record.next;
        if first == records.tail {
            records.tail = NONE;
        } else {
            self.records[records.tail as usize].next = next;
        }
        self.give_back(first);
    }

    /// Gives back all that lie before `acknowledgment`, cuts off what lies before it of the next, and tells when the
    /// oldest of those given back was sent; None when there is none.
    #[inline(always)]
    pub(crate) fn pop_before(
        &mut self,
        records: &mut SendRecords,
        acknowledgment: SequenceNumber,
    ) -> Option<u32> {
        let tail = self.records.get_mut(records.tail as usize)?;
        if tail.next != records.tail || tail.end > acknowledgment {
            let sent = self.pop_several(records, acknowledgment);
            return sent.map(|(oldest, _)| oldest);
        }
        // The only one, as of an answer to a request.
        tail.next = self.free;
        self.free = records.tail;
        self.available += 1;
        records.tail = NONE;
        Some(tail.sent_at)
    }

    /// The same, and when the newest of them was sent.
    #[inline(never)]
    pub(crate) fn pop_several(
        &mut self,
        records: &mut SendRecords,
        acknowledgment: SequenceNumber,
    ) -> Option<(u32, u32)> {
        let mut first = self.records.get(records.tail as usize)?.next;
        let mut sent = None;
        while let Some(record) = self.records.get_mut(first as usize) {
            if record.end > acknowledgment {
                record.start = record.start.later(acknowledgment);
                break;
            }
            let (oldest, _) = sent.unwrap_or((record.sent_at, 0));
            sent = Some((oldest, record.sent_at));
            let next = std::mem::replace(&mut record.next, self.free);
            self.free = first;
            self.available += 1;
            if first == records.tail {
                records.tail = NONE;
                return sent;
            }
            first = next;
        }
        if let Some(tail) = self.records.get_mut(records.tail as usize) {
            tail.next = first;
        }
        sent
    }

    /// Cuts a record in two at `at`, which lies inside of it; None when there is none left for the second.
    pub(crate) fn split(
        &mut self,
        records: &mut SendRecords,
        index: u32,
        at: SequenceNumber,
    ) -> Option<u32> {
        let mut second = *self.get(index)?;
        second.start = at;
        second.segments = second.segments.saturating_sub(1).max(1);
        let added = self.take()?;
        self.records[added as usize] = second;
        let first = &mut self.records[index as usize];
        first.end = at;
        first.segments = 1;
        first.marks.unset(Marks::PUSHED);
        first.next = added;
        if records.tail == index {
            records.tail = added;
        }
        Some(added)
    }

    /// Makes one of a record and the one after it, which is gone then; returns its number.
    pub(crate) fn join(&mut self, records: &mut SendRecords, index: u32) -> Option<u32> {
        let second = self.after(records, index)?;
        let SendRecord {
            next,
            end,
            marks,
            segments,
            ..
        } = *self.get(second)?;
        let first = &mut self.records[index as usize];
        first.segments = first.segments.saturating_add(segments);
        first.end = end;
        first.next = next;
        if marks.any(Marks::PUSHED) {
            first.marks.set(Marks::PUSHED);
        }
        if records.tail == second {
            records.tail = index;
        }
        self.give_back(second);
        Some(second)
    }

    /// Forgets all of a connection's.
    pub(crate) fn clear(&mut self, records: &mut SendRecords) {
        while !records.is_empty() {
            self.pop(records);
        }
    }

    /// All of a connection's, oldest first: for those who look.
    pub(crate) fn iter<'a>(
        &'a self,
        records: &'a SendRecords,
    ) -> impl Iterator<Item = &'a SendRecord> {
        let mut at = self.first(records).map(|(first, _)| first);
        std::iter::from_fn(move || {
            let index = at?;
            at = self.after(records, index);
            self.get(index)
        })
    }

    /// True when exactly one segment is outstanding.
    #[inline]
    pub(crate) fn is_single(&self, records: &SendRecords) -> bool {
        let last = self.records.get(records.tail as usize);
        last.is_some_and(|last| last.next == records.tail)
    }

    /// Records that connections hold.
    pub(crate) fn live(&self) -> usize {
        self.count_max - self.available
    }

    /// The number of a record that nobody holds from now on but the caller.
    #[inline(always)]
    fn take(&mut self) -> Option<u32> {
        if self.free == NONE {
            self.touch();
        }
        let index = self.free;
        self.free = self.records.get(index as usize)?.next;
        self.available -= 1;
        Some(index)
    }

    /// Memory is touched as it is needed: one that was never used becomes a free one, if there is one.
    #[cold]
    fn touch(&mut self) {
        if self.available > 0 {
            self.free = self.records.len() as u32;
            self.records.push(SendRecord {
                next: NONE,
                ..SendRecord::default()
            });
        }
    }

    #[inline]
    fn give_back(&mut self, index: u32) {
        self.records[index as usize].next = self.free;
        self.free = index;
        self.available += 1;
    }
}

impl SendRecords {
    /// True when nothing is outstanding.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.tail == NONE
    }
}

impl Default for SendRecords {
    fn default() -> Self {
        Self { tail: NONE }
    }
}

/// The moment in microseconds, modulo 2^32: 71 minutes.
#[inline]
pub(crate) fn micros(now: Instant) -> u32 {
    now.as_micros() as u32
}

/// The last moment before `now` that `micros` stands for.
pub(crate) fn moment(now: Instant, micros_then: u32) -> Instant {
    let age = micros(now).wrapping_sub(micros_then);
    Instant::from_micros(now.as_micros().saturating_sub(u64::from(age)))
}

const _: () = assert!(size_of::<SendRecord>() == 32, "two to a cache line");

/// One part of the pool in so many is for connections that have nothing outstanding.
const RESERVE: usize = 8;

#[cfg(test)]
mod tests;
