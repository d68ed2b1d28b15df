//! Who is told of a socket: blocked calls through the context's notifier, and pollers through theirs. The daemon has a few
//! places for each socket; they are counted here, so that whoever finds none is told at once.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::option::{READABLE, WRITABLE};
use rustix::io::Errno;

use super::{Socket, Wanted};
use crate::context::{OWN_NOTIFIER, Patience, lock};

/// Places taken, and by whom.
#[derive(Debug)]
pub(super) struct Subscriptions {
    /// How many notifiers the daemon tells of it, at most.
    places: usize,
    /// What is announced to blocked calls; nothing while they have no place.
    interest: AtomicU32,
    /// Blocked calls, and those of them that wait for room to write.
    waiters: AtomicU32,
    writers: AtomicU32,
    /// Notifiers of pollers.
    pollers: Mutex<Vec<u32>>,
}

impl Subscriptions {
    /// None yet, of so many.
    pub(super) fn of(places: usize) -> Self {
        Self {
            places,
            interest: AtomicU32::new(0),
            waiters: AtomicU32::new(0),
            writers: AtomicU32::new(0),
            pollers: Mutex::default(),
        }
    }
}

impl Socket {
    /// Lets the daemon announce it to blocked calls as long as the result lives: room to write only while one waits for
    /// that.
    ///
    /// # Errors
    /// `ENOSPC` when pollers have all places.
    pub(super) fn block(&self, wanted: Wanted) -> io::Result<Blocked<'_>> {
        let blocked = Blocked::new(self, wanted);
        let socket = self.name()?.handle;
        let own = &self.subscriptions;
        let mut has_place = true;
        // Behind the lock, so that nobody's older wish replaces a newer one.
        self.context.submit(self.worker, &[], Patience::Waits, || {
            let interest = match own.writers.load(Ordering::Acquire) {
                0 => READABLE,
                _ => READABLE | WRITABLE,
            };
            let pollers = lock(&own.pollers);
            let before = own.interest.load(Ordering::Acquire);
            has_place = before != 0 || pollers.len() < own.places;
            if before == interest || !has_place {
                return None;
            }
            own.interest.store(interest, Ordering::Release);
            Some(Command::Subscribe {
                ticket: READY_TICKET,
                socket,
                notifier: OWN_NOTIFIER,
                interest,
            })
        })?;
        match has_place {
            true => Ok(blocked),
            false => Err(Errno::NOSPC.into()),
        }
    }

    /// Takes a place for a poller's notifier, also before the daemon has opened it.
    ///
    /// # Errors
    /// `ENOSPC` when others have them all.
    pub(crate) fn take_place(&self, notifier: u32) -> io::Result<()> {
        self.leave_blocked()?;
        let own = &self.subscriptions;
        let mut pollers = lock(&own.pollers);
        if pollers.contains(&notifier) {
            return Ok(());
        }
        let blocked = usize::from(own.interest.load(Ordering::Acquire) != 0);
        if pollers.len() + blocked >= own.places {
            return Err(Errno::NOSPC.into());
        }
        pollers.push(notifier);
        Ok(())
    }

    /// Lets the daemon announce it to a notifier.
    ///
    /// # Errors
    /// As [`Socket::take_place`]; `ECONNRESET` when the attachment is over.
    pub(crate) fn subscribe_to(&self, notifier: u32, ticket: u64, interest: u32) -> io::Result<()> {
        let socket = self.name()?.handle;
        self.take_place(notifier)?;
        let command = Command::Subscribe {
            ticket,
            socket,
            notifier,
            interest,
        };
        self.context.send_soon(self.worker, |_| Some(command))
    }

    /// Ends what `subscribe_to` or `take_place` began.
    pub(crate) fn unsubscribe_from(&self, notifier: u32) -> io::Result<()> {
        lock(&self.subscriptions.pollers).retain(|known| *known != notifier);
        match self.told.name() {
            Some(Ok(name)) => {
                let command = Command::Unsubscribe {
                    socket: name.handle,
                    notifier,
                };
                self.context.send_soon(self.worker, |_| Some(command))
            }
            _ => Ok(()),
        }
    }

    /// No poller is told any more: of what is being dropped none can be.
    pub(crate) fn leave_pollers(&self) -> io::Result<()> {
        let pollers = std::mem::take(&mut *lock(&self.subscriptions.pollers));
        pollers
            .into_iter()
            .try_for_each(|notifier| self.unsubscribe_from(notifier))
    }

    /// Nobody tells blocked calls any more when there are none: pollers would pay for each event twice.
    fn leave_blocked(&self) -> io::Result<()> {
        let own = &self.subscriptions;
        if own.interest.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        let Some(Ok(name)) = self.told.name() else {
            return Ok(());
        };
        let socket: Handle = name.handle;
        self.context.send_soon(self.worker, |_| {
            // One that begins to wait is counted before it asks, behind the same lock.
            let is_left = own.waiters.load(Ordering::Acquire) == 0;
            let had_place = is_left && own.interest.swap(0, Ordering::AcqRel) != 0;
            had_place.then_some(Command::Unsubscribe {
                socket,
                notifier: OWN_NOTIFIER,
            })
        })
    }
}

/// A call that waits, as long as this lives.
pub(super) struct Blocked<'a> {
    socket: &'a Socket,
    writes: bool,
}

impl<'a> Blocked<'a> {
    fn new(socket: &'a Socket, wanted: Wanted) -> Self {
        let writes = wanted == Wanted::Write;
        let own = &socket.subscriptions;
        own.waiters.fetch_add(1, Ordering::AcqRel);
        own.writers.fetch_add(u32::from(writes), Ordering::AcqRel);
        Self { socket, writes }
    }
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        let own = &self.socket.subscriptions;
        own.writers
            .fetch_sub(u32::from(self.writes), Ordering::AcqRel);
        let others = own.waiters.fetch_sub(1, Ordering::AcqRel) - 1;
        if others == 0 && !lock(&own.pollers).is_empty() {
            // If the daemon is gone, so is the subscription.
            let _gone = self.socket.leave_blocked();
        }
    }
}

/// Of events that nobody looks up: they wake, and the state says the rest.
const READY_TICKET: u64 = 1 << 63;
