//! One socket: its name, the worker that has it, its state, and how this process waits for it.

mod subscriptions;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::shape::{NOTIFIERS_OF_LISTENER, NOTIFIERS_OF_STREAM};
use coremill_ring::socket_state::{Condition, Flags, Glance, Snapshot};
use rustix::io::Errno;
use zeroize::Zeroize;

use crate::context::{Context, Patience, gone, lock};
use crate::told::{Name, Told};
use subscriptions::Subscriptions;

/// A socket that this process holds, or will when the daemon has opened it; lets go of it when dropped. One line of the
/// cache: each message needs it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) context: Arc<Context>,
    pub(crate) told: Arc<Told>,
    /// Of this process alone.
    pub(crate) number: u64,
    /// Bytes sent.
    pub(crate) sent: AtomicU64,
    /// How far could be sent at the last look: it only grows.
    pub(crate) send_limit: AtomicU64,
    /// Until when a large write waits for chunks, in microseconds of the context's clock; zero when none does.
    chunks_until: AtomicU64,
    subscriptions: Box<Subscriptions>,
    pub(crate) worker: u32,
    nonblocking: AtomicBool,
    error_told: AtomicBool,
    /// Which directions this process has ended.
    pub(crate) receive_ended: AtomicBool,
    pub(crate) send_ended: AtomicBool,
}

/// What a blocked call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Bytes to read, a connection to accept, an end.
    Read,
    /// Room to write, a handshake's end.
    Write,
}

impl Socket {
    /// A new socket of worker `worker`, which `command` asks to be opened; it goes on without the answer.
    pub(crate) fn begin(
        context: &Arc<Context>,
        worker: u32,
        patience: Patience,
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<Self> {
        let told = Arc::new(Told::default());
        context.open(worker, patience, &told, command)?;
        Ok(Self::of(context, worker, told))
    }

    /// A socket of worker `worker` that is to listen.
    pub(crate) fn for_listening(context: &Arc<Context>, worker: u32) -> io::Result<Self> {
        let mut socket = Self::begin(context, worker, Patience::Waits, |ticket| Command::Open {
            ticket,
        })?;
        socket.subscriptions = Box::new(Subscriptions::of(NOTIFIERS_OF_LISTENER));
        socket.wait_for_name(None)?;
        Ok(socket)
    }

    /// A socket that the daemon says this process holds.
    pub(crate) fn new(context: &Arc<Context>, worker: u32, handle: Handle) -> io::Result<Self> {
        let name = context.name(worker, handle);
        let told = Told::known(name.ok_or(io::Error::from(Errno::PROTO))?);
        Ok(Self::of(context, worker, Arc::new(told)))
    }

    fn of(context: &Arc<Context>, worker: u32, told: Arc<Told>) -> Self {
        Self {
            context: Arc::clone(context),
            worker,
            number: context.number_socket(),
            told,
            sent: AtomicU64::new(0),
            send_limit: AtomicU64::new(0),
            subscriptions: Box::new(Subscriptions::of(NOTIFIERS_OF_STREAM)),
            nonblocking: AtomicBool::new(false),
            error_told: AtomicBool::new(false),
            receive_ended: AtomicBool::new(false),
            send_ended: AtomicBool::new(false),
            chunks_until: AtomicU64::new(0),
        }
    }

    /// Its name.
    ///
    /// # Errors
    /// `WouldBlock` as long as the daemon has not opened it; why it could not be opened.
    pub(crate) fn name(&self) -> io::Result<&Name> {
        let known = self.told.name();
        known.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    /// Waits until it has a name: as long as a worker may take for an answer, or until an earlier deadline.
    pub(crate) fn wait_for_name(&self, deadline: Option<Instant>) -> io::Result<&Name> {
        if self.told.name().is_none() {
            let latest = Instant::now() + OPENING_TIMEOUT;
            let deadline = deadline.map_or(latest, |deadline| deadline.min(latest));
            let known = |_: &mut _| self.told.name().map(drop);
            let waited = self.context.wait(Some(deadline), known)?;
            waited.ok_or(io::Error::from(io::ErrorKind::TimedOut))?;
        }
        self.name()
    }

    /// Sends a command about it and waits for the answer.
    pub(crate) fn ask(&self, command: impl FnOnce(u64, Handle) -> Command) -> io::Result<u64> {
        let handle = self.wait_for_name(None)?.handle;
        let answer = self
            .context
            .ask(self.worker, |ticket| command(ticket, handle));
        answer.map(|answer| answer.value)
    }

    /// The same with a secret that travels with the command, and is overwritten on this side.
    pub(crate) fn ask_with_secret(
        &self,
        secret: &mut [u8],
        command: impl FnOnce(u64, Handle) -> Command,
    ) -> io::Result<()> {
        let asked = self.wait_for_name(None).and_then(|name| {
            let command = |ticket| command(ticket, name.handle);
            self.context.ask_with_secret(self.worker, secret, command)
        });
        secret.zeroize();
        asked.map(drop)
    }

    /// The same where this socket blocks. Otherwise the command is sent off, and `take_late` tells if it failed.
    pub(crate) fn ask_or_send_off(
        &self,
        command: impl FnOnce(u64, Handle) -> Command,
    ) -> io::Result<()> {
        if !self.is_nonblocking() {
            return self.ask(command).map(drop);
        }
        self.context.look()?;
        let handle = self.name()?.handle;
        let command = |ticket| command(ticket, handle);
        // Nobody expects these to fail with `WouldBlock`, and nobody is to wait for them.
        self.context.send_off_soon(self.worker, &self.told, command)
    }

    /// Sends bytes; `command` is given what was read, which rides along.
    pub(crate) fn submit_with_read(
        &self,
        payload: &[u8],
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<()> {
        let reading = &self.told.reading;
        self.context
            .submit(self.worker, payload, self.patience(), || {
                Some(command(reading.tell(&self.context.untold)))
            })
    }

    /// Sends these bytes inside a command.
    #[inline]
    pub(crate) fn submit_bytes(&self, name: &Name, payload: &[u8]) -> io::Result<()> {
        let counts = || {
            let read = self.told.reading.tell(&self.context.untold);
            (self.advance(payload.len()), read)
        };
        self.context
            .submit_bytes(self.worker, self.patience(), (name.handle, payload), counts)
    }

    /// So many more bytes are sent; gives how many were before. Called by one at a time, behind the context's lock.
    #[inline]
    pub(crate) fn advance(&self, count: usize) -> u64 {
        let before = self.sent.load(Ordering::Relaxed);
        self.sent.store(before + count as u64, Ordering::Release);
        before
    }

    /// What the daemon says about it.
    ///
    /// # Errors
    /// As `name`, and `ECONNRESET` when it has no such socket any more.
    pub(crate) fn snapshot(&self) -> io::Result<Snapshot> {
        let name = self.name()?;
        name.state.snapshot(name.handle).ok_or_else(gone)
    }

    /// As `snapshot`, without what is told about sending.
    #[inline]
    pub(crate) fn glance(&self) -> io::Result<Glance> {
        let name = self.name()?;
        name.state.glance(name.handle).ok_or_else(gone)
    }

    /// Our end's address.
    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        let Name { state, handle, .. } = self.name()?;
        let local = self.context.local(handle.slot);
        let local = local.filter(|_| state.is(*handle));
        local.ok_or(Errno::INVAL.into())
    }

    /// The socket's error, which each caller but the first finds to be none.
    pub(crate) fn take_error(&self, condition: Condition) -> Option<io::Error> {
        let error = i32::from(condition.error);
        (error != 0 && !self.error_told.swap(true, Ordering::AcqRel))
            .then(|| io::Error::from_raw_os_error(error))
    }

    /// Why it was never opened, once.
    pub(crate) fn take_opening_error(&self) -> Option<io::Error> {
        let error = self.told.name()?.err()?;
        (!self.error_told.swap(true, Ordering::AcqRel)).then_some(error)
    }

    /// Waits until `ready` gives something. Gives None at once for one that does not block, and at the deadline.
    pub(crate) fn wait<T>(
        &self,
        deadline: Option<Instant>,
        wanted: Wanted,
        ready: impl Fn(&Snapshot) -> Option<T>,
    ) -> io::Result<Option<T>> {
        if self.is_nonblocking() {
            self.context.look_for_end()?;
            return match self.snapshot() {
                Ok(snapshot) => Ok(ready(&snapshot)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) => Err(error),
            };
        }
        self.wait_for_name(deadline)?;
        self.wait_blocked(deadline, wanted, ready)
    }

    /// The same, also for one that does not block.
    pub(crate) fn wait_blocked<T>(
        &self,
        deadline: Option<Instant>,
        wanted: Wanted,
        ready: impl Fn(&Snapshot) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let Name { handle, state, .. } = self.name()?;
        let look = || match state.snapshot(*handle) {
            Some(snapshot) => ready(&snapshot).map(Ok),
            None => Some(Err(gone())),
        };
        if let Some(found) = look() {
            return found.map(Some);
        }
        let _blocked = self.block(wanted)?;
        self.context.wait(deadline, |_| look())?.transpose()
    }

    /// Tells the worker what was read, if it does not know.
    pub(crate) fn tell_read(&self) -> io::Result<()> {
        self.context.tell(&self.told)
    }

    /// Bytes read.
    pub(crate) fn read(&self) -> u64 {
        self.told.read()
    }

    /// A large write found no chunk, and does not try without before `until`.
    pub(crate) fn await_chunks(&self, until: Instant) {
        let until = self.context.clock_us(until).max(1);
        self.chunks_until.store(until, Ordering::Release);
    }

    /// How much longer a large write that does not block gives `WouldBlock` although there is room; None when it does
    /// not, or not any more.
    pub(crate) fn chunk_wait(&self) -> Option<Duration> {
        let until = self.chunks_until.load(Ordering::Acquire);
        if until == 0 {
            return None;
        }
        let rest = until.saturating_sub(self.context.clock_us(Instant::now()));
        // If the daemon is gone, nothing is waited for.
        let is_well = self.context.look().is_ok();
        let came = self.name().is_ok_and(|name| !lock(&name.grants).is_empty());
        if rest > 0 && is_well && !came {
            return Some(Duration::from_micros(rest));
        }
        self.chunks_until.store(0, Ordering::Release);
        None
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// Whether its commands wait for room.
    pub(crate) fn patience(&self) -> Patience {
        match self.is_nonblocking() {
            true => Patience::Never,
            false => Patience::Waits,
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.told.end();
        self.context
            .let_go(self.worker, self.patience(), &self.told);
    }
}

/// Whether a connection is over in both directions, or failed.
pub(crate) fn is_over(condition: Condition) -> bool {
    let flags = condition.flags;
    flags.contains(Flags::HUP) || flags.contains(Flags::ERR)
}

/// When a call that may take `timeout` gives up.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    // A time-out beyond what the clock can say is none.
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// A worker answers within a turn; one that takes this long is stuck.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

const _: () = assert!(size_of::<Socket>() == 64);
