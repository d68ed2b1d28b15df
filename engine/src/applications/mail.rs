//! What one worker tells one notifier: events, and answers that found no room in its ring yet.

use std::collections::VecDeque;

use coremill_ring::armed::Waker;
use coremill_ring::event::{Event, EventSlot};
use coremill_ring::listing;
use coremill_ring::message::Message;
use coremill_ring::notifier::{Posted as Outcome, Poster};
use coremill_ring::option::STATISTICS_OBJECTS;
use coremill_ring::producer::Producer;
use coremill_ring::untrusted::Violation;

use super::attachment::Attachment;

/// The way to one notifier.
#[derive(Debug)]
pub(super) struct Mail {
    poster: Poster,
    /// Answers and grants that wait for room. While there are any, no further commands of its context are taken.
    owed: VecDeque<Event>,
    message: Message,
}

impl Mail {
    /// A worker's way to a notifier; None when the shape has no such.
    pub(super) fn new(attachment: &Attachment, notifier: u32, worker: u32) -> Option<Self> {
        let parts = &attachment.parts;
        let (layout, shape) = (&parts.layout, parts.layout.shape());
        let slots = parts.daemon.part(layout.event_ring(notifier, worker)?);
        let head = parts.application.part(layout.event_head(notifier, worker)?);
        let waker = Waker::new(parts.application.part(layout.armed(notifier)?));
        let merges = parts.daemon.part(layout.event_merges(notifier, worker)?);
        let ring = Producer::new(slots, head.reader())?;
        Some(Self {
            poster: Poster::new(ring, waker, merges, (shape.event_slots, shape.sockets)),
            owed: VecDeque::with_capacity(OWED_MAX),
            message: Message::new(),
        })
    }

    /// Whether the answers of another command would find room here.
    pub(super) fn has_room(&self) -> bool {
        self.owed.len() + EVENTS_MAX <= OWED_MAX
    }

    /// Whether answers wait for the reader.
    pub(super) fn is_owing(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Tells something that stands for itself; it waits here when the ring is full.
    pub(super) fn tell(&mut self, event: Event) -> Result<(), Violation> {
        event.encode(&mut self.message);
        if self.owed.is_empty() && self.poster.post_alone(&self.message)? {
            return Ok(());
        }
        if self.owed.len() < OWED_MAX {
            self.owed.push_back(event);
        }
        Ok(())
    }

    /// Tells what waits, as far as there is room now; true when something was told.
    pub(super) fn settle(&mut self) -> Result<bool, Violation> {
        let mut told = false;
        while let Some(event) = self.owed.front() {
            event.encode(&mut self.message);
            if !self.poster.post_alone(&self.message)? {
                break;
            }
            self.owed.pop_front();
            told = true;
        }
        Ok(told)
    }

    /// Posts the event of a subscription, which is numbered as its socket's slot.
    #[inline]
    pub(super) fn post(
        &mut self,
        slot: u32,
        (kind, bytes, words): &EventSlot,
    ) -> Result<Outcome, Violation> {
        self.poster.post_slot(slot, (*kind, *bytes, words))
    }

    /// The socket in this slot is no more.
    pub(super) fn forget(&mut self, slot: u32) {
        self.poster.forget(slot);
    }

    /// Whether to ring its doorbell now; see `Poster::due`.
    pub(super) fn is_due(&mut self) -> bool {
        self.poster.due()
    }

    /// Events posted and not taken yet.
    pub(super) fn pending(&self) -> u64 {
        self.poster.events_pending() + self.owed.len() as u64
    }
}

/// Notifiers that were posted to in this turn.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Posted(u64);

impl Posted {
    /// This one was.
    #[inline]
    pub(super) fn add(&mut self, notifier: u32) {
        self.0 |= 1 << notifier.min(MANY);
    }

    #[inline]
    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Their numbers, below `count`, and perhaps others.
    pub(super) fn numbers(self, count: usize) -> impl Iterator<Item = usize> {
        let mut first = self.0 & !(1 << MANY);
        let first = std::iter::from_fn(move || {
            let number = (first != 0).then(|| first.trailing_zeros() as usize);
            first &= first.wrapping_sub(1);
            number
        });
        let others = match self.0 >> MANY {
            0 => 0..0,
            _ => MANY as usize..count,
        };
        first.chain(others)
    }
}

/// The bit of this notifier and all beyond.
const MANY: u32 = 63;

/// Grants that one command can bring its context.
pub(super) const ANSWERS_MAX: usize = 8;
/// Events that one command can bring it: grants, its answer, or all pages of one.
const EVENTS_MAX: usize = match listing::pages(STATISTICS_OBJECTS) {
    Some(pages) if pages > ANSWERS_MAX => pages,
    _ => ANSWERS_MAX,
};
/// Events that can wait for room: those of two commands.
const OWED_MAX: usize = 2 * EVENTS_MAX;
