//! The end of a turn: events of what changed, and the doorbells of those who sleep.

use coremill_ring::event::{Event, EventSlot};
use coremill_ring::notifier::Posted as Outcome;
use coremill_ring::socket_state::Flags;
use coremill_ring::untrusted::Violation;
use coremill_ring::words::full_fence;

use super::domain::Domain;
use super::listening::OpenListener;
use super::mail::{Mail, Posted};
use super::socket_table::{Kind, Place};
use super::subscribers::{FAILED, Subscription};

impl Domain {
    /// Posts the events of what changed in this turn.
    pub(super) fn post_events(&mut self) -> Result<(), Violation> {
        self.settle_owed()?;
        if self.to_tell.is_empty() && !self.has_listener_edges {
            return Ok(());
        }
        if std::mem::take(&mut self.has_listener_edges) {
            self.tell_of_listeners()?;
        }
        for _ in 0..self.to_tell.len().min(TELLS_MAX) {
            let Some(number) = self.to_tell.pop_front() else {
                break;
            };
            if !self.tell_of_socket(number)? {
                self.to_tell.push_back(number);
            }
        }
        self.is_held_back |= !self.to_tell.is_empty();
        Ok(())
    }

    /// Rings those who were posted to and sleep, each once.
    pub(super) fn ring_doorbells(&mut self) {
        let posted = std::mem::take(&mut self.posted);
        if posted.is_none() {
            return;
        }
        full_fence();
        let count = self.mails.len();
        for number in posted.numbers(count) {
            if self.mails.get_mut(number).is_some_and(Mail::is_due)
                && let Some(bell) = self.attachment.parts.bells.get(number)
            {
                // One that is gone is noticed by the control thread.
                let _gone = bell.ring();
                self.counts.doorbells_rung += 1;
            }
        }
    }

    /// Answers that found no room before.
    fn settle_owed(&mut self) -> Result<(), Violation> {
        if !self.is_held_back {
            return Ok(());
        }
        self.is_held_back = false;
        for (number, mail) in (0..).zip(&mut self.mails) {
            if mail.is_owing() {
                let told = mail.settle()?;
                if told {
                    self.posted.add(number);
                }
                self.has_retry |= told;
                self.is_held_back |= mail.is_owing();
            }
        }
        self.is_held_back |= self.is_stalled();
        Ok(())
    }

    /// False when an event found no room.
    fn tell_of_socket(&mut self, number: u32) -> Result<bool, Violation> {
        let Self {
            sockets,
            chunks,
            mails,
            counts,
            posted,
            ..
        } = self;
        let Some(Place {
            handle,
            state,
            slot,
            pairs,
        }) = sockets.at(number)
        else {
            return Ok(true);
        };
        let Some(socket) = slot.socket.as_mut() else {
            slot.is_listed = false;
            return Ok(true);
        };
        let unread = match &socket.kind {
            Kind::Stream(stream) => stream.first_unread(chunks),
            _ => None,
        };
        let event = Event::Ready {
            ticket: 0,
            socket: handle,
            flags: socket.flags,
            received: state.received(),
            acknowledged: state.acknowledged(),
            unread,
        };
        let told = tell_subscribers(
            (mails, posted),
            socket.subscribers.iter(pairs),
            (number, socket.edges),
            &mut event.to_slot(),
        )?;
        counts.events += told.posted;
        if !told.is_full {
            socket.edges = 0;
            slot.is_listed = false;
        }
        Ok(!told.is_full)
    }

    fn tell_of_listeners(&mut self) -> Result<(), Violation> {
        let Self {
            listening,
            mails,
            counts,
            posted,
            has_listener_edges,
            is_held_back,
            ..
        } = self;
        for listening in listening.iter_mut() {
            let Some(OpenListener {
                socket,
                subscribers,
                edges,
                ..
            }) = &mut listening.open
            else {
                continue;
            };
            if *edges == 0 {
                continue;
            }
            if listening.offers.offered() == 0 {
                *edges = 0;
                continue;
            }
            let event = Event::Ready {
                ticket: 0,
                socket: *socket,
                flags: Flags::default(),
                received: 0,
                acknowledged: 0,
                unread: None,
            };
            let told = tell_subscribers(
                (mails, posted),
                subscribers.iter(),
                (socket.slot, *edges),
                &mut event.to_slot(),
            )?;
            counts.events += told.posted;
            if told.is_full {
                *has_listener_edges = true;
                *is_held_back = true;
            } else {
                *edges = 0;
            }
        }
        Ok(())
    }
}

/// What became of the events of one socket.
struct Told {
    posted: u64,
    is_full: bool,
}

/// Tells each who wants to hear of it, with the ticket of its own.
#[inline]
fn tell_subscribers(
    (mails, posted): (&mut [Mail], &mut Posted),
    subscribers: impl Iterator<Item = Subscription>,
    (number, edges): (u32, u16),
    event: &mut EventSlot,
) -> Result<Told, Violation> {
    let mut told = Told {
        posted: 0,
        is_full: false,
    };
    for subscription in subscribers {
        if edges & (subscription.interest | FAILED) == 0 {
            continue;
        }
        if let Some(mail) = mails.get_mut(subscription.notifier as usize) {
            Event::set_ticket(event, subscription.ticket);
            match mail.post(number, event)? {
                Outcome::Posted => {
                    told.posted += 1;
                    posted.add(subscription.notifier);
                }
                Outcome::Merged => {}
                Outcome::Full => told.is_full = true,
            }
        }
    }
    Ok(told)
}

/// Sockets told of in one turn.
const TELLS_MAX: usize = 256;
