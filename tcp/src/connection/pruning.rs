//! Room for what is received runs short: what came out of order gives way, that with the highest numbers first, as in
//! Linux's tcp_prune_queue and tcp_prune_ofo_queue.
//!
//! Who sent it sends it again: SACK promises nothing (RFC 2018, section 8), and what is gone is not told of any more.
//! Bytes in order are never let go of.

use super::{Connection, Context};
use crate::memory::Memory;
use crate::sequence::SequenceNumber;

impl<Q: Default> Connection<Q> {
    /// Memory was found for the first `written` bytes only of what is next in order: bytes beyond a hole make room for
    /// the rest. Returns how many are written then.
    #[cold]
    pub(super) fn write_instead<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        payload: &[u8],
        mut written: usize,
    ) -> usize {
        context.counters.prune_called.increment();
        while let Some(rest @ [_, ..]) = payload.get(written..) {
            let next = self.receive.next + written as u32;
            if !self.prune(context, next, rest.len().max(self.pruned_at_once())) {
                break;
            }
            let offset = self.receive.readable as usize + written;
            written += context
                .memory
                .write_at(&mut self.receive.queue, offset, rest);
        }
        if written == 0 {
            context.counters.rcv_pruned.increment();
        }
        written
    }

    /// Whether bytes beyond a hole, which end at `right`, may be kept. Those beyond them give way; where they are the
    /// highest themselves they are not worth what they would drive out.
    pub(super) fn has_room_beyond<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        right: SequenceNumber,
    ) -> bool {
        let shortage = self.shortage(context);
        if shortage == 0 {
            return true;
        }
        context.counters.prune_called.increment();
        self.prune(context, right, shortage.max(self.pruned_at_once()));
        if self.shortage(context) == 0 {
            return true;
        }
        context.counters.rcv_pruned.increment();
        false
    }

    /// No range was left for the bytes from `left` to `right`: the highest one is let go of for it, if it lies beyond.
    #[cold]
    pub(super) fn insert_instead<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        left: SequenceNumber,
        right: SequenceNumber,
    ) -> bool {
        let highest = context.ranges.highest(&self.receive.ranges);
        let makes_room = highest.filter(|highest| right < highest.left);
        if let Some(highest) = makes_room {
            context.ranges.cut(&mut self.receive.ranges, highest.left);
            context.counters.ofo_pruned.increment();
        }
        let max = context.limits.reassembly_ranges_max;
        let ranges = &mut context.ranges;
        let is_kept = makes_room.is_some()
            && ranges
                .insert(&mut self.receive.ranges, left, right, max)
                .is_ok();
        // What no range speaks of must not hold memory.
        let end = ranges.highest(&self.receive.ranges);
        let end = end.map_or(self.receive.next, |highest| highest.right);
        let offset = self.receive.readable + end.since(self.receive.next);
        context
            .memory
            .shed(&mut self.receive.queue, offset as usize, usize::MAX);
        is_kept
    }

    /// Bytes of memory by which this connection has too much, or the shard too little for more out of order.
    fn shortage<M: Memory<Queue = Q>>(&self, context: &Context<M>) -> usize {
        let reserved = context.limits.memory_bytes / MEMORY_IN_ORDER;
        let lacking = reserved.saturating_sub(context.memory.available_bytes());
        let held = context.memory.held_bytes(&self.receive.queue);
        let most = HELD_PER_BYTE * self.receive.buffer as usize + HELD_BESIDES;
        lacking.max(held.saturating_sub(most))
    }

    /// Lets go of what lies beyond `edge`, from the highest on, until `bytes` bytes of memory are free; false when
    /// there is none.
    fn prune<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        edge: SequenceNumber,
        bytes: usize,
    ) -> bool {
        let front = self.receive.next - self.receive.readable;
        let offset = edge.since(front) as usize;
        let Some(cut) = context.memory.shed(&mut self.receive.queue, offset, bytes) else {
            return false;
        };
        context
            .ranges
            .cut(&mut self.receive.ranges, front + cut as u32);
        context.counters.ofo_pruned.increment();
        true
    }

    /// An eighth of the buffer at least (as Linux), so that the next segment need not do it again.
    fn pruned_at_once(&self) -> usize {
        self.receive.buffer as usize / 8
    }
}

/// One part of memory in so many is not for bytes out of order: whoever leaves holes everywhere
/// must not keep out those who leave none.
const MEMORY_IN_ORDER: usize = 4;
/// Memory that what is received may hold for each byte of the buffer, as what Linux adds to SO_RCVBUF: a byte far from
/// others holds a chunk.
const HELD_PER_BYTE: usize = 2;
/// What it may hold besides: one of the largest chunks, which is begun.
const HELD_BESIDES: usize = 16_384;
