//! One socket: its name, the worker that has it, its state, and how this process waits for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::option::{READABLE, WRITABLE};
use coremill_ring::owner::ReadMark;
use coremill_ring::socket_state::{Flags, Snapshot, StateReader};
use rustix::io::Errno;

use crate::context::{Context, Grants, OWN_NOTIFIER, gone};
use crate::reading::Reading;

/// A socket that this process holds; lets go of it when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) context: Arc<Context>,
    pub(crate) handle: Handle,
    pub(crate) worker: u32,
    pub(crate) state: StateReader,
    pub(crate) grants: Arc<Grants>,
    pub(crate) reading: Arc<Reading>,
    /// Bytes sent.
    pub(crate) sent: AtomicU64,
    subscribed: AtomicBool,
    nonblocking: AtomicBool,
    error_told: AtomicBool,
}

impl Socket {
    /// A new socket of worker `worker`.
    pub(crate) fn open(context: &Arc<Context>, worker: u32) -> io::Result<Self> {
        let answer = context.ask(worker, |ticket| Command::Open { ticket })?;
        let handle = answer.socket.ok_or(io::Error::from(Errno::PROTO))?;
        Self::new(context, worker, handle)
    }

    /// A socket that the daemon says this process holds.
    pub(crate) fn new(context: &Arc<Context>, worker: u32, handle: Handle) -> io::Result<Self> {
        let part = context.layout.socket(handle.slot);
        let part = part.ok_or(io::Error::from(Errno::PROTO))?;
        let words = context.layout.owners(handle.slot);
        let words = words.ok_or(io::Error::from(Errno::PROTO))?;
        let mark = ReadMark::new(context.application.part(words), handle);
        Ok(Self {
            context: Arc::clone(context),
            handle,
            worker,
            state: StateReader::new(context.daemon.part(part)),
            grants: context.keep_grants(handle),
            reading: Reading::new(worker, handle, mark),
            sent: AtomicU64::new(0),
            subscribed: AtomicBool::new(false),
            nonblocking: AtomicBool::new(false),
            error_told: AtomicBool::new(false),
        })
    }

    /// Sends a command about it and waits for the answer.
    pub(crate) fn ask(&self, command: impl FnOnce(u64, Handle) -> Command) -> io::Result<u64> {
        let handle = self.handle;
        let answer = self
            .context
            .ask(self.worker, |ticket| command(ticket, handle));
        answer.map(|answer| answer.value)
    }

    /// Sends a command about it that has no answer.
    pub(crate) fn submit(&self, command: Command) -> io::Result<()> {
        self.context.submit(self.worker, &[], || Some(command))
    }

    /// Sends bytes; `command` is given what was read, which rides along.
    pub(crate) fn submit_with_read(
        &self,
        payload: &[u8],
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<()> {
        self.context
            .submit(self.worker, payload, || Some(command(self.reading.tell())))
    }

    /// What the daemon says about it.
    ///
    /// # Errors
    /// When it has no such socket any more.
    pub(crate) fn snapshot(&self) -> io::Result<Snapshot> {
        self.state.snapshot(self.handle).ok_or_else(gone)
    }

    /// Our end's address.
    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        let local = self.state.local(self.handle);
        local.ok_or(Errno::INVAL.into())
    }

    /// The socket's error, which each caller but the first finds to be none.
    pub(crate) fn take_error(&self, snapshot: &Snapshot) -> Option<io::Error> {
        let error = i32::from(snapshot.condition.error);
        (error != 0 && !self.error_told.swap(true, Ordering::AcqRel))
            .then(|| io::Error::from_raw_os_error(error))
    }

    /// Waits until `ready` gives something. Gives None at once for one that does not block, and at the deadline.
    pub(crate) fn wait<T>(
        &self,
        deadline: Option<Instant>,
        ready: impl Fn(&Snapshot) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let look = || match self.state.snapshot(self.handle) {
            Some(snapshot) => ready(&snapshot).map(Ok),
            None => Some(Err(gone())),
        };
        if let Some(found) = look() {
            return found.map(Some);
        }
        if self.is_nonblocking() {
            self.context.look_for_end()?;
            return Ok(None);
        }
        self.subscribe()?;
        self.context.wait(deadline, |_| look())?.transpose()
    }

    /// Lets the daemon announce it to blocked calls.
    pub(crate) fn subscribe(&self) -> io::Result<()> {
        if self.subscribed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.subscribe_to(OWN_NOTIFIER, READY_TICKET, READABLE | WRITABLE)
    }

    /// Lets the daemon announce it to a notifier.
    pub(crate) fn subscribe_to(&self, notifier: u32, ticket: u64, interest: u32) -> io::Result<()> {
        let command = Command::Subscribe {
            ticket,
            socket: self.handle,
            notifier,
            interest,
        };
        self.submit(command)
    }

    /// Tells the worker what was read, if it does not know.
    pub(crate) fn tell_read(&self) -> io::Result<()> {
        if self.reading.untold_bytes() == 0 {
            return Ok(());
        }
        let reading = &self.reading;
        self.context.submit(self.worker, &[], || reading.command())
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let read = (self.reading.untold_bytes() > 0).then(|| self.reading.tell());
        self.context.let_go(self.worker, self.handle, read);
    }
}

/// Whether a connection is over in both directions, or failed.
pub(crate) fn is_over(snapshot: &Snapshot) -> bool {
    let flags = snapshot.condition.flags;
    flags.contains(Flags::HUP) || flags.contains(Flags::ERR)
}

/// When a call that may take `timeout` gives up.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    // A time-out beyond what the clock can say is none.
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Of events that nobody looks up: they wake, and the state says the rest.
const READY_TICKET: u64 = 1 << 63;
