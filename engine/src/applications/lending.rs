//! Which chunks are out to a connection. An idle one has none, and no record here: what there was to say about it is in
//! its state's words and in one count.
//!
//! A record is kept no longer than a chunk is out, so that there need be no more of them than chunks. A connection keeps
//! its last chunk, read or not, until nothing has come for a while (`sweep`), or until somebody else finds none.

use coremill_ring::receive_queue::ReceiveQueue;
use coremill_ring::send_lease::SendLease;
use coremill_ring::socket_state::StateWriter;

/// The chunks of one connection, both ways.
#[derive(Debug, Default)]
pub(super) struct Lending {
    pub(super) receive: ReceiveQueue,
    pub(super) send: SendLease,
    /// Count of the grants' bytes that were copied into the shard, and up to where they are filled.
    pub(super) copied: u64,
    pub(super) filled: u64,
    /// While bytes below `filled` wait: what was given back behind those ends here, and more may be filled behind that.
    pub(super) skips_to: Option<u64>,
    /// More was announced to follow what was filled last (MSG_MORE).
    pub(super) has_more: bool,
    /// The connection's slot; none of a record that nobody has.
    owner: Option<u32>,
    /// Something came since it was last looked at.
    pub(super) is_warm: bool,
}

/// The records of a worker's connections in one domain.
#[derive(Debug)]
pub(super) struct Lendings {
    records: Vec<Lending>,
    /// Last in, first out: a record used just now is in the cache.
    free: Vec<u32>,
    /// The record that is looked at next, and how many in a row were found that nobody has to be asked to let go of.
    hand: usize,
    settled: usize,
}

impl Lending {
    fn resume(state: &StateWriter, granted: u64) -> Self {
        Self {
            receive: ReceiveQueue::resume(state),
            send: SendLease::resume(granted),
            copied: granted,
            filled: granted,
            skips_to: None,
            has_more: false,
            owner: state.slot(),
            is_warm: true,
        }
    }

    /// Bytes granted, when no chunk is out and the state says all the rest.
    #[inline]
    fn idle_at(&self) -> Option<u64> {
        let granted = self.send.idle_at()?;
        let is_idle = self.receive.is_idle() && self.copied == granted && self.skips_to.is_none();
        is_idle.then_some(granted)
    }

    /// Whether filled bytes wait for room in the shard.
    #[inline]
    pub(super) fn is_filled(&self) -> bool {
        self.copied < self.filled
    }
}

impl Lendings {
    /// Room for so many chunks, and for the connection that is being looked after. Memory is touched as it is used.
    pub(super) fn new(chunks: usize) -> Self {
        Self {
            records: Vec::with_capacity(chunks + 1),
            free: Vec::with_capacity(chunks + 1),
            hand: 0,
            settled: 0,
        }
    }

    /// A connection may keep a chunk from now on.
    #[inline]
    pub(super) fn disturb(&mut self) {
        self.settled = 0;
    }

    /// Whether no connection keeps a chunk that it could let go of.
    pub(super) fn is_settled(&self) -> bool {
        self.settled >= self.records.len()
    }

    /// The slot of the next connection that keeps a chunk although nothing came for it since the last look, or, if
    /// `all`, although everything is read; None when the next record is not of such a one.
    pub(super) fn sweep(&mut self, all: bool) -> Option<u32> {
        if self.hand >= self.records.len() {
            self.hand = 0;
        }
        let record = self.records.get_mut(self.hand)?;
        self.hand += 1;
        let was_warm = std::mem::take(&mut record.is_warm);
        let owner = record.owner.filter(|_| record.receive.is_kept());
        match owner {
            Some(owner) if all || !was_warm => {
                self.settled = 0;
                Some(owner)
            }
            owner => {
                self.settled = if owner.is_some() { 0 } else { self.settled + 1 };
                None
            }
        }
    }

    /// The record `number`.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Lending> {
        self.records.get(number as usize)
    }

    /// The record `number`, to be changed.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Lending> {
        self.records.get_mut(number as usize)
    }

    /// The record `number`; a new one, whose number is put there, when there is none. None when all are taken.
    #[inline]
    pub(super) fn wake(
        &mut self,
        number: &mut u32,
        state: &StateWriter,
        granted: u64,
    ) -> Option<&mut Lending> {
        if *number == NONE {
            self.settled = 0;
            *number = self.add(Lending::resume(state, granted))?;
        }
        self.records.get_mut(*number as usize)
    }

    /// Lets go of the record `number` when it says nothing any more; gives the bytes granted then.
    #[inline]
    pub(super) fn rest(&mut self, number: &mut u32) -> Option<u64> {
        let granted = self.records.get(*number as usize)?.idle_at()?;
        self.forget(number);
        Some(granted)
    }

    /// Lets go of the record `number`, whatever it says.
    #[inline]
    pub(super) fn forget(&mut self, number: &mut u32) {
        if *number != NONE {
            self.free.push(*number);
            if let Some(record) = self.records.get_mut(*number as usize) {
                record.owner = None;
            }
            *number = NONE;
        }
    }

    fn add(&mut self, record: Lending) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            *self.records.get_mut(number as usize)? = record;
            return Some(number);
        }
        if self.records.len() >= self.records.capacity() {
            return None;
        }
        self.records.push(record);
        u32::try_from(self.records.len() - 1).ok()
    }
}

/// Of a connection that has no record.
pub(super) const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use coremill_ring::lender::Lender;
    use coremill_ring::words::SharedWrite;

    use super::*;

    #[test]
    fn a_record_is_there_as_long_as_a_chunk_is_out() {
        let state = StateWriter::new(SharedWrite::heap(8));
        let (mut lender, mut lendings) = (Lender::new(&[1, 0, 0]), Lendings::new(1));
        let mut number = NONE;
        assert_eq!(lendings.rest(&mut number), None, "nothing to let go of");
        let lending = lendings.wake(&mut number, &state, 512).unwrap();
        assert_eq!(lending.receive.unread(), 0);
        assert_eq!(lendings.rest(&mut number), Some(512));
        assert_eq!(number, NONE);

        let lending = lendings.wake(&mut number, &state, 512).unwrap();
        assert_eq!(lending.send.grant(100, &mut lender).unwrap().start, 512);
        assert_eq!(lendings.rest(&mut number), None, "a chunk is out");
        // Room for one that holds the only chunk, and for one that is looked after; never for a third.
        let (mut second, mut third) = (NONE, NONE);
        assert!(lendings.wake(&mut second, &state, 0).is_some());
        assert!(lendings.wake(&mut third, &state, 0).is_none());
        assert_eq!((lendings.rest(&mut second), second), (Some(0), NONE));

        let lending = lendings.get_mut(number).unwrap();
        assert_eq!(lending.send.fill(768), Ok(256));
        lending.filled = 768;
        assert!(lending.is_filled());
        assert_eq!(lendings.rest(&mut number), None, "bytes wait");
        let lending = lendings.get_mut(number).unwrap();
        lending.copied = 768;
        lending.send.finish(768, &mut lender);
        assert_eq!(lendings.rest(&mut number), Some(768));
        assert_eq!(lender.lent(), 0);
    }
}
