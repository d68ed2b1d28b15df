//! The daemon's own books of a memory's chunks: which are free, and how those that are lent hang together.
//!
//! Nothing here is shared and nothing is believed: chunks come back because of counts that were checked, by their
//! place in a queue, so that none can come back twice. Last in, first out: the chunk that was used last is in the
//! cache still. All of it is reserved at start.

use crate::chunk::{CLASSES, ChunkReference, class_for};

/// Free chunks and the links of lent ones.
#[derive(Debug)]
pub struct Lender {
    free: [Vec<ChunkReference>; CLASSES],
    links: [Box<[Link]>; CLASSES],
    lent: usize,
}

/// Of a lent chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    /// Count of the queue's bytes before it.
    start: u64,
    next: Option<ChunkReference>,
}

impl Lender {
    /// All chunks of a memory are free.
    pub fn new(counts: &[u32; CLASSES]) -> Self {
        Self::new_share(counts, 0, 1)
    }

    /// Of a memory's chunks those are free whose number leaves `share` when divided by `shares`: the part of one of so
    /// many lenders, which need not know of each other.
    pub fn new_share(counts: &[u32; CLASSES], share: u32, shares: u32) -> Self {
        let names = |class: usize| {
            let own = (0..counts[class]).rev();
            own.filter(|index| index % shares.max(1) == share)
                .filter_map(|index| ChunkReference::new(class, index))
                .collect()
        };
        let links = |class: usize| vec![Link::default(); counts[class] as usize].into();
        Self {
            free: std::array::from_fn(names),
            links: std::array::from_fn(links),
            lent: 0,
        }
    }

    /// Chunks that are lent.
    #[inline]
    pub fn lent(&self) -> usize {
        self.lent
    }

    /// The chunk that is lent next for a few bytes.
    #[inline]
    pub(crate) fn next_small(&self) -> Option<ChunkReference> {
        self.free[0].last().copied()
    }

    /// Lends the smallest free chunk that holds `bytes`, else the largest free one.
    #[inline]
    pub(crate) fn lend(&mut self, bytes: usize, start: u64) -> Option<ChunkReference> {
        let wanted = class_for(bytes);
        let chunk = (wanted..CLASSES)
            .chain((0..wanted).rev())
            .find_map(|class| self.free[class].pop())?;
        self.lent += 1;
        *self.link(chunk) = Link { start, next: None };
        Some(chunk)
    }

    /// A lent chunk is free again.
    #[inline]
    pub(crate) fn give_back(&mut self, chunk: ChunkReference) {
        self.lent -= 1;
        self.free[chunk.class()].push(chunk);
    }

    /// Hangs a lent chunk behind another.
    #[inline]
    pub(crate) fn append(&mut self, last: ChunkReference, chunk: ChunkReference) {
        self.link(last).next = Some(chunk);
    }

    /// Count of the queue's bytes before a lent chunk.
    #[inline]
    pub(crate) fn start(&self, chunk: ChunkReference) -> u64 {
        self.links[chunk.class()][chunk.index() as usize].start
    }

    /// Count of the queue's bytes up to its end.
    #[inline]
    pub(crate) fn end(&self, chunk: ChunkReference) -> u64 {
        self.start(chunk) + chunk.bytes() as u64
    }

    /// The chunk behind a lent one.
    #[inline]
    pub(crate) fn next(&self, chunk: ChunkReference) -> Option<ChunkReference> {
        self.links[chunk.class()][chunk.index() as usize].next
    }

    #[inline]
    fn link(&mut self, chunk: ChunkReference) -> &mut Link {
        &mut self.links[chunk.class()][chunk.index() as usize]
    }
}
