//! A hierarchical timer wheel: arming, moving and cancelling a timer cost the same at any number.
//!
//! Nine levels of 64 slots, a tick of 32.768 us at the bottom, cover all of an [`Instant`]. A timer
//! lies at the level of the highest six bits in which its tick differs from the wheel's, so that the
//! lowest slot of the lowest occupied level is always the next one. When the wheel reaches a slot
//! of a higher level, its timers are spread over the levels below, one step of the budget each.
//! A timer more than 39 hours away fires then, so that four bytes hold its tick.

use crate::time::Instant;

/// Timers named by keys of the caller: one node per key, reserved at start.
pub struct TimerWheel {
    nodes: Vec<Node>,
    heads: [u32; LEVELS * SLOTS],
    /// A bit per occupied slot of each level.
    occupied: [u64; LEVELS],
    /// A bit per level that has an occupied slot.
    occupied_levels: u16,
    /// The tick up to which the wheel has turned. Timers due by it lie in its bottom slot.
    current: u64,
    /// Before this tick nothing is to be done.
    quiet_until: u64,
    /// The slot of a higher level that is being spread, while it has timers.
    spreading: Option<usize>,
    armed: usize,
}

#[derive(Clone, Copy)]
struct Node {
    next: u32,
    /// The node before; of the first one of a slot that slot, counted from [`FIRST`]; or [`UNARMED`].
    previous: u32,
    /// The tick to fire at, modulo 2^32. It may be later than the slot the node lies in: the node moves on then.
    tick: u32,
}

impl Node {
    #[inline]
    fn is_armed(&self) -> bool {
        self.previous != UNARMED
    }

    /// The tick to fire at, seen from `current`: that of an armed timer is never before it.
    #[inline]
    fn tick(&self, current: u64) -> u64 {
        current + u64::from(self.tick.wrapping_sub(current as u32))
    }
}

impl TimerWheel {
    /// A wheel for the keys `0..keys`, which are fewer than 2^32 - 1024.
    pub fn new(keys: usize) -> Self {
        debug_assert!(keys < FIRST as usize, "{keys} keys");
        Self {
            nodes: vec![
                Node {
                    next: NONE,
                    previous: UNARMED,
                    tick: 0
                };
                keys
            ],
            heads: [NONE; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            occupied_levels: 0,
            current: 0,
            quiet_until: 0,
            spreading: None,
            armed: 0,
        }
    }

    /// Lets `key` fire at `deadline` (never before, at most a tick after; but no later than in 39 hours), whether it was
    /// armed or not. Moving a timer to a later time only writes the time down.
    #[inline]
    pub fn arm(&mut self, key: u32, deadline: Instant) {
        let tick = deadline.as_nanos().div_ceil(TICK_NANOS);
        let tick = tick.clamp(self.current, self.current.saturating_add(AHEAD_MAX));
        let Some(node) = self.nodes.get_mut(key as usize) else {
            debug_assert!(false, "timer key {key} beyond the wheel's keys");
            return;
        };
        let was_armed = node.is_armed();
        let is_later = was_armed && tick >= node.tick(self.current);
        node.tick = tick as u32;
        if is_later {
            return;
        }
        if was_armed {
            self.unlink(key);
        }
        self.link(key, tick);
    }

    /// Disarms `key`; nothing happens when it is not armed.
    #[inline]
    pub fn cancel(&mut self, key: u32) {
        if self.is_armed(key) {
            self.unlink(key);
        }
    }

    /// True when `key` is going to fire.
    #[inline]
    pub fn is_armed(&self, key: u32) -> bool {
        self.nodes.get(key as usize).is_some_and(Node::is_armed)
    }

    /// When `key` is going to fire: its deadline rounded up to the tick.
    pub fn deadline(&self, key: u32) -> Option<Instant> {
        let node = self
            .nodes
            .get(key as usize)
            .filter(|node| node.is_armed())?;
        Some(instant(node.tick(self.current)))
    }

    /// How many timers are armed.
    pub fn armed(&self) -> usize {
        self.armed
    }

    /// Fires what is due at `now`: calls `fire` with each key, disarmed before. Does at most
    /// `budget` steps (a timer fired or moved to a lower level is one) and returns how many it did.
    pub fn advance(&mut self, now: Instant, budget: usize, fire: &mut impl FnMut(u32)) -> usize {
        let mut left = budget;
        while let Some(key) = self.next_expired(now, &mut left) {
            fire(key);
        }
        budget - left
    }

    /// True when nothing is to be done at `now`: the wheel has turned there.
    #[inline]
    pub fn stays_quiet(&mut self, now: Instant) -> bool {
        let now_tick = now.as_nanos() / TICK_NANOS;
        let is_quiet = now_tick < self.quiet_until;
        if is_quiet {
            self.current = self.current.max(now_tick);
        }
        is_quiet
    }

    /// The next key due at `now`, disarmed; takes the steps needed from `budget`. None when no
    /// timer is due or the budget is used up.
    #[inline]
    pub fn next_expired(&mut self, now: Instant, budget: &mut usize) -> Option<u32> {
        let now_tick = now.as_nanos() / TICK_NANOS;
        while *budget > 0 {
            let slot = self.next_slot_due(now_tick)?;
            *budget -= 1;
            let key = self.heads[slot];
            self.unlink(key);
            let tick = self.nodes[key as usize].tick(self.current);
            if tick <= self.current {
                return Some(key);
            }
            self.link(key, tick);
        }
        None
    }

    /// A time before which nothing fires and at which [`Self::advance`] has something to do;
    /// None when no timer is armed. For a far timer it is earlier than its deadline.
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.spreading {
            Some(slot) if self.heads[slot] != NONE => Some(instant(self.current)),
            _ => self.earliest_slot().map(|(_, start)| instant(start)),
        }
    }

    /// The slot to take the next timer from, when the wheel may turn to it by `now_tick`.
    #[inline]
    fn next_slot_due(&mut self, now_tick: u64) -> Option<usize> {
        if let Some(slot) = self.spreading {
            if self.heads[slot] != NONE {
                return Some(slot);
            }
            self.spreading = None;
        }
        match self.earliest_slot() {
            Some((slot, start)) if start <= now_tick => {
                self.current = start;
                if slot >= SLOTS {
                    self.spreading = Some(slot);
                }
                Some(slot)
            }
            next => {
                // Before every occupied slot: no timer's level changes by this.
                self.current = self.current.max(now_tick);
                self.quiet_until = next.map_or(u64::MAX, |(_, start)| start);
                None
            }
        }
    }

    /// The slot that comes next, and the tick it starts at.
    #[inline]
    fn earliest_slot(&self) -> Option<(usize, u64)> {
        if self.occupied_levels == 0 {
            return None;
        }
        let level = self.occupied_levels.trailing_zeros() as usize % LEVELS;
        let index = self.occupied[level].trailing_zeros() as usize;
        let shift = level * SLOT_BITS;
        let above = self.current >> shift >> SLOT_BITS << SLOT_BITS;
        Some((level * SLOTS + index, (above | index as u64) << shift))
    }

    /// Puts the node where its tick belongs; its slot is never before the wheel's.
    #[inline]
    fn link(&mut self, key: u32, tick: u64) {
        let difference = (tick ^ self.current) | 1;
        let level = difference.ilog2() as usize / SLOT_BITS;
        let index = (tick >> (level * SLOT_BITS)) as usize % SLOTS;
        let start = tick >> (level * SLOT_BITS) << (level * SLOT_BITS);
        self.quiet_until = self.quiet_until.min(start);
        let slot = level * SLOTS + index;
        let next = self.heads[slot];
        if next != NONE {
            self.nodes[next as usize].previous = key;
        }
        let node = &mut self.nodes[key as usize];
        node.next = next;
        node.previous = FIRST + slot as u32;
        self.heads[slot] = key;
        self.occupied[level] |= 1 << index;
        self.occupied_levels |= 1 << level;
        self.armed += 1;
    }

    #[inline]
    fn unlink(&mut self, key: u32) {
        let node = self.nodes[key as usize];
        let Node { next, previous, .. } = node;
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        if previous < FIRST {
            self.nodes[previous as usize].next = next;
        } else {
            let slot = (previous - FIRST) as usize;
            self.heads[slot] = next;
            if next == NONE {
                let level = slot / SLOTS;
                self.occupied[level] &= !(1 << (slot % SLOTS));
                if self.occupied[level] == 0 {
                    self.occupied_levels &= !(1 << level);
                }
            }
        }
        self.nodes[key as usize].previous = UNARMED;
        self.armed -= 1;
    }
}

impl std::fmt::Debug for TimerWheel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "TimerWheel({} of {} armed)",
            self.armed,
            self.nodes.len()
        )
    }
}

fn instant(tick: u64) -> Instant {
    Instant::from_nanos(tick.saturating_mul(TICK_NANOS))
}

/// What a key costs, armed or not.
pub const KEY_BYTES: usize = size_of::<Node>();
/// The wheel's resolution in nanoseconds.
pub const TICK_NANOS: u64 = 1 << 15;
const SLOT_BITS: usize = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Enough for every tick of a 64-bit time.
const LEVELS: usize = 9;
/// Ticks that a timer may be ahead: what its 32 bits can tell.
const AHEAD_MAX: u64 = u32::MAX as u64;
/// What is not the number of a node: above here are the slots, and none.
const FIRST: u32 = u32::MAX - (1 << 10);
const UNARMED: u32 = u32::MAX;
const NONE: u32 = u32::MAX;

const _: () =
    assert!(size_of::<Node>() == 12 && FIRST as usize + LEVELS * SLOTS < UNARMED as usize);
const _: () = assert!(LEVELS * SLOT_BITS >= 64 - TICK_NANOS.trailing_zeros() as usize);

#[cfg(test)]
mod tests;
