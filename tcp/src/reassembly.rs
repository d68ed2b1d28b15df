//! What has been received out of order: ranges of sequence space beyond RCV.NXT.
//!
//! The ranges of all connections come from one pool, reserved at start, so that a connection
//! without holes pays four bytes. A connection's list is short (bounded) and kept in the order in
//! which SACK reports it: the range changed last comes first (RFC 2018, section 4).

use crate::header_options::{SACK_BLOCKS_MAX, SackBlock, SackBlocks};
use crate::sequence::SequenceNumber;

/// The ranges of all connections of a shard.
#[derive(Debug)]
pub struct ReassemblyPool {
    nodes: Vec<Node>,
    free: u32,
    /// Nodes that connections hold.
    live: usize,
}

/// The ranges of one connection: disjoint, not adjacent, all beyond RCV.NXT, one without bytes where a FIN alone was
/// received; and what was received twice, until the peer has been told (RFC 2883), before them in the list.
///
/// The number of the list's first node, and two bits of what there is.
#[derive(Debug)]
pub struct Reassembly(u32);

/// No range left, in the pool or for this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many out-of-order ranges")]
pub struct ReassemblyFull;

#[derive(Clone, Copy, Debug)]
struct Node {
    next: u32,
    block: SackBlock,
}

impl ReassemblyPool {
    /// A pool of `ranges` ranges, of as many as can be told apart at most.
    pub fn new(ranges: usize) -> Self {
        let ranges = ranges.min(NONE as usize);
        let last = ranges.saturating_sub(1);
        let nodes = (0..ranges).map(|index| Node {
            next: if index == last {
                NONE
            } else {
                index as u32 + 1
            },
            block: SackBlock::default(),
        });
        Self {
            nodes: nodes.collect(),
            free: if ranges == 0 { NONE } else { 0 },
            live: 0,
        }
    }

    /// Notes that the bytes from `left` up to but without `right` have been received. Ranges that
    /// it meets or touches become one, the first of the list.
    ///
    /// # Errors
    /// [`ReassemblyFull`] when it would be one range more than `ranges_max` or than the pool has.
    pub fn insert(
        &mut self,
        reassembly: &mut Reassembly,
        left: SequenceNumber,
        right: SequenceNumber,
        ranges_max: usize,
    ) -> Result<(), ReassemblyFull> {
        let duplicate = self.take_duplicate(reassembly);
        let inserted = self.insert_range(reassembly, left, right, ranges_max);
        if let Some(block) = duplicate {
            self.note_duplicate(reassembly, block.left, block.right);
        }
        inserted
    }

    fn insert_range(
        &mut self,
        reassembly: &mut Reassembly,
        left: SequenceNumber,
        right: SequenceNumber,
        ranges_max: usize,
    ) -> Result<(), ReassemblyFull> {
        let mut merged = SackBlock { left, right };
        let mut kept = NONE;
        while let Some(node) = self.unlink_first(reassembly, |block| {
            block.left <= merged.right && merged.left <= block.right
        }) {
            let block = self.nodes[node as usize].block;
            merged.left = merged.left.earlier(block.left);
            merged.right = merged.right.later(block.right);
            if kept != NONE {
                self.give_back(kept);
            }
            kept = node;
        }
        if kept == NONE {
            if self.count(reassembly) >= ranges_max || self.free == NONE {
                return Err(ReassemblyFull);
            }
            kept = self.take();
        }
        self.nodes[kept as usize] = Node {
            next: reassembly.head(),
            block: merged,
        };
        reassembly.set_head(kept);
        reassembly.put(HAS_RANGES, true);
        Ok(())
    }

    /// How many nodes there are.
    fn count(&self, reassembly: &Reassembly) -> usize {
        let mut count = 0;
        let mut node = reassembly.head();
        while node != NONE {
            count += 1;
            node = self.nodes[node as usize].next;
        }
        count
    }

    /// RCV.NXT has come to `next`: returns where it stands with what had been received beyond,
    /// and forgets the ranges passed.
    #[inline]
    pub fn advance(&mut self, reassembly: &mut Reassembly, next: SequenceNumber) -> SequenceNumber {
        let mut next = next;
        let duplicate = self.take_duplicate(reassembly);
        while reassembly.head() != NONE {
            let Some(node) = self.unlink_first(reassembly, |block| block.left <= next) else {
                break;
            };
            next = next.later(self.nodes[node as usize].block.right);
            self.give_back(node);
        }
        if let Some(block) = duplicate {
            self.note_duplicate(reassembly, block.left, block.right);
        }
        next
    }

    /// Notes that the bytes from `left` up to but without `right` came again: the next SACK option says so first
    /// (RFC 2883, section 4). Without a node left it is not said.
    pub fn note_duplicate(
        &mut self,
        reassembly: &mut Reassembly,
        left: SequenceNumber,
        right: SequenceNumber,
    ) {
        let mut block = SackBlock { left, right };
        if let Some(before) = self.take_duplicate(reassembly)
            && before.left <= right
            && left <= before.right
        {
            // What follows it at once is one duplicate with it (as Linux).
            block.left = block.left.earlier(before.left);
            block.right = block.right.later(before.right);
        }
        if self.free == NONE {
            return;
        }
        let node = self.take();
        self.nodes[node as usize] = Node {
            next: reassembly.head(),
            block,
        };
        reassembly.set_head(node);
        reassembly.put(HAS_DUPLICATE, true);
    }

    /// What came again.
    pub fn duplicate(&self, reassembly: &Reassembly) -> Option<SackBlock> {
        let first = reassembly.has_duplicate().then(|| reassembly.head());
        first.map(|node| self.nodes[node as usize].block)
    }

    /// The same, which is told now.
    pub fn take_duplicate(&mut self, reassembly: &mut Reassembly) -> Option<SackBlock> {
        if !reassembly.has_duplicate() {
            return None;
        }
        reassembly.put(HAS_DUPLICATE, false);
        let node = reassembly.head();
        let Node { next, block } = self.nodes[node as usize];
        reassembly.set_head(next);
        self.give_back(node);
        Some(block)
    }

    /// What of the bytes from `left` up to but without `right` was received before: the lowest part in one piece.
    pub fn overlap(
        &self,
        reassembly: &Reassembly,
        left: SequenceNumber,
        right: SequenceNumber,
    ) -> Option<SackBlock> {
        let mut lowest: Option<SackBlock> = None;
        for block in self.ranges(reassembly) {
            let part = SackBlock {
                left: block.left.later(left),
                right: block.right.earlier(right),
            };
            if part.left < part.right && lowest.is_none_or(|other| part.left < other.left) {
                lowest = Some(part);
            }
        }
        lowest
    }

    /// The blocks of a SACK option: what came again, then the ranges, the one changed last first (RFC 2018, section 4),
    /// at most four together. A FIN that was received at `fin` belongs to the range before it.
    pub fn blocks(&self, reassembly: &Reassembly, fin: Option<SequenceNumber>) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        if let Some(block) = self.duplicate(reassembly) {
            blocks.push(block);
        }
        for mut block in self.ranges(reassembly) {
            if fin == Some(block.right) {
                block.right += 1;
            }
            if blocks.len() < SACK_BLOCKS_MAX && block.left < block.right {
                blocks.push(block);
            }
        }
        blocks
    }

    /// Forgets what lies at or beyond `edge`, also as a duplicate: neither is told of any more.
    /// RFC 2018, section 8.
    pub fn cut(&mut self, reassembly: &mut Reassembly, edge: SequenceNumber) {
        let duplicate = self.take_duplicate(reassembly);
        while let Some(node) = self.unlink_first(reassembly, |block| edge <= block.left) {
            self.give_back(node);
        }
        let mut node = reassembly.head();
        while node != NONE {
            let Node { next, block } = &mut self.nodes[node as usize];
            block.right = block.right.earlier(edge);
            node = *next;
        }
        if let Some(block) = duplicate
            && block.right <= edge
        {
            self.note_duplicate(reassembly, block.left, block.right);
        }
    }

    /// Bytes of all ranges.
    pub fn bytes(&self, reassembly: &Reassembly) -> u64 {
        let ranges = self.ranges(reassembly);
        ranges
            .map(|block| u64::from(block.right.since(block.left)))
            .sum()
    }

    /// The range with the highest numbers.
    pub fn highest(&self, reassembly: &Reassembly) -> Option<SackBlock> {
        let mut highest: Option<SackBlock> = None;
        for block in self.ranges(reassembly) {
            if highest.is_none_or(|other| other.left < block.left) {
                highest = Some(block);
            }
        }
        highest
    }

    /// The ranges, in the order of the list.
    fn ranges(&self, reassembly: &Reassembly) -> impl Iterator<Item = SackBlock> + '_ {
        let mut node = reassembly.head();
        if reassembly.has_duplicate() {
            node = self.nodes[node as usize].next;
        }
        std::iter::from_fn(move || {
            if node == NONE {
                return None;
            }
            let Node { next, block } = self.nodes[node as usize];
            node = next;
            Some(block)
        })
    }

    /// Forgets all ranges; also to be called before a connection goes away.
    pub fn clear(&mut self, reassembly: &mut Reassembly) {
        while reassembly.head() != NONE {
            let node = reassembly.head();
            reassembly.set_head(self.nodes[node as usize].next);
            self.give_back(node);
        }
        *reassembly = Reassembly::default();
    }

    /// Ranges that connections hold.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Takes the first range that `wanted` accepts out of the list, which has no duplicate in front.
    fn unlink_first(
        &mut self,
        reassembly: &mut Reassembly,
        wanted: impl Fn(&SackBlock) -> bool,
    ) -> Option<u32> {
        let mut previous = NONE;
        let mut node = reassembly.head();
        while node != NONE && !wanted(&self.nodes[node as usize].block) {
            previous = node;
            node = self.nodes[node as usize].next;
        }
        if node == NONE {
            return None;
        }
        let next = self.nodes[node as usize].next;
        match previous {
            NONE => reassembly.set_head(next),
            previous => self.nodes[previous as usize].next = next,
        }
        let has_more = reassembly.head() != NONE;
        reassembly.put(HAS_RANGES, has_more);
        Some(node)
    }

    /// The first node that nobody holds; there is one.
    fn take(&mut self) -> u32 {
        let node = self.free;
        self.free = self.nodes[node as usize].next;
        self.live += 1;
        node
    }

    fn give_back(&mut self, node: u32) {
        self.live -= 1;
        self.nodes[node as usize].next = self.free;
        self.free = node;
    }
}

impl Reassembly {
    /// True when nothing has been received out of order.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0 & HAS_RANGES == 0
    }

    /// True when something came again that the peer was not told of.
    #[inline]
    pub fn has_duplicate(&self) -> bool {
        self.0 & HAS_DUPLICATE != 0
    }

    /// True when neither is so: there is nothing to say by SACK.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.0 == NONE
    }

    #[inline]
    fn head(&self) -> u32 {
        self.0 & NONE
    }

    fn set_head(&mut self, node: u32) {
        self.0 = (self.0 & !NONE) | node;
    }

    fn put(&mut self, bit: u32, is_set: bool) {
        self.0 = (self.0 & !bit) | (bit * u32::from(is_set));
    }
}

impl Default for Reassembly {
    fn default() -> Self {
        Self(NONE)
    }
}

/// No node; also the bits of a node's number.
const NONE: u32 = (1 << 30) - 1;
const HAS_RANGES: u32 = 1 << 30;
const HAS_DUPLICATE: u32 = 1 << 31;

#[cfg(test)]
mod tests;
