//! What wakes the tasks of one runtime: a task that listens to one doorbell for all their sockets.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, Weak};
use std::task::Waker;

use ::tokio::io::Interest;
use ::tokio::io::unix::AsyncFd;
use ::tokio::runtime::{Handle, Id};
use ::tokio::sync::Notify;
use coremill_ring::armed::Sleeper;
use coremill_ring::doorbell::Ear;
use coremill_ring::event::Event;
use rustix::io::Errno;

use crate::context::{Context, Notifier, broken, listen, lock};
use crate::socket::Socket;

/// The sockets of one runtime, and who waits for each.
#[derive(Debug)]
pub(crate) struct Reactor {
    runtime: Id,
    number: u32,
    waiting: Mutex<HashMap<u64, Waiting>>,
}

/// Who waits for one socket: of a listener any number of tasks.
#[derive(Clone, Debug)]
pub(super) enum Waiting {
    Connection(Arc<Wakers>),
    Listener(Arc<Notify>),
}

/// Who waits for a connection: one task in each direction.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    read: Mutex<Option<Waker>>,
    write: Mutex<Option<Waker>>,
}

/// A socket's place in a reactor, as long as this lives.
#[derive(Debug)]
pub(super) struct Registration<W> {
    reactor: Arc<Reactor>,
    key: u64,
    pub(super) tasks: Arc<W>,
}

impl Reactor {
    /// The one of the runtime that this is called in.
    pub(super) fn current(context: &Arc<Context>) -> io::Result<Arc<Self>> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let mut reactors = lock(&context.reactors);
        reactors.retain(|reactor| reactor.strong_count() > 0);
        let known = reactors.iter().filter_map(Weak::upgrade);
        if let Some(known) = known
            .into_iter()
            .find(|known| known.runtime == runtime.id())
        {
            return Ok(known);
        }
        let notifier = context.take_notifier()?;
        let reactor = Arc::new(Self {
            runtime: runtime.id(),
            number: notifier.number,
            waiting: Mutex::default(),
        });
        let armed = context.layout.armed(notifier.number);
        let armed = armed.ok_or(io::Error::from(Errno::PROTO))?;
        let sleeper = Sleeper::new(context.application.part(armed));
        let task = Task {
            context: Arc::downgrade(context),
            reactor: Arc::downgrade(&reactor),
            notifier: Some(notifier),
            sleeper,
            told: Vec::new(),
        };
        runtime.spawn(task.run());
        reactors.push(Arc::downgrade(&reactor));
        Ok(reactor)
    }

    /// From now on tasks are woken for a socket, which must be open.
    pub(super) fn register<W: Default>(
        self: &Arc<Self>,
        socket: &Socket,
        interest: u32,
        kind: fn(Arc<W>) -> Waiting,
    ) -> io::Result<Registration<W>> {
        let tasks = Arc::new(W::default());
        let key = socket.number;
        lock(&self.waiting).insert(key, kind(Arc::clone(&tasks)));
        let registration = Registration {
            reactor: Arc::clone(self),
            key,
            tasks,
        };
        socket.subscribe_to(self.number, key, interest)?;
        Ok(registration)
    }

    fn wake(&self, key: u64) {
        let waiting = lock(&self.waiting).get(&key).cloned();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    fn wake_all(&self) {
        let all: Vec<_> = lock(&self.waiting).values().cloned().collect();
        all.iter().for_each(Waiting::wake);
    }
}

impl Waiting {
    fn wake(&self) {
        match self {
            Self::Connection(wakers) => wakers.wake(),
            Self::Listener(tasks) => tasks.notify_waiters(),
        }
    }
}

impl Wakers {
    /// Who is to be woken when something can be read, and when something can be written.
    pub(super) fn reader(&self, waker: &Waker) {
        *lock(&self.read) = Some(waker.clone());
    }

    pub(super) fn writer(&self, waker: &Waker) {
        *lock(&self.write) = Some(waker.clone());
    }

    fn wake(&self) {
        for waiting in [&self.read, &self.write] {
            let waker = lock(waiting).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<W> Drop for Registration<W> {
    fn drop(&mut self) {
        lock(&self.reactor.waiting).remove(&self.key);
    }
}

/// The task that listens. It holds nothing alive, and ends when all it serves is gone.
struct Task {
    context: Weak<Context>,
    reactor: Weak<Reactor>,
    notifier: Option<Notifier>,
    sleeper: Sleeper,
    /// Sockets of events that were taken, whose tasks are woken next.
    told: Vec<u64>,
}

impl Task {
    async fn run(mut self) {
        // Whoever waits finds out by itself why nobody listens any more.
        let _ended = self.listen().await;
        if let Some(reactor) = self.reactor.upgrade() {
            reactor.wake_all();
        }
    }

    #[expect(
        deprecated,
        reason = "the other form is unsafe; a `Listened` keeps its one descriptor open as long as it lives"
    )]
    async fn listen(&mut self) -> io::Result<()> {
        let Some(ear) = self.notifier.as_ref().map(|own| Arc::clone(&own.ear)) else {
            return Ok(());
        };
        let ear = AsyncFd::with_interest(Listened(ear), Interest::READABLE)?;
        loop {
            self.sleeper.arm();
            if self.look()? {
                self.sleeper.disarm();
                ::tokio::task::yield_now().await;
                continue;
            }
            let mut guard = ear.readable().await?;
            let heard = listen(&ear.get_ref().0, Some(std::time::Duration::ZERO))?;
            guard.clear_ready();
            self.sleeper.disarm();
            let Some(context) = self.context.upgrade() else {
                return Ok(());
            };
            context.heed(heard);
            context.look_for_end()?;
        }
    }

    /// Wakes those who are told of; true when there were any, or when commands wait for room.
    fn look(&mut self) -> io::Result<bool> {
        let (Some(context), Some(reactor)) = (self.context.upgrade(), self.reactor.upgrade())
        else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let is_behind = context.settle()?;
        let Some(notifier) = &mut self.notifier else {
            return Ok(false);
        };
        let told = &mut self.told;
        let drained = notifier.events.drain(|event| {
            if let Event::Ready { ticket, .. } = event {
                told.push(ticket);
            }
        });
        // Only now: until the events count as taken a worker adds none for the same socket, and a task on another
        // thread that looked before would miss what came since.
        told.drain(..).for_each(|ticket| reactor.wake(ticket));
        drained
            .map(|drained| is_behind || drained.count > 0)
            .map_err(broken)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let (Some(context), Some(notifier)) = (self.context.upgrade(), self.notifier.take()) {
            context.return_notifier(notifier);
        }
    }
}

/// A doorbell as tokio takes it.
struct Listened(Arc<Ear>);

impl AsRawFd for Listened {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}
