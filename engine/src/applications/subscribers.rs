//! Who wants to hear of a socket: a few notifiers each, with their interest.

use coremill_ring::shape::NOTIFIERS_OF_LISTENER;

/// A notifier's subscription to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) notifier: u32,
    /// Conditions, as poll(2) has them.
    pub(super) interest: u16,
    /// Comes back with each event.
    pub(super) ticket: u64,
}

/// The subscriptions of one socket, at most one for each notifier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscribers<const MAX: usize = NOTIFIERS_OF_LISTENER>([Entry; MAX]);

/// A subscription in twelve bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    notifier: u16,
    interest: u16,
    ticket: [u32; 2],
}

impl<const MAX: usize> Subscribers<MAX> {
    /// Adds a subscription, or changes that of its notifier; false when there are too many.
    pub(super) fn set(&mut self, subscription: Subscription) -> bool {
        let Some(notifier) = number(subscription.notifier) else {
            return false;
        };
        let place_of = |wanted| self.0.iter().position(|entry| entry.notifier == wanted);
        let place = place_of(notifier).or_else(|| place_of(NOBODY));
        let Some(entry) = place.and_then(|place| self.0.get_mut(place)) else {
            return false;
        };
        *entry = Entry {
            notifier,
            interest: subscription.interest,
            ticket: [
                subscription.ticket as u32,
                (subscription.ticket >> 32) as u32,
            ],
        };
        true
    }

    /// Ends the subscription of a notifier.
    pub(super) fn remove(&mut self, notifier: u32) {
        for entry in &mut self.0 {
            if Some(entry.notifier) == number(notifier) {
                *entry = Entry::default();
            }
        }
    }

    /// All of them.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = Subscription> + '_ {
        let taken = self.0.iter().filter(|entry| entry.notifier != NOBODY);
        taken.map(|entry| Subscription {
            notifier: u32::from(entry.notifier),
            interest: entry.interest,
            ticket: u64::from(entry.ticket[1]) << 32 | u64::from(entry.ticket[0]),
        })
    }
}

impl<const MAX: usize> Default for Subscribers<MAX> {
    fn default() -> Self {
        Self([Entry::default(); MAX])
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            notifier: NOBODY,
            interest: 0,
            ticket: [0; 2],
        }
    }
}

/// The conditions that can be asked for, out of what was asked for.
pub(super) fn interest(asked: u32) -> u16 {
    (asked & u32::from(READABLE | WRITABLE | URGENT | FAILED)) as u16
}

fn number(notifier: u32) -> Option<u16> {
    u16::try_from(notifier)
        .ok()
        .filter(|number| *number != NOBODY)
}

/// No notifier has this number.
const NOBODY: u16 = u16::MAX;

/// Something can be read or accepted (POLLIN).
pub(super) const READABLE: u16 = coremill_ring::option::READABLE as u16;
/// Something can be written, or a connection attempt has ended (POLLOUT).
pub(super) const WRITABLE: u16 = coremill_ring::option::WRITABLE as u16;
/// An urgent byte came.
pub(super) const URGENT: u16 = coremill_ring::option::URGENT as u16;
/// It failed, or is over (POLLERR, POLLHUP, POLLRDHUP): told whether or not anyone asked.
pub(super) const FAILED: u16 = 8 | 16 | 0x2000;
