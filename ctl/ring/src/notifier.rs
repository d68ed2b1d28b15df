//! The daemon's end of a notifier: events of subscriptions, at most one pending for each.
//!
//! A turn stores what changed in the sockets' states, then one `full_fence`, then posts. An event is pending until
//! its reader has given its slot back; a change meanwhile is merged into it: the reader, which gives slots back
//! before it looks at states (`Consumer::release_and_look`), cannot miss it. So a ring with a slot for each
//! subscription never overflows; with fewer, `Posted::Full` says that the ready list must wait.

use crate::armed::Waker;
use crate::layout::index;
use crate::message::Message;
use crate::producer::Producer;
use crate::untrusted::Violation;

/// A worker's events to one notifier.
#[derive(Debug)]
pub struct Poster {
    ring: Producer,
    waker: Waker,
    /// Which subscription each slot of the ring told about.
    told: Box<[u32]>,
    /// One bit per subscription.
    pending: Box<[u64]>,
    /// Slots whose subscriptions are not pending any more.
    settled: u64,
    /// Whether anything was posted since the last call of `due`.
    posted: bool,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is in the ring.
    Posted,
    /// An earlier one of the subscription is not taken yet and stands for both.
    Merged,
    /// The ring has no room: try again in a later turn.
    Full,
}

impl Poster {
    /// Over a ring of `slots` slots for subscriptions numbered below `subscriptions`.
    pub fn new(ring: Producer, waker: Waker, slots: u32, subscriptions: u32) -> Self {
        Self {
            ring,
            waker,
            told: vec![0; index(slots)].into(),
            pending: vec![0; index(subscriptions).div_ceil(64)].into(),
            settled: 0,
            posted: false,
        }
    }

    /// Posts an event that stands for itself and is never merged: an answer, a grant. False when the ring has no room.
    ///
    /// # Errors
    /// As `post`.
    #[inline]
    pub fn post_alone(&mut self, event: &Message) -> Result<bool, Violation> {
        // No subscription has this number, so that none is marked as pending by it.
        self.post(u32::MAX, event)
            .map(|posted| posted == Posted::Posted)
    }

    /// A subscription ends and its number may be used for another one: an event of it that is still in the ring stands
    /// for nothing any more.
    pub fn forget(&mut self, subscription: u32) {
        if let Some(word) = self.pending.get_mut(index(subscription) / 64) {
            *word &= !(1 << (subscription % 64));
        }
    }

    /// Posts an event, which must fit one slot. What it announces must be stored and fenced before.
    ///
    /// # Errors
    /// When the reader claims to have taken what was never posted, or the event is longer than a slot.
    #[inline]
    pub fn post(&mut self, subscription: u32, event: &Message) -> Result<Posted, Violation> {
        if event.slots() != 1 {
            return Err(Violation::BadLength);
        }
        if self.is_pending(subscription) {
            self.settle()?;
            if self.is_pending(subscription) {
                return Ok(Posted::Merged);
            }
        }
        let position = self.ring.position();
        if !self.ring.push(event)? {
            return Ok(Posted::Full);
        }
        // Whatever is written over was settled: the ring had room only because its reader gave it back.
        self.settle_known();
        self.remember(position, subscription);
        self.posted = true;
        Ok(Posted::Posted)
    }

    /// Tells what is of no subscription and must not be merged: an answer, a grant. False when the ring has no room, so
    /// that the command it answers has to wait; who reckons with answers makes the ring longer by as many slots.
    ///
    /// # Errors
    /// As `post`.
    pub fn tell(&mut self, event: &Message) -> Result<bool, Violation> {
        if event.slots() != 1 {
            return Err(Violation::BadLength);
        }
        let position = self.ring.position();
        let told = self.ring.push(event)?;
        if told {
            self.settle_known();
            self.remember(position, NO_SUBSCRIPTION);
            self.posted = true;
        }
        Ok(told)
    }

    /// Whether to ring the notifier's doorbell, once a turn: something was posted and its owner sleeps. A
    /// `full_fence` must lie between the last `post` and this.
    #[inline]
    pub fn due(&mut self) -> bool {
        std::mem::take(&mut self.posted) && self.waker.due()
    }

    /// Events posted that the reader has not given back, as far as known.
    #[inline]
    pub fn events_pending(&self) -> u64 {
        self.ring.position() - self.ring.consumed()
    }

    #[inline]
    fn settle(&mut self) -> Result<(), Violation> {
        self.ring.refresh()?;
        self.settle_known();
        Ok(())
    }

    #[inline]
    fn settle_known(&mut self) {
        while self.settled < self.ring.consumed() {
            let subscription = self
                .told
                .get(self.place(self.settled))
                .copied()
                .unwrap_or_default();
            if let Some(word) = self.pending.get_mut(index(subscription) / 64) {
                *word &= !(1 << (subscription % 64));
            }
            self.settled += 1;
        }
    }

    #[inline]
    fn remember(&mut self, position: u64, subscription: u32) {
        let place = self.place(position);
        if let Some(told) = self.told.get_mut(place) {
            *told = subscription;
        }
        if let Some(word) = self.pending.get_mut(index(subscription) / 64) {
            *word |= 1 << (subscription % 64);
        }
    }

    #[inline]
    fn is_pending(&self, subscription: u32) -> bool {
        let word = self.pending.get(index(subscription) / 64);
        word.is_some_and(|word| word >> (subscription % 64) & 1 == 1)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "reduced to the number of slots"
    )]
    #[inline]
    fn place(&self, position: u64) -> usize {
        // As many as a power of two, or there is no ring.
        position as usize & self.told.len().wrapping_sub(1)
    }
}

/// Beyond every subscription's bit.
const NO_SUBSCRIPTION: u32 = u32::MAX;
