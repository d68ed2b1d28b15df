//! The daemon's end of a notifier: events of subscriptions, at most one pending for each when the ring fills up.
//!
//! A turn stores what changed in the sockets' states, then posts. While the ring has room to spare each change has an
//! event of its own, so that a reader may believe events and need not look at states. When it has none, a change is merged
//! into the event of its subscription that is pending, as one is until its reader has given its slot back; `Merges` tells
//! the reader, which gives slots back before it looks (`Consumer::release_and_look`) and cannot miss it. So a ring with a
//! slot for each subscription never overflows; with fewer, `Posted::Full` says that the ready list must wait.

use crate::armed::Waker;
use crate::layout::index;
use crate::message::{BODY_WORDS, Message};
use crate::producer::Producer;
use crate::untrusted::Violation;
use crate::words::{SharedRead, SharedWrite, full_fence};

/// A worker's events to one notifier.
#[derive(Debug)]
pub struct Poster {
    ring: Producer,
    waker: Waker,
    merges: SharedWrite,
    /// With so many slots taken there is none to spare.
    crowded_at: u64,
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
    /// Over a ring of `slots` slots for subscriptions numbered below `subscriptions`, and the line of its merges.
    pub fn new(
        ring: Producer,
        waker: Waker,
        merges: SharedWrite,
        (slots, subscriptions): (u32, u32),
    ) -> Self {
        let crowded_at = match slots.checked_sub(subscriptions) {
            Some(spare) => spare,
            // It may overflow anyway.
            None => slots / 2,
        };
        Self {
            ring,
            waker,
            merges,
            crowded_at: u64::from(crowded_at),
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

    /// Posts an event, which must fit one slot. What it announces must be stored before.
    ///
    /// # Errors
    /// When the reader claims to have taken what was never posted, or the event is longer than a slot.
    #[inline]
    pub fn post(&mut self, subscription: u32, event: &Message) -> Result<Posted, Violation> {
        if event.slots() != 1 {
            return Err(Violation::BadLength);
        }
        self.post_slot(subscription, (event.kind(), event.bytes(), event.slot(0)))
    }

    /// As `post`, of an event as a slot carries it.
    ///
    /// # Errors
    /// As `post`.
    #[inline]
    pub fn post_slot(
        &mut self,
        subscription: u32,
        event: (u8, usize, &[u64; BODY_WORDS]),
    ) -> Result<Posted, Violation> {
        if self.is_crowded() && self.is_pending(subscription) && self.merge(subscription)? {
            return Ok(Posted::Merged);
        }
        let position = self.ring.position();
        if !self.ring.push_slot(event)? {
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

    /// Whether an earlier event, still pending, can stand for a change of this subscription.
    #[inline(never)]
    fn merge(&mut self, subscription: u32) -> Result<bool, Violation> {
        self.settle()?;
        if !self.is_crowded() || !self.is_pending(subscription) {
            return Ok(false);
        }
        // Said before the last look at the reader's place: one that has given the slot back and does not see this is seen.
        self.merges.store(MERGED_BELOW, self.ring.position());
        full_fence();
        self.settle()?;
        Ok(self.is_pending(subscription))
    }

    /// Whether slots are short, as far as is known without a look at the reader's place.
    #[inline]
    fn is_crowded(&self) -> bool {
        self.events_pending() >= self.crowded_at
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

/// The application's end of what a worker says of merged events.
#[derive(Debug)]
pub struct Merges(SharedRead);

impl Merges {
    /// Over the line of an event ring's merges.
    pub fn new(line: SharedRead) -> Self {
        Self(line)
    }

    /// Whether events taken from `position` on say all that there was to say when they were taken. Ask only after
    /// `Consumer::release_and_look`; if not, look at the states of the sockets they are about.
    #[inline]
    pub fn are_none_from(&self, position: u64) -> bool {
        self.0.load_acquire(MERGED_BELOW) <= position
    }
}

/// Beyond every subscription's bit.
const NO_SUBSCRIPTION: u32 = u32::MAX;
const MERGED_BELOW: usize = 0;
