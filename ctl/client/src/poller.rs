//! Waiting for many sockets at once.

mod opening;
mod pollable;
mod readiness;
mod sources;
mod watched;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coremill_ring::armed::Sleeper;
use coremill_ring::doorbell::Ear;
use coremill_ring::event::Event;
use coremill_ring::socket_state::Flags;
use rustix::io::Errno;

use crate::announced::Announced;
use crate::context::{Context, Notifier, broken, listen};
use crate::lane::Events;
use crate::stack::Stack;
pub use pollable::Pollable;
pub use readiness::{Interest, Readiness};
use sources::Sources;
pub(crate) use watched::{Seen, Watched};

/// Waits for many sockets at once, level-triggered: a socket is told again as long as it is ready.
///
/// In an event loop of somebody else's it is one descriptor: [`Poller::arm`], and if that gives true wait until the
/// descriptor ([`AsFd`]) is readable, then call [`Poller::wait`] with no time.
///
/// ```no_run
/// use coremill_client::{Interest, Poller, Stack, TcpListener};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stack = Stack::attach("/run/coremill/control.sock")?;
/// let listener = TcpListener::bind(&stack, "0.0.0.0:7".parse()?)?;
/// listener.set_nonblocking(true)?;
/// let mut poller = Poller::new(&stack)?;
/// poller.register(&listener, 0, Interest::READABLE)?;
/// let mut ready = Vec::new();
/// loop {
///     poller.wait(&mut ready, None)?;
///     for (token, readiness) in &ready {
///         println!("{token}: {readiness:?}");
///     }
/// #   break;
/// }
/// # Ok(())
/// # }
/// ```
///
/// The daemon keeps few places for those who watch, since each idle connection pays for them: two for a connection, of which
/// calls that block take one together, sixteen for a listener. Where more threads are to hear of one connection, let one
/// poller hear of it and tell the others, or [`Poller::deregister`] before another one registers. A place is free again
/// when its poller is dropped or has let go. What one too many gets is `ENOSPC`: [`Poller::register`] where pollers have
/// both places, and so does a call that would block.
#[derive(Debug)]
pub struct Poller {
    context: Arc<Context>,
    notifier: u32,
    events: Events,
    sleeper: Sleeper,
    ear: Arc<Ear>,
    sources: Sources,
    /// Sources that were announced and not yet found to be unready.
    candidates: Vec<u64>,
    /// Sources that the daemon has not opened yet: nobody announces that it has.
    opening: Vec<u64>,
    /// When a source is to be looked at again, which nobody may announce.
    look_again: Option<Duration>,
    /// Calls that found something.
    waits: u32,
}

impl Poller {
    /// A poller; there are as many as the daemon's configuration allows.
    ///
    /// # Errors
    /// `EMFILE` when there are no more.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut poller = coremill_client::Poller::new(stack)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(stack: &Stack) -> io::Result<Self> {
        let context = Arc::clone(stack.context());
        let Notifier {
            number,
            events,
            ear,
        } = context.take_notifier()?;
        let armed = context.layout.armed(number);
        let armed = armed.ok_or(io::Error::from(Errno::PROTO))?;
        Ok(Self {
            events,
            sleeper: Sleeper::new(context.application.part(armed)),
            notifier: number,
            ear,
            sources: Sources::default(),
            candidates: Vec::new(),
            opening: Vec::new(),
            look_again: None,
            waits: 0,
            context,
        })
    }

    /// Waits for a socket too, or for something else of it; `token` is what [`Poller::wait`] calls it. The poller does
    /// not keep it open. It never waits for a worker.
    ///
    /// # Errors
    /// `ENOSPC` when too many watch the socket already: two pollers, or one and calls that block; sixteen of a listener.
    /// `ECONNRESET` when the attachment is over.
    ///
    /// ```no_run
    /// # fn example(poller: &mut coremill_client::Poller, stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// poller.register(stream, 7, coremill_client::Interest::BOTH)
    /// # }
    /// ```
    pub fn register(
        &mut self,
        source: &impl Pollable,
        token: usize,
        interest: Interest,
    ) -> io::Result<()> {
        let watched = source.watched();
        let socket = watched.socket();
        let (key, was_candidate) = self.sources.insert(&watched, token, interest);
        let subscribed = match socket.told.name() {
            None => socket.take_place(self.notifier).map(|()| {
                if !self.opening.contains(&key) {
                    self.opening.push(key);
                }
            }),
            Some(Ok(_)) => socket.subscribe_to(self.notifier, key, interest.bits()),
            // It could not be opened: `wait` says so.
            Some(Err(_)) => Ok(()),
        };
        if !was_candidate {
            // It may be ready already.
            self.candidates.push(key);
            if subscribed.is_err() {
                self.sources.remove(socket.number);
            }
        }
        subscribed
    }

    /// Waits for a socket no longer.
    ///
    /// # Errors
    /// `ENOENT` when it did not, `ECONNRESET` when the attachment is over.
    ///
    /// ```no_run
    /// # fn example(poller: &mut coremill_client::Poller, stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// poller.deregister(stream)
    /// # }
    /// ```
    pub fn deregister(&mut self, source: &impl Pollable) -> io::Result<()> {
        let watched = source.watched();
        let socket = watched.socket();
        // It may be registered again: what is still noted under its key names nobody then.
        let known = self.sources.remove(socket.number);
        known.ok_or(io::Error::from(Errno::NOENT))?;
        socket.unsubscribe_from(self.notifier)
    }

    /// Waits until a socket is ready, for at most `timeout`; puts tokens and what they are ready for into `ready`,
    /// which is emptied first, and gives how many.
    ///
    /// # Errors
    /// `ECONNRESET` when the attachment is over.
    ///
    /// ```no_run
    /// # fn example(poller: &mut coremill_client::Poller) -> std::io::Result<()> {
    /// let mut ready = Vec::new();
    /// poller.wait(&mut ready, Some(std::time::Duration::from_secs(1)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(
        &mut self,
        ready: &mut Vec<(usize, Readiness)>,
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        if self.look(ready)? > 0 {
            return self.found(ready);
        }
        let begun = Instant::now();
        let spin_until = begun + self.context.spin();
        let deadline = timeout.and_then(|timeout| begun.checked_add(timeout));
        let mut now = begun;
        loop {
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.context.look_for_end()?;
                return Ok(0);
            }
            if now >= spin_until {
                let is_behind = self.context.settle()?;
                self.sleeper.arm();
                if self.look(ready)? == 0 {
                    self.sleep(deadline, now, is_behind)?;
                }
                self.sleeper.disarm();
            }
            // The clock costs as much as some looks.
            for _ in 0..LOOKS_PER_CLOCK {
                if !ready.is_empty() || self.look(ready)? > 0 {
                    return self.found(ready);
                }
                std::hint::spin_loop();
            }
            now = Instant::now();
        }
    }

    /// Something is ready; whether the daemon is there is looked at now and then, for that asks the clock.
    #[inline]
    fn found(&mut self, ready: &[(usize, Readiness)]) -> io::Result<usize> {
        self.waits = self.waits.wrapping_add(1);
        if self.waits.is_multiple_of(WAITS_PER_LOOK) {
            self.context.look_for_end()?;
        }
        Ok(ready.len())
    }

    /// Prepares for waiting on the descriptor. False when something is ready already: call [`Poller::wait`] instead.
    ///
    /// # Errors
    /// `ECONNRESET` when the attachment is over.
    ///
    /// ```no_run
    /// # fn example(poller: &mut coremill_client::Poller) -> std::io::Result<()> {
    /// if poller.arm()? {
    ///     // Nothing is ready: wait until `poller.as_fd()` is readable.
    /// }
    /// poller.wait(&mut Vec::new(), Some(std::time::Duration::ZERO))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn arm(&mut self) -> io::Result<bool> {
        let is_behind = self.context.settle()?;
        self.ear.clear();
        self.sleeper.arm();
        let is_ready = self.look(&mut Vec::new())? > 0
            || is_behind
            || self.look_again.is_some()
            || !self.opening.is_empty();
        if is_ready {
            self.sleeper.disarm();
        }
        self.context.look_for_end()?;
        Ok(!is_ready)
    }

    fn sleep(&self, deadline: Option<Instant>, now: Instant, is_behind: bool) -> io::Result<()> {
        let mut patience = self.context.patience(deadline, now);
        // Both take a worker's turn.
        let nap = (is_behind || !self.opening.is_empty()).then_some(NAP);
        for sooner in [nap, self.look_again].into_iter().flatten() {
            patience = Some(patience.map_or(sooner, |patience| patience.min(sooner)));
        }
        self.context.heed(listen(&self.ear, patience)?);
        self.context.look_for_end()
    }

    /// Takes events, and finds out what of all that was announced is ready.
    fn look(&mut self, ready: &mut Vec<(usize, Readiness)>) -> io::Result<usize> {
        ready.clear();
        if !self.opening.is_empty() {
            self.look_at_opening()?;
        }
        let Self {
            events,
            sources,
            candidates,
            ..
        } = self;
        let memory = (&self.context.daemon, &self.context.layout);
        let drained = events.drain(|event| {
            if let Event::Ready {
                ticket,
                flags,
                received,
                unread,
                ..
            } = event
                && let Some(source) = sources.get_mut(ticket)
            {
                source.set_received(None);
                if let Some((chunk, start)) = unread
                    && flags == Flags::CONNECTED
                {
                    let announced = Announced {
                        received,
                        chunk,
                        start,
                    };
                    source.hear(announced, memory);
                }
                if !std::mem::replace(&mut source.is_candidate, true) {
                    candidates.push(ticket);
                }
            }
        });
        let drained = drained.map_err(broken)?;
        self.look_again = None;
        if !self.candidates.is_empty() {
            self.look_at_candidates(drained.tell_all, ready);
        }
        Ok(ready.len())
    }

    /// Keeps those that are ready. Where events do not tell all, all states are looked at.
    fn look_at_candidates(&mut self, tell_all: bool, ready: &mut Vec<(usize, Readiness)>) {
        let Self {
            sources,
            candidates,
            look_again,
            ..
        } = self;
        candidates.retain(|key| {
            let Some(source) = sources.get_mut(*key) else {
                return false;
            };
            if !tell_all {
                source.set_received(None);
            }
            if let Some(is_readable) = source.is_readable() {
                source.is_candidate = is_readable;
                if is_readable {
                    ready.push((source.token, Readiness::READABLE));
                }
                return is_readable;
            }
            let Some(watched) = source.watched.upgrade() else {
                // It was closed, and with it the subscription.
                sources.remove_key(*key);
                return false;
            };
            let seen = watched.seen(source.interest);
            let readiness = seen.readiness;
            source.set_received(seen.received_if_open());
            source.is_candidate = source.interest.is_met(readiness);
            if source.is_candidate {
                ready.push((source.token, readiness));
            } else if source.interest.writable
                && let Some(wait) = watched.socket().chunk_wait()
            {
                // A worker says when the chunks come; that they do not, nobody.
                source.is_candidate = true;
                *look_again = Some(look_again.map_or(wait, |sooner| sooner.min(wait)));
            }
            source.is_candidate
        });
    }
}

impl AsFd for Poller {
    /// Readable when something may be ready, after [`Poller::arm`].
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ear.as_fd()
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        for source in self.sources.iter() {
            if let Some(watched) = source.watched.upgrade() {
                let socket = watched.socket();
                // If the daemon is gone, so is the subscription.
                let _ = socket.unsubscribe_from(self.notifier);
            }
        }
        // The next owner goes on where this one stopped reading.
        self.context.return_notifier(Notifier {
            number: self.notifier,
            events: std::mem::take(&mut self.events),
            ear: Arc::clone(&self.ear),
        });
    }
}

/// A sleep while a connection attempt, or what was read, has not reached its worker yet.
const NAP: Duration = Duration::from_micros(100);
/// Calls that find something between two looks for the daemon's end.
const WAITS_PER_LOOK: u32 = 16;
/// Looks at the rings of events between two looks at the clock.
const LOOKS_PER_CLOCK: u32 = 8;
