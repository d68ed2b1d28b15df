//! Waiting for many sockets at once.

mod readiness;
mod sealed;
mod watched;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use coremill_ring::armed::Sleeper;
use coremill_ring::doorbell::Ear;
use coremill_ring::event::Event;
use rustix::io::Errno;

use crate::context::{Context, Notifier, broken, listen};
use crate::lane::Events;
use crate::listener::TcpListener;
use crate::number_hash::NumberHasher;
use crate::socket::Socket;
use crate::stack::Stack;
use crate::stream::{Announced, TcpStream};
pub use readiness::{Interest, Readiness};
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
#[derive(Debug)]
pub struct Poller {
    context: Arc<Context>,
    notifier: u32,
    events: Events,
    sleeper: Sleeper,
    ear: Arc<Ear>,
    sources: HashMap<u64, Source, BuildHasherDefault<NumberHasher>>,
    /// Sources that were announced and not yet found to be unready.
    candidates: Vec<u64>,
    /// Sources that the daemon has not opened yet: nobody announces that it has.
    opening: Vec<u64>,
    /// Sources beyond which those that were dropped are looked for.
    sweep_at: usize,
    /// When a source is to be looked at again, which nobody may announce.
    look_again: Option<Duration>,
}

#[derive(Debug)]
struct Source {
    watched: Weak<dyn Watched>,
    token: usize,
    interest: Interest,
    is_candidate: bool,
    /// Bytes received at the last look at the state: whatever comes later is announced by an event of its own.
    received: Option<u64>,
}

/// What a poller can wait for: [`TcpStream`] and [`TcpListener`].
pub trait Pollable: sealed::Sealed {}

impl Pollable for TcpStream {}
impl Pollable for TcpListener {}

impl Poller {
    /// A poller; there are as many as the daemon's configuration allows.
    ///
    /// # Errors
    /// `EMFILE` when there are no more.
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
            sources: HashMap::default(),
            candidates: Vec::new(),
            opening: Vec::new(),
            sweep_at: SOURCES_FEW,
            look_again: None,
            context,
        })
    }

    /// Waits for a socket too, or for something else of it; `token` is what [`Poller::wait`] calls it. The poller does
    /// not keep it open. It never waits for a worker.
    ///
    /// # Errors
    /// `ENOSPC` when too many watch the socket already: two pollers, or one and calls that block; sixteen of a listener.
    /// `ECONNRESET` when the attachment is over.
    pub fn register(
        &mut self,
        source: &impl Pollable,
        token: usize,
        interest: Interest,
    ) -> io::Result<()> {
        let watched = source.watched();
        let socket = watched.socket();
        let key = socket.number;
        self.sweep();
        let source = Source {
            watched: Arc::downgrade(&watched),
            token,
            interest,
            // It may be ready already.
            is_candidate: true,
            received: None,
        };
        match socket.told.name() {
            None => {
                socket.take_place(self.notifier)?;
                if !self.opening.contains(&key) {
                    self.opening.push(key);
                }
            }
            Some(Ok(_)) => socket.subscribe_to(self.notifier, key, interest.bits())?,
            // It could not be opened: `wait` says so.
            Some(Err(_)) => {}
        }
        let before = self.sources.insert(key, source);
        if !before.is_some_and(|before| before.is_candidate) {
            self.candidates.push(key);
        }
        Ok(())
    }

    /// Waits for a socket no longer.
    ///
    /// # Errors
    /// `ENOENT` when it did not, `ECONNRESET` when the attachment is over.
    pub fn deregister(&mut self, source: &impl Pollable) -> io::Result<()> {
        let watched = source.watched();
        let socket = watched.socket();
        let known = self.sources.remove(&socket.number);
        if known.ok_or(io::Error::from(Errno::NOENT))?.is_candidate {
            // It may be registered again, and is to be told once then.
            self.candidates.retain(|key| *key != socket.number);
        }
        socket.unsubscribe_from(self.notifier)
    }

    /// Waits until a socket is ready, for at most `timeout`; puts tokens and what they are ready for into `ready`,
    /// which is emptied first, and gives how many.
    ///
    /// # Errors
    /// `ECONNRESET` when the attachment is over.
    pub fn wait(
        &mut self,
        ready: &mut Vec<(usize, Readiness)>,
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let begun = Instant::now();
        let spin_until = begun + self.context.spin();
        let deadline = timeout.and_then(|timeout| begun.checked_add(timeout));
        loop {
            if self.look(ready)? > 0 {
                self.context.look_for_end()?;
                return Ok(ready.len());
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.context.look_for_end()?;
                return Ok(0);
            }
            if now < spin_until {
                std::hint::spin_loop();
                continue;
            }
            let is_behind = self.context.settle()?;
            self.sleeper.arm();
            if self.look(ready)? == 0 {
                self.sleep(deadline, now, is_behind)?;
            }
            self.sleeper.disarm();
        }
    }

    /// Prepares for waiting on the descriptor. False when something is ready already: call [`Poller::wait`] instead.
    ///
    /// # Errors
    /// `ECONNRESET` when the attachment is over.
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

    /// Forgets sources that were dropped while they were not ready, once there are twice as many as there were.
    fn sweep(&mut self) {
        if self.sources.len() >= self.sweep_at {
            self.sources
                .retain(|_, source| source.watched.strong_count() > 0);
            self.sweep_at = (2 * self.sources.len()).max(SOURCES_FEW);
        }
    }

    /// Subscribes to what the daemon has opened since the last look.
    fn look_at_opening(&mut self) -> io::Result<()> {
        if self.opening.is_empty() {
            return Ok(());
        }
        self.context.look()?;
        let mut opening = std::mem::take(&mut self.opening);
        opening.retain(|key| {
            let Some(source) = self.sources.get_mut(key) else {
                return false;
            };
            let Some(watched) = source.watched.upgrade() else {
                return false;
            };
            match watched.socket().told.name() {
                None => true,
                // Its failure is seen as readiness, like any other; nothing else announces it.
                Some(Err(_)) => {
                    if !std::mem::replace(&mut source.is_candidate, true) {
                        self.candidates.push(*key);
                    }
                    false
                }
                Some(Ok(_)) => {
                    let interest = source.interest.bits();
                    // If the daemon is gone, `wait` says so.
                    let _ = watched.socket().subscribe_to(self.notifier, *key, interest);
                    false
                }
            }
        });
        self.opening = opening;
        Ok(())
    }

    /// Takes events, and looks at the state of all that was announced.
    fn look(&mut self, ready: &mut Vec<(usize, Readiness)>) -> io::Result<usize> {
        ready.clear();
        self.look_at_opening()?;
        let Self {
            events,
            sources,
            candidates,
            look_again,
            ..
        } = self;
        *look_again = None;
        let drained = events.drain(|event| {
            let Event::Ready {
                ticket,
                received,
                unread,
                ..
            } = event
            else {
                return;
            };
            let Some(source) = sources.get_mut(&ticket) else {
                return;
            };
            if let Some((chunk, start)) = unread
                && let Some(watched) = source.watched.upgrade()
            {
                watched.announce(Announced {
                    received,
                    chunk,
                    start,
                });
            }
            source.received = None;
            if !std::mem::replace(&mut source.is_candidate, true) {
                candidates.push(ticket);
            }
        });
        drained.map_err(broken)?;
        candidates.retain(|key| {
            let Some(source) = sources.get_mut(key) else {
                return false;
            };
            let Some(watched) = source.watched.upgrade() else {
                // It was closed, and with it the subscription.
                sources.remove(key);
                return false;
            };
            if source.is_exhausted(watched.socket()) {
                source.is_candidate = false;
                return false;
            }
            let seen = watched.seen(source.interest);
            let readiness = seen.readiness;
            source.received = seen.received_if_open();
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
        Ok(ready.len())
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
        for source in self.sources.values() {
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

impl Source {
    /// Whether all that the last look has shown was read: nothing is there that no event has announced since, so that
    /// the state, which the worker is about to write, need not be looked at.
    #[inline]
    fn is_exhausted(&self, socket: &Socket) -> bool {
        let has_read = |received| socket.read() >= received;
        !self.interest.writable && self.received.is_some_and(has_read)
    }
}

/// Fewer sources than this are not swept.
const SOURCES_FEW: usize = 64;
/// A sleep while a connection attempt, or what was read, has not reached its worker yet.
const NAP: Duration = Duration::from_micros(100);
