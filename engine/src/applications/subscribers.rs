//! Who wants to hear of a socket: a few notifiers each, with their interest.

/// A notifier's subscription to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) notifier: u32,
    /// Conditions, as poll(2) has them.
    pub(super) interest: u32,
    /// Comes back with each event.
    pub(super) ticket: u64,
}

/// The subscriptions of one socket, at most one for each notifier.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subscribers([Option<Subscription>; SUBSCRIBERS_MAX]);

impl Subscribers {
    /// Adds a subscription, or changes that of its notifier; false when there are too many.
    pub(super) fn set(&mut self, subscription: Subscription) -> bool {
        let is_same = |place: &Option<Subscription>| {
            place.is_some_and(|other| other.notifier == subscription.notifier)
        };
        let same = self.0.iter().position(is_same);
        let place = same.or_else(|| self.0.iter().position(Option::is_none));
        let place = place.and_then(|place| self.0.get_mut(place));
        place.map(|place| *place = Some(subscription)).is_some()
    }

    /// Ends the subscription of a notifier.
    pub(super) fn remove(&mut self, notifier: u32) {
        for place in &mut self.0 {
            if place.is_some_and(|subscription| subscription.notifier == notifier) {
                *place = None;
            }
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = Subscription> + '_ {
        self.0.iter().flatten().copied()
    }
}

/// Notifiers that one socket can have.
const SUBSCRIBERS_MAX: usize = 4;

/// Something can be read or accepted (POLLIN).
pub(super) const READABLE: u32 = coremill_ring::option::READABLE;
/// Something can be written, or a connection attempt has ended (POLLOUT).
pub(super) const WRITABLE: u32 = coremill_ring::option::WRITABLE;
/// It failed, or is over (POLLERR, POLLHUP, POLLRDHUP): told whether or not anyone asked.
pub(super) const FAILED: u32 = 8 | 16 | 0x2000;
