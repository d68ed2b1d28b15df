//! The blocks of all connections of a shard, reserved at start, and the shard's settings beside them.

use super::block::Block;
use super::{Congestion, CongestionSettings, CongestionTally};
use crate::table::NONE;
use crate::table::slots::Slots;
use crate::time::Instant;

/// The pool. A connection that finds none left goes on without: its window grows by RFC 5681 alone
/// and cannot be restored after a reduction that was a mistake.
#[derive(Debug)]
pub struct CongestionPool {
    blocks: Slots<Block>,
    settings: CongestionSettings,
    /// What the shard has not counted yet.
    pub(super) tally: CongestionTally,
}

/// Names a block, or none. It is given back by hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Handle(u32);

impl Handle {
    pub(super) const NONE: Self = Self(NONE);
}

impl CongestionPool {
    /// Room for `settings.blocks_max` blocks.
    pub fn new(settings: &CongestionSettings) -> Self {
        Self {
            blocks: Slots::new(settings.blocks_max),
            settings: *settings,
            tally: CongestionTally::default(),
        }
    }

    /// Blocks held: zero when no connection is left.
    pub fn live(&self) -> usize {
        self.blocks.live()
    }

    /// What there is to count since this was asked last; nearly always nothing.
    #[inline]
    pub fn take_tally(&mut self) -> Option<CongestionTally> {
        let CongestionTally {
            trains,
            delays,
            exhausted,
            ..
        } = self.tally;
        (trains | delays | exhausted != 0).then(|| std::mem::take(&mut self.tally))
    }

    pub(super) fn settings(&self) -> &CongestionSettings {
        &self.settings
    }

    #[inline]
    pub(super) fn get(&self, handle: &Handle) -> Option<&Block> {
        self.blocks.get(handle.0)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, handle: &Handle) -> Option<&mut Block> {
        self.blocks.get_mut(handle.0)
    }

    /// The block of a connection, a new one where it had none; None when none is left.
    #[inline]
    pub(super) fn ensure(
        &mut self,
        windows: &mut Congestion,
        now: Instant,
    ) -> (Option<&mut Block>, &CongestionSettings) {
        if windows.block == Handle::NONE {
            self.take(windows, now);
        }
        (self.blocks.get_mut(windows.block.0), &self.settings)
    }

    #[cold]
    fn take(&mut self, windows: &mut Congestion, now: Instant) {
        let block = Block::new(windows, &self.settings, now);
        match self.blocks.insert(block) {
            Some(index) => windows.block = Handle(index),
            None => self.tally.exhausted += 1,
        }
    }

    pub(super) fn free(&mut self, handle: &mut Handle) {
        if *handle != Handle::NONE {
            self.blocks.remove(handle.0);
            *handle = Handle::NONE;
        }
    }
}
