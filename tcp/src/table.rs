//! The tables of a shard: fixed buckets with index chains over slots reserved at start.

pub(crate) mod chains;
pub(crate) mod established;
pub(crate) mod family;
pub(crate) mod listen;
pub(crate) mod request;
pub(crate) mod slot_queue;
pub(crate) mod slots;
pub(crate) mod time_wait;

/// The index that means none.
pub(crate) const NONE: u32 = u32::MAX;
