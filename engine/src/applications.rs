//! Applications that attached: their commands carried out on the shard's verbs, their events posted.
//!
//! `attachment` is what all workers share of one, `domain` what a worker has of it alone. Nothing that an application
//! wrote is believed (`coremill_ring`); one that lies is condemned by whichever worker notices, and the control thread,
//! told by the alarm, detaches it.
//!
//! A turn: `take_commands` (commands), the shard's events (`event`), `end_turn` (events, doorbells); before sleep,
//! `prepare_sleep`.

mod agreement;
mod arriving;
mod attachment;
mod budget;
mod chunks;
mod commands;
mod domain;
mod ending;
mod errno;
mod forwarding;
mod info;
mod key_store;
mod keys;
mod leaving;
mod lending;
mod listening;
mod mail;
mod opening;
mod options;
mod progress;
mod socket_table;
mod stream;
mod subscribers;
mod telling;
mod transfer;
mod turn;
mod urgent;
mod watching;

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;

use coremill_ring::message::Message;
use coremill_ring::untrusted::Violation;
use coremill_tcp::Event;

pub use attachment::{AttachError, Attachment, AttachmentId, AttachmentParts};
pub use domain::Domain;
pub(crate) use leaving::Left;
pub(crate) use turn::Turn;

use crate::snapshot::ApplicationRow;
use budget::Budget;
use domain::COOKIE;
use progress::COOLED_BEFORE_SLEEP;

/// Applications that can be attached at a time.
pub const DOMAINS_MAX: usize = 64;

/// All attached applications, as one worker has them.
#[derive(Debug)]
pub(crate) struct Applications {
    domains: Vec<Option<Box<Domain>>>,
    /// All lie in places below this: a turn looks at no others.
    end: usize,
    /// What each of them gets of a turn.
    budget: Budget,
    /// The place that goes first in the next turn.
    first: usize,
    /// What a command is taken into: kept, for it would be cleared each time.
    message: Message,
}

impl Applications {
    pub(crate) fn new() -> Self {
        Self {
            domains: (0..DOMAINS_MAX).map(|_| None).collect(),
            end: 0,
            budget: Budget::default(),
            first: 0,
            message: Message::new(),
        }
    }

    /// Takes an application in; gives it back when there is no room.
    pub(crate) fn attach(&mut self, mut domain: Box<Domain>) -> Option<Box<Domain>> {
        let Some(place) = self.domains.iter().position(Option::is_none) else {
            return Some(domain);
        };
        domain.place = u16::try_from(place).unwrap_or(u16::MAX);
        domain.attachment.members.fetch_add(1, Ordering::AcqRel);
        self.domains[place] = Some(domain);
        self.reach_to(self.end.max(place + 1));
        None
    }

    /// One slice of ending an application: what is left of it, and what was it.
    pub(crate) fn detach(
        &mut self,
        id: AttachmentId,
        turn: &mut Turn<'_>,
    ) -> (Left, Option<Box<Domain>>) {
        let is_it =
            |domain: &Option<Box<Domain>>| domain.as_ref().is_some_and(|domain| domain.id() == id);
        let Some(place) = self.domains.iter_mut().find(|domain| is_it(domain)) else {
            return (Left::Nothing, None);
        };
        let left = place
            .as_mut()
            .map_or(Left::Nothing, |domain| domain.leave(turn));
        if left != Left::Nothing {
            return (left, None);
        }
        let gone = place.take();
        let last = self.domains.iter().rposition(Option::is_some);
        self.reach_to(last.map_or(0, |last| last + 1));
        (left, gone)
    }

    fn reach_to(&mut self, end: usize) {
        self.end = end;
        self.budget = Budget::of_turn(end);
    }

    /// Carries out commands, a share for each application; gives their number.
    pub(crate) fn take_commands(&mut self, turn: &mut Turn<'_>) -> usize {
        let end = self.end;
        if end == 0 {
            return 0;
        }
        // Another one goes first each turn.
        self.first = match self.first + 1 {
            next if next < end => next,
            _ => 0,
        };
        let budget = self.budget;
        let mut done = 0;
        for step in 0..end {
            let place = self.first + step;
            let place = if place < end { place } else { place - end };
            if let Some(Some(domain)) = self.domains.get_mut(place) {
                domain.budget = budget;
                let message = &mut self.message;
                done += guarded(domain, |domain| domain.begin_turn(turn, message)).unwrap_or(0);
            }
        }
        done
    }

    /// Whether an event of the shard is an application's.
    pub(crate) fn is_concerned(event: &Event) -> bool {
        event.cookie & COOKIE != 0
    }

    /// Posts what was taken as it arrived: the application goes on while the rest of the turn is still to come.
    pub(crate) fn post_arrived(&mut self) {
        for domain in self.domains[..self.end].iter_mut().flatten() {
            if domain.has_arrived {
                guarded(domain, |domain| {
                    domain.has_arrived = false;
                    domain.post_events()
                });
            }
        }
    }

    /// An event of an application's connection or listener.
    pub(crate) fn event(&mut self, event: &Event, turn: &mut Turn<'_>) {
        let place = usize::try_from((event.cookie & !COOKIE) >> 32).unwrap_or(usize::MAX);
        if let Some(domain) = self.domains.get_mut(place).and_then(Option::as_mut) {
            guarded(domain, |domain| domain.event(event, turn));
        }
    }

    /// Offers connections, tries again those that waited, and posts what changed; gives what there was to do.
    pub(crate) fn end_turn(&mut self, turn: &mut Turn<'_>) -> usize {
        let mut done = 0;
        for domain in self.domains[..self.end].iter_mut().flatten() {
            done += guarded(domain, |domain| domain.end_turn(turn)).unwrap_or(0);
        }
        done
    }

    /// Rings the doorbells of those who sleep and were posted to.
    pub(crate) fn ring_doorbells(&mut self) {
        for domain in self.domains[..self.end].iter_mut().flatten() {
            domain.ring_doorbells();
        }
    }

    /// Says that the worker is about to sleep; true when nobody has anything for it. `wake` follows in both cases.
    pub(crate) fn prepare_sleep(&mut self) -> bool {
        let mut is_quiet = true;
        for domain in self.domains.iter_mut().flatten() {
            is_quiet &= domain.prepare_sleep();
        }
        is_quiet
    }

    /// The worker is awake.
    pub(crate) fn wake(&self) {
        for domain in self.domains.iter().flatten() {
            domain.ready_bits.wake();
        }
    }

    /// Whether something waits for a reader, who will not tell when it has read.
    pub(crate) fn is_held_back(&self) -> bool {
        let mut domains = self.domains[..self.end].iter().flatten();
        domains.any(|domain| domain.is_held_back || domain.is_behind)
    }

    /// What applications ring while the worker sleeps, with their places.
    pub(crate) fn ears(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        let domains = self.domains.iter().enumerate();
        domains.filter_map(|(place, domain)| {
            let domain = domain.as_ref().filter(|domain| !domain.is_ear_gone)?;
            let ear = domain.attachment.parts.ears.get(domain.worker as usize)?;
            Some((place, ear.as_fd()))
        })
    }

    /// Takes the rings of an application that rang; one whose end is closed is not listened to any more.
    pub(crate) fn clear_ear(&mut self, place: usize, is_closed: bool) {
        if let Some(domain) = self.domains.get_mut(place).and_then(Option::as_mut) {
            domain.is_ear_gone |= is_closed;
            if let Some(ear) = domain.attachment.parts.ears.get(domain.worker as usize) {
                ear.clear();
            }
        }
    }

    /// Closes all listeners; connections go on.
    pub(crate) fn drain(&mut self, turn: &mut Turn<'_>) {
        for domain in self.domains.iter_mut().flatten() {
            domain.leave_listeners(turn);
        }
    }

    /// What each has here, as far as `rows` has room.
    pub(crate) fn rows(&self, rows: &mut Vec<ApplicationRow>) {
        let room = rows.capacity() - rows.len();
        let domains = self.domains.iter().flatten();
        rows.extend(domains.take(room).map(|domain| domain.row()));
    }
}

impl Domain {
    fn begin_turn(
        &mut self,
        turn: &mut Turn<'_>,
        message: &mut Message,
    ) -> Result<usize, Violation> {
        if self.is_behind || self.followed != self.attachment.agreements.version() {
            self.follow_agreements(turn)?;
        }
        self.take_commands(turn, message)
    }

    fn end_turn(&mut self, turn: &mut Turn<'_>) -> Result<usize, Violation> {
        let mut done = 0;
        if self.has_acceptable {
            done += self.offer_connections(turn);
        }
        if self.has_retry || self.retries > 0 {
            done += self.retry(turn)?;
        }
        self.cool_in_time(turn.now);
        self.post_events()?;
        Ok(done)
    }

    /// Whether it is not on its way out: it did not lie, and nobody is about to detach it.
    #[inline]
    fn is_served(&self) -> bool {
        !self.is_leaving && self.attachment.violation().is_none()
    }

    /// Whether this one has nothing for a worker that wants to sleep.
    fn prepare_sleep(&mut self) -> bool {
        let is_silent = self.prepare_silence();
        if !self.is_served() {
            return true;
        }
        // Nobody looks while the worker sleeps.
        self.cool(COOLED_BEFORE_SLEEP, true);
        let forwards = self.attachment.forwards.get(self.worker as usize);
        is_silent
            // What waits for a reader is looked at again after a nap.
            && self.chunks.lendings.is_settled()
            && (self.is_held_back || self.flagged.iter().all(|word| *word == 0))
            && !self.has_retry
            && self.retries == 0
            && !self.has_acceptable
            && self.followed == self.attachment.agreements.version()
            && forwards.is_none_or(|queue| queue.is_empty())
    }
}

/// Does something for an application that has not lied; one that is caught lying is condemned.
fn guarded<T>(
    domain: &mut Domain,
    act: impl FnOnce(&mut Domain) -> Result<T, Violation>,
) -> Option<T> {
    if !domain.is_served() {
        return None;
    }
    match act(domain) {
        Ok(done) => Some(done),
        Err(violation) => {
            domain.attachment.condemn(violation);
            None
        }
    }
}
