//! Who wants to hear of a socket: a few notifiers each, with their interest.

use coremill_ring::shape::{NOTIFIERS_OF_LISTENER, NOTIFIERS_OF_STREAM};

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

/// The subscriptions of a socket that is no listener. Nearly always it has one at most, which lies here; two lie
/// elsewhere.
#[derive(Debug, Default)]
pub(super) struct FewSubscribers(Entry);

/// The subscriptions of the sockets that have two. Memory is touched as it is used.
#[derive(Debug)]
pub(super) struct Pairs {
    pairs: Vec<Subscribers<NOTIFIERS_OF_STREAM>>,
    free: Vec<u32>,
}

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
        taken(&self.0)
    }
}

impl FewSubscribers {
    /// Adds a subscription, or changes that of its notifier; false when there are too many.
    pub(super) fn set(&mut self, pairs: &mut Pairs, subscription: Subscription) -> bool {
        if let Some(pair) = self.pair(pairs) {
            return pair.set(subscription);
        }
        let mut one = Subscribers([self.0]);
        if one.set(subscription) {
            [self.0] = one.0;
            return true;
        }
        let mut both = Subscribers([self.0, Entry::default()]);
        let Some(number) = both.set(subscription).then(|| pairs.add(both)).flatten() else {
            return false;
        };
        self.0 = Entry {
            notifier: PAIR,
            interest: 0,
            ticket: [number, 0],
        };
        true
    }

    /// Ends the subscription of a notifier.
    pub(super) fn remove(&mut self, pairs: &mut Pairs, notifier: u32) {
        if let Some(pair) = self.pair(pairs) {
            pair.remove(notifier);
            let left = pair.0;
            self.keep(pairs, &left);
        } else if Some(self.0.notifier) == number(notifier) {
            self.0 = Entry::default();
        }
    }

    /// Ends them all.
    pub(super) fn clear(&mut self, pairs: &mut Pairs) {
        self.keep(pairs, &[]);
    }

    /// All of them.
    #[inline]
    pub(super) fn iter<'a>(&'a self, pairs: &'a Pairs) -> impl Iterator<Item = Subscription> + 'a {
        let entries = if self.0.notifier == PAIR {
            pairs.get(self.0.ticket[0])
        } else {
            std::slice::from_ref(&self.0)
        };
        taken(entries)
    }

    fn pair<'a>(&self, pairs: &'a mut Pairs) -> Option<&'a mut Subscribers<NOTIFIERS_OF_STREAM>> {
        (self.0.notifier == PAIR).then_some(())?;
        pairs.pairs.get_mut(self.0.ticket[0] as usize)
    }

    /// Of two, those in `left` stay; one alone comes back here.
    fn keep(&mut self, pairs: &mut Pairs, left: &[Entry]) {
        let mut rest = left.iter().filter(|entry| entry.notifier != NOBODY);
        let (first, second) = (rest.next(), rest.next());
        if second.is_none() {
            if self.0.notifier == PAIR {
                pairs.free.push(self.0.ticket[0]);
            }
            self.0 = first.copied().unwrap_or_default();
        }
    }
}

impl Pairs {
    /// For so many sockets.
    pub(super) fn new(sockets: usize) -> Self {
        Self {
            pairs: Vec::with_capacity(sockets),
            free: Vec::with_capacity(sockets),
        }
    }

    fn add(&mut self, pair: Subscribers<NOTIFIERS_OF_STREAM>) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            *self.pairs.get_mut(number as usize)? = pair;
            return Some(number);
        }
        let number = u32::try_from(self.pairs.len()).ok()?;
        (self.pairs.len() < self.pairs.capacity()).then(|| self.pairs.push(pair))?;
        Some(number)
    }

    #[cold]
    fn get(&self, number: u32) -> &[Entry] {
        let pair = self.pairs.get(number as usize);
        pair.map_or(&[], |pair| &pair.0)
    }
}

#[inline]
fn taken(entries: &[Entry]) -> impl Iterator<Item = Subscription> + '_ {
    let taken = entries.iter().filter(|entry| entry.notifier != NOBODY);
    taken.map(|entry| Subscription {
        notifier: u32::from(entry.notifier),
        interest: entry.interest,
        ticket: u64::from(entry.ticket[1]) << 32 | u64::from(entry.ticket[0]),
    })
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
    u16::try_from(notifier).ok().filter(|number| *number < PAIR)
}

/// No notifier has this number.
const NOBODY: u16 = u16::MAX;
/// Nor this one: two subscriptions lie where the ticket says.
const PAIR: u16 = u16::MAX - 1;

/// Something can be read or accepted (POLLIN).
pub(super) const READABLE: u16 = coremill_ring::option::READABLE as u16;
/// Something can be written, or a connection attempt has ended (POLLOUT).
pub(super) const WRITABLE: u16 = coremill_ring::option::WRITABLE as u16;
/// An urgent byte came.
pub(super) const URGENT: u16 = coremill_ring::option::URGENT as u16;
/// It failed, or is over (POLLERR, POLLHUP, POLLRDHUP): told whether or not anyone asked.
pub(super) const FAILED: u16 = 8 | 16 | 0x2000;

#[cfg(test)]
mod tests;
