//! What all sockets of an attachment share: commands to the workers, answers, grants, and the sleep of blocked calls.
//!
//! One context of the memory behind one lock. Of the threads that wait, one sleeps on the doorbell and wakes the
//! others when something came (the *sleeper*); the rest wait for its word.

mod wait;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coremill_protocol::Request;
use coremill_ring::armed::Sleeper;
use coremill_ring::command::Command;
use coremill_ring::doorbell::{Ear, WorkerBell};
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::injection::point;
use coremill_ring::layout::Layout;
use coremill_ring::message::Message;
use coremill_ring::send_lease::Grant;
use coremill_ring::untrusted::Violation;
use coremill_ring::words::{SharedRead, SharedWrite};
use rustix::io::Errno;

use crate::attach::{Attached, Session};
use crate::error::AttachError;
use crate::lane::{Commands, Events, Pushed};
use crate::reading::Untold;
pub(crate) use wait::listen;

/// An attachment's shared part.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) layout: Layout,
    pub(crate) daemon: SharedRead,
    pub(crate) application: SharedWrite,
    pub(crate) member: u16,
    spin: Duration,
    bells: Vec<WorkerBell>,
    ear: Ear,
    inner: Mutex<Inner>,
    changed: Condvar,
    gone: AtomicBool,
    started: Instant,
    looked_ms: AtomicU64,
    next_worker: AtomicU32,
    /// Notifiers for pollers.
    notifiers: Mutex<Vec<Notifier>>,
    pub(crate) untold: Untold,
    session: Mutex<Session>,
}

/// What is behind the lock.
#[derive(Debug)]
pub(crate) struct Inner {
    commands: Vec<Commands>,
    events: Events,
    message: Message,
    sleeper: Sleeper,
    somebody_sleeps: bool,
    ticket: u64,
    answers: HashMap<u64, Option<Answer>>,
    grants: HashMap<Handle, Arc<Grants>>,
}

/// What a poller sleeps on, and how far its events were read.
#[derive(Debug)]
pub(crate) struct Notifier {
    pub(crate) number: u32,
    pub(crate) events: Events,
    pub(crate) ear: Arc<Ear>,
}

/// Chunks that were granted to a socket and not picked up by its writer.
pub(crate) type Grants = Mutex<VecDeque<Grant>>;

/// The answer to a command that was carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    error: u16,
    pub(crate) socket: Option<Handle>,
    pub(crate) value: u64,
}

impl Context {
    pub(crate) fn new(attached: Attached, spin: Duration) -> Result<Self, AttachError> {
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
            spin,
            bells,
            ear,
            inner: Mutex::new(Inner {
                commands,
                events,
                message: Message::new(),
                sleeper: Sleeper::new(armed),
                somebody_sleeps: false,
                ticket: 0,
                answers: HashMap::new(),
                grants: HashMap::new(),
            }),
            changed: Condvar::new(),
            gone: AtomicBool::new(false),
            started: Instant::now(),
            looked_ms: AtomicU64::new(0),
            next_worker: AtomicU32::new(0),
            notifiers: Mutex::new(notifiers),
            untold: Untold::default(),
            session: Mutex::new(session),
        })
    }

    pub(crate) fn workers(&self) -> u32 {
        self.layout.shape().workers
    }

    pub(crate) fn spin(&self) -> Duration {
        self.spin
    }

    /// A worker for a new socket: each in turn.
    pub(crate) fn pick_worker(&self) -> u32 {
        self.next_worker.fetch_add(1, Ordering::Relaxed) % self.workers()
    }

    /// Sends a command that has no answer, if `command` gives one. It is made behind the lock, so that cumulative
    /// counts of several threads reach the worker in their order.
    pub(crate) fn submit(
        &self,
        worker: u32,
        payload: &[u8],
        command: impl FnOnce() -> Option<Command>,
    ) -> io::Result<()> {
        let mut inner = self.lock();
        match command() {
            Some(command) => self.push(&mut inner, worker, &command, payload),
            None => Ok(()),
        }
    }

    /// Sends a command and waits for its answer, which comes in the worker's next turn.
    pub(crate) fn ask(
        &self,
        worker: u32,
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<Answer> {
        let ticket = {
            let mut inner = self.lock();
            inner.ticket += 1;
            let ticket = inner.ticket;
            inner.answers.insert(ticket, None);
            let pushed = self.push(&mut inner, worker, &command(ticket), &[]);
            if let Err(error) = pushed {
                inner.answers.remove(&ticket);
                return Err(error);
            }
            ticket
        };
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let waited = self.wait(Some(deadline), |inner| {
            inner.answers.get(&ticket).copied().flatten()
        });
        self.lock().answers.remove(&ticket);
        let answer = waited?.ok_or(io::Error::from(io::ErrorKind::TimedOut))?;
        match answer.error {
            0 => Ok(answer),
            error => Err(io::Error::from_raw_os_error(i32::from(error))),
        }
    }

    /// From now on grants for a socket are kept.
    pub(crate) fn keep_grants(&self, socket: Handle) -> Arc<Grants> {
        let grants = Arc::new(Grants::default());
        self.lock().grants.insert(socket, Arc::clone(&grants));
        grants
    }

    /// The last two commands of a socket: what was read, and that nobody holds it any more.
    pub(crate) fn let_go(&self, worker: u32, socket: Handle, read: Option<u64>) {
        let mut inner = self.lock();
        inner.grants.remove(&socket);
        point("close: begun");
        if let Some(read) = read {
            // If the daemon is gone, so is the socket.
            let _ = self.push(&mut inner, worker, &Command::Read { socket, read }, &[]);
        }
        let _ = self.push(&mut inner, worker, &Command::Close { socket }, &[]);
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

    /// Publishes a command; takes events and naps while the ring is full.
    fn push(
        &self,
        inner: &mut Inner,
        worker: u32,
        command: &Command,
        payload: &[u8],
    ) -> io::Result<()> {
        let full_since = Instant::now();
        loop {
            if self.gone.load(Ordering::Acquire) {
                return Err(gone());
            }
            let Inner {
                commands, message, ..
            } = inner;
            let lane = commands.get_mut(worker as usize);
            let lane = lane.ok_or(io::Error::from(Errno::INVAL))?;
            match lane.push(command, payload, message).map_err(broken)? {
                Pushed::Awake => return Ok(()),
                Pushed::Asleep => {
                    point("bell: not rung");
                    if let Some(bell) = self.bells.get(worker as usize) {
                        bell.ring();
                    }
                    point("bell: rung");
                    return Ok(());
                }
                Pushed::Full => {
                    self.pump(inner)?;
                    self.look_for_end()?;
                    if full_since.elapsed() > ANSWER_TIMEOUT {
                        return Err(Errno::NOBUFS.into());
                    }
                    std::thread::sleep(NAP);
                }
            }
        }
    }

    /// Takes all events. True when there were any; then other threads were told.
    fn pump(&self, inner: &mut Inner) -> io::Result<bool> {
        let Inner {
            events,
            answers,
            grants,
            ..
        } = inner;
        let count = events.drain(|event| match event {
            Event::Answer {
                ticket,
                error,
                socket,
                value,
            } => {
                if let Some(place) = answers.get_mut(&ticket) {
                    *place = Some(Answer {
                        error,
                        socket,
                        value,
                    });
                }
            }
            Event::Granted { socket, grant } => {
                if let Some(grants) = grants.get(&socket) {
                    lock(grants).push_back(grant);
                }
            }
            // Who waits for it looks at the state.
            Event::Ready { .. } => {}
        });
        let any = count.map_err(broken)? > 0;
        if any {
            self.changed.notify_all();
        }
        Ok(any)
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
/// Between two looks at a full ring.
const NAP: Duration = Duration::from_micros(50);
/// A worker answers within a turn; one that takes this long is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The notifier that blocked calls sleep on.
pub(crate) const OWN_NOTIFIER: u32 = OWN;
