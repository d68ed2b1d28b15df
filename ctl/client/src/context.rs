//! What all sockets of an attachment share: commands to the workers, answers, grants, and the sleep of blocked calls.
//!
//! One context of the memory behind one lock. Of the threads that wait, one sleeps on the doorbell and wakes the
//! others when something came (the *sleeper*); the rest wait for its word.

mod courier;
mod departing;
mod hear;
mod room;
mod speak;
mod tickets;
mod wait;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use coremill_protocol::Request;
use coremill_ring::armed::Sleeper;
use coremill_ring::doorbell::{Ear, WorkerBell};
use coremill_ring::handle::Handle;
use coremill_ring::layout::Layout;
use coremill_ring::local_address;
use coremill_ring::message::Message;
use coremill_ring::send_lease::Grant;
use coremill_ring::socket_state::StateReader;
use coremill_ring::untrusted::Violation;
use coremill_ring::words::{SharedRead, SharedWrite};
use rustix::io::Errno;

use crate::attach::{Attached, Session};
use crate::error::AttachError;
use crate::lane::{Commands, Events};
use crate::reading::Untold;
use crate::stack::Options;
use crate::told::{Name, Told};
use departing::Departing;
pub(crate) use room::Patience;
use tickets::Tickets;
pub(crate) use wait::listen;

/// An attachment's shared part.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) layout: Layout,
    pub(crate) daemon: SharedRead,
    pub(crate) application: SharedWrite,
    pub(crate) member: u16,
    spin: Duration,
    fallback: Option<Duration>,
    bells: Vec<WorkerBell>,
    ear: Ear,
    inner: Mutex<Inner>,
    changed: Condvar,
    gone: AtomicBool,
    started: Instant,
    looked_ms: AtomicU64,
    next_worker: AtomicU32,
    next_socket: AtomicU64,
    /// Notifiers for pollers.
    notifiers: Mutex<Vec<Notifier>>,
    pub(crate) untold: Untold,
    #[cfg(feature = "tokio")]
    pub(crate) reactors: Mutex<Vec<std::sync::Weak<crate::tokio::Reactor>>>,
    session: Mutex<Session>,
    /// For its courier.
    own: OnceLock<Weak<Self>>,
}

/// What is behind the lock.
#[derive(Debug)]
pub(crate) struct Inner {
    commands: Vec<Commands>,
    events: Events,
    message: Message,
    sleeper: Sleeper,
    somebody_sleeps: bool,
    tickets: Tickets,
    /// Sockets that have asked for room: grants go to them.
    asking: HashMap<Handle, Arc<Told>>,
    /// Commands that wait for room, while those who sent them go on.
    departing: Departing,
    /// A thread sends these as soon as there is room.
    has_courier: bool,
}

/// What a poller sleeps on, and how far its events were read.
#[derive(Debug)]
pub(crate) struct Notifier {
    pub(crate) number: u32,
    pub(crate) events: Events,
    pub(crate) ear: Arc<Ear>,
}

impl Context {
    pub(crate) fn new(attached: Attached, options: &Options) -> Result<Self, AttachError> {
        let Attached {
            session,
            member,
            layout,
            daemon,
            application,
            bells,
            ears,
        } = attached;
        let lacks = || AttachError::Answer("the memory's shape lacks a part".into());
        let commands = |worker| Commands::new(&layout, &daemon, &application, (OWN, worker));
        let commands = (0..layout.shape().workers).map(commands);
        let commands = commands.collect::<Option<_>>().ok_or_else(lacks)?;
        let events = Events::new(&layout, &daemon, &application, OWN).ok_or_else(lacks)?;
        let armed = application.part(layout.armed(OWN).ok_or_else(lacks)?);
        let mut ears = (0..).zip(ears);
        let (_, ear) = ears.next().ok_or_else(lacks)?;
        let contexts = layout.shape().contexts;
        let notifiers = ears.filter(|(number, _)| *number >= contexts);
        let notifiers = notifiers.map(|(number, ear)| {
            Some(Notifier {
                number,
                events: Events::new(&layout, &daemon, &application, number)?,
                ear: Arc::new(ear),
            })
        });
        let notifiers = notifiers.collect::<Option<_>>().ok_or_else(lacks)?;
        Ok(Self {
            layout,
            daemon,
            application,
            member,
            spin: options.spin,
            fallback: options.fallback,
            bells,
            ear,
            inner: Mutex::new(Inner {
                commands,
                events,
                message: Message::new(),
                sleeper: Sleeper::new(armed),
                somebody_sleeps: false,
                tickets: Tickets::default(),
                asking: HashMap::new(),
                departing: Departing::new(layout.shape().workers),
                has_courier: false,
            }),
            changed: Condvar::new(),
            gone: AtomicBool::new(false),
            started: Instant::now(),
            looked_ms: AtomicU64::new(0),
            next_worker: AtomicU32::new(0),
            next_socket: AtomicU64::new(0),
            notifiers: Mutex::new(notifiers),
            untold: Untold::default(),
            #[cfg(feature = "tokio")]
            reactors: Mutex::default(),
            session: Mutex::new(session),
            own: OnceLock::new(),
        })
    }

    /// As its sockets share it.
    pub(crate) fn shared(self) -> Arc<Self> {
        let shared = Arc::new(self);
        let _first = shared.own.set(Arc::downgrade(&shared));
        shared
    }

    pub(crate) fn workers(&self) -> u32 {
        self.layout.shape().workers
    }

    pub(crate) fn spin(&self) -> Duration {
        self.spin
    }

    /// Microseconds since the attachment began.
    pub(crate) fn clock_us(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.started);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// A number for a socket of this process, never used again.
    pub(crate) fn number_socket(&self) -> u64 {
        self.next_socket.fetch_add(1, Ordering::Relaxed)
    }

    /// A worker for a new socket: each in turn.
    pub(crate) fn pick_worker(&self) -> u32 {
        self.next_worker.fetch_add(1, Ordering::Relaxed) % self.workers()
    }

    /// What this process needs of a socket that the daemon has.
    pub(crate) fn name(&self, worker: u32, handle: Handle) -> Option<Name> {
        let part = self.layout.socket(handle.slot)?;
        Some(Name {
            handle,
            worker,
            state: StateReader::new(self.daemon.part(part)),
            grants: Box::default(),
        })
    }

    /// Where our end of the socket in a slot is; whose it is, the state says when it is asked after this.
    pub(crate) fn local(&self, slot: u32) -> Option<SocketAddr> {
        let part = self.layout.local(slot)?;
        local_address::read(&self.daemon.part(part))
    }

    /// A notifier for a poller.
    pub(crate) fn take_notifier(&self) -> io::Result<Notifier> {
        let mut free = lock(&self.notifiers);
        free.pop().ok_or_else(|| Errno::MFILE.into())
    }

    /// A poller is no more.
    pub(crate) fn return_notifier(&self, notifier: Notifier) {
        lock(&self.notifiers).push(notifier);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let session = self.session.get_mut();
        let session = session.unwrap_or_else(PoisonError::into_inner);
        if !self.gone.load(Ordering::Acquire) {
            // The daemon would see the process's end anyway.
            let _ = session.ask(&Request::Detach { attachment: None });
        }
    }
}

/// Chunks that were granted to a socket and not picked up by its writer.
pub(crate) type Grants = Mutex<VecDeque<Grant>>;

/// What every call gives once the attachment is over.
pub(crate) fn gone() -> io::Error {
    Errno::CONNRESET.into()
}

/// What the daemon wrote makes no sense.
pub(crate) fn broken(violation: Violation) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, violation)
}

/// Locks, whatever a panicking thread left behind: all steps under these locks are whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one context that this library uses, and the notifier of the same number.
const OWN: u32 = 0;

/// The notifier that blocked calls sleep on.
pub(crate) const OWN_NOTIFIER: u32 = OWN;
