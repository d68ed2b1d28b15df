//! Extension blocks: what only few connections need, out of the record that all of them pay for.
//!
//! A connection holds a handle of four bytes, empty until it asks for a block. The blocks of a shard
//! are reserved at start; when none is left the feature that asked is refused, and that is counted.

use crate::accurate_ecn::AccurateEcn;
use crate::authentication::Authentication;
use crate::connection::mtu_search::MtuSearch;
use crate::connection::path_mtu::NarrowPath;
use crate::connection::spread::Spread;
use crate::statistics::Statistics;
use crate::table::NONE;
use crate::time::Instant;
use crate::urgent::Urgent;

/// The rare state of one connection. A feature adds its field, empty by default.
#[derive(Debug, Default)]
pub(crate) struct Extension {
    /// A path that carries less than the link.
    pub(crate) path: Option<NarrowPath>,
    /// With TCP_USER_TIMEOUT: since when the peer leaves unanswered what the user wants to know of.
    pub(crate) trouble_since: Option<Instant>,
    /// Round trips that spread further than the least that a timeout adds.
    pub(crate) spread: Option<Spread>,
    /// The search for what the path carries, where routers are not relied on.
    pub(crate) search: Option<MtuSearch>,
    /// Urgent data, both ways.
    pub(crate) urgent: Urgent,
    /// The keys of a connection whose segments are signed. Whoever releases the block releases them first.
    pub(crate) authentication: Option<Authentication>,
    /// Accurate feedback of marks, where both ends have agreed on it.
    pub(crate) accurate_ecn: Option<AccurateEcn>,
    /// What it counts, where it was asked to.
    pub(crate) statistics: Option<Statistics>,
}

/// A connection's block, or none. Only [`Extensions`] gives and takes back.
///
/// The upper three bits tell how many words of each segment a signature takes, so that whoever plans segments need
/// not look into the block, and the record need not grow for it. The bit below them says that no segment is as predicted.
#[derive(Debug)]
pub(crate) struct ExtensionHandle(u32);

/// The blocks of a shard.
#[derive(Debug)]
pub(crate) struct Extensions {
    blocks: Vec<Block>,
    free: u32,
    live: usize,
    max: usize,
}

/// A block, or the next free one behind it.
#[derive(Debug)]
struct Block {
    extension: Extension,
    next_free: u32,
}
impl Extensions {
    /// Room for `max` blocks.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.min(INDEX as usize);
        Self {
            blocks: Vec::with_capacity(max),
            free: NONE,
            live: 0,
            max,
        }
    }

    /// The block of a connection, where it has one.
    #[inline]
    pub(crate) fn get(&self, handle: &ExtensionHandle) -> Option<&Extension> {
        self.blocks
            .get(handle.index() as usize)
            .map(|block| &block.extension)
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, handle: &ExtensionHandle) -> Option<&mut Extension> {
        self.blocks
            .get_mut(handle.index() as usize)
            .map(|block| &mut block.extension)
    }

    /// The block of a connection, an empty one if it had none; None when all are taken.
    pub(crate) fn ensure(&mut self, handle: &mut ExtensionHandle) -> Option<&mut Extension> {
        if !handle.is_held() {
            *handle = ExtensionHandle(self.take()?);
            self.live += 1;
        }
        self.get_mut(handle)
    }

    /// Gives the block back, if there is one.
    #[inline]
    pub(crate) fn release(&mut self, handle: &mut ExtensionHandle) {
        if handle.is_held() {
            self.give_back(handle);
        }
    }

    /// Blocks that connections hold.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    fn take(&mut self) -> Option<u32> {
        if let Some(block) = self.blocks.get(self.free as usize) {
            let index = self.free;
            self.free = block.next_free;
            return Some(index);
        }
        if self.blocks.len() >= self.max {
            return None;
        }
        self.blocks.push(Block {
            extension: Extension::default(),
            next_free: NONE,
        });
        Some((self.blocks.len() - 1) as u32)
    }

    #[cold]
    fn give_back(&mut self, handle: &mut ExtensionHandle) {
        let index = std::mem::take(handle).index();
        if let Some(block) = self.blocks.get_mut(index as usize) {
            block.extension = Extension::default();
            block.next_free = self.free;
            self.free = index;
            self.live -= 1;
        }
    }
}

impl ExtensionHandle {
    /// True when there is a block behind it.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.0 != INDEX
    }

    /// Bytes that a signature takes of each segment; 0 when none is signed.
    #[inline]
    pub(crate) fn signature_bytes(&self) -> usize {
        (self.0 >> SIGNATURE_SHIFT) as usize * 4
    }

    /// Segments are signed, with so many bytes, from now on. It must be held.
    pub(crate) fn set_signature_bytes(&mut self, bytes: usize) {
        debug_assert!(self.is_held(), "no block is behind it");
        let words = u32::try_from(bytes / 4).unwrap_or(0) & SIGNATURE_WORDS_MAX;
        self.0 = self.0 & (INDEX | UNPREDICTED) | words << SIGNATURE_SHIFT;
    }

    /// No segment takes the short way from now on. It must be held.
    pub(crate) fn set_unpredicted(&mut self) {
        debug_assert!(self.is_held(), "no block is behind it");
        self.0 |= UNPREDICTED;
    }

    /// Segments are not signed, and may take the short way.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.0 <= INDEX
    }

    #[inline]
    fn index(&self) -> u32 {
        self.0 & INDEX
    }
}

impl Default for ExtensionHandle {
    fn default() -> Self {
        Self(INDEX)
    }
}

const INDEX_BITS: u32 = 28;
const INDEX: u32 = (1 << INDEX_BITS) - 1;
const UNPREDICTED: u32 = 1 << INDEX_BITS;
const SIGNATURE_SHIFT: u32 = 29;
const SIGNATURE_WORDS_MAX: u32 = u32::MAX >> SIGNATURE_SHIFT;

#[cfg(test)]
mod tests;
