//! How far connections were read, and which of them their workers do not know about yet.
//!
//! What was read goes back with the next command of its connection, which costs nothing. One that has none to send
//! would keep its chunk: a few such may wait, the rest are told, and all are before anybody sleeps. Connections that are
//! read again and again stay in the list, so that a read of theirs takes no lock.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::owner::ReadMark;

use crate::context::{Context, Patience, lock};

/// How far one connection was read.
#[derive(Debug)]
pub(crate) struct Reading {
    worker: u32,
    socket: Handle,
    /// Bytes read by this process, and how many of them the worker knows.
    read: AtomicU64,
    told: AtomicU64,
    is_listed: AtomicBool,
    /// It is among those that are counted as untold.
    is_counted: AtomicBool,
    /// What the daemon finds if this process dies before it tells.
    mark: ReadMark,
}

/// Connections that may have something to tell, each once, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    list: Mutex<List>,
    /// How many have, about: it is counted without a lock.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct List {
    readings: VecDeque<Arc<Reading>>,
    /// Connections beyond which those that are no more are looked for.
    sweep_at: usize,
}

impl Reading {
    pub(crate) fn new(worker: u32, socket: Handle, mark: ReadMark) -> Arc<Self> {
        Arc::new(Self {
            worker,
            socket,
            read: AtomicU64::new(0),
            told: AtomicU64::new(0),
            is_listed: AtomicBool::new(false),
            is_counted: AtomicBool::new(false),
            mark,
        })
    }

    /// Bytes read.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    /// The count for a command that is about to be sent: called by one at a time, behind the context's lock.
    #[inline]
    pub(crate) fn tell(&self, untold: &Untold) -> u64 {
        if self.is_counted.load(Ordering::Relaxed) {
            self.is_counted.store(false, Ordering::Relaxed);
            untold.recount(|count| count.saturating_sub(1));
        }
        let read = self.read();
        self.told.store(read, Ordering::Release);
        read
    }

    /// Bytes that were read and that the worker does not know of.
    pub(crate) fn untold_bytes(&self) -> u64 {
        self.read()
            .saturating_sub(self.told.load(Ordering::Acquire))
    }

    /// The command that tells the worker, if it does not know.
    pub(crate) fn command(&self, untold: &Untold) -> Option<Command> {
        let socket = self.socket;
        (self.untold_bytes() > 0).then(|| Command::Read {
            socket,
            read: self.tell(untold),
        })
    }
}

impl Untold {
    /// So much is read by now of a connection: called by one at a time for each. Gives the bytes that its worker does not
    /// know of.
    #[inline]
    pub(crate) fn set_read(&self, reading: &Arc<Reading>, read: u64) -> u64 {
        reading.read.store(read, Ordering::Release);
        reading.mark.set(read);
        if !reading.is_counted.load(Ordering::Relaxed) {
            reading.is_counted.store(true, Ordering::Relaxed);
            self.recount(|count| count + 1);
        }
        // Exchanged even if it is listed: one who takes it out just now then sees what was read.
        if !reading.is_listed.swap(true, Ordering::AcqRel) {
            self.list(reading);
        }
        read.saturating_sub(reading.told.load(Ordering::Acquire))
    }

    /// Whether more wait than may.
    #[inline]
    pub(crate) fn are_many(&self) -> bool {
        self.count.load(Ordering::Relaxed) > UNTOLD_MAX
    }

    /// Not exact where several threads count at once: too few of a few, or put right by `oldest`.
    #[inline]
    fn recount(&self, change: impl FnOnce(usize) -> usize) {
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(change(count), Ordering::Relaxed);
    }

    /// Remembers one again that could not be told.
    fn put_back(&self, reading: &Arc<Reading>) {
        if !reading.is_listed.swap(true, Ordering::AcqRel) {
            self.list(reading);
        }
    }

    #[cold]
    fn list(&self, reading: &Arc<Reading>) {
        let mut list = lock(&self.list);
        if list.readings.len() >= list.sweep_at.max(UNTOLD_MAX) {
            // What a connection that was closed had to tell was told then.
            list.readings
                .retain(|reading| Arc::strong_count(reading) > 1);
            list.sweep_at = 2 * list.readings.len();
        }
        list.readings.push_back(Arc::clone(reading));
    }

    /// How many there are in the list.
    fn listed(&self) -> usize {
        lock(&self.list).readings.len()
    }

    /// The oldest of those that have something to tell; it is the youngest from now on.
    fn oldest(&self) -> Option<Arc<Reading>> {
        let readings = &mut lock(&self.list).readings;
        let is_untold = |reading: &Arc<Reading>| reading.untold_bytes() > 0;
        let Some(place) = readings.iter().position(is_untold) else {
            self.count.store(0, Ordering::Relaxed);
            return None;
        };
        readings.rotate_left(place + 1);
        readings.back().cloned()
    }

    /// Takes one out.
    fn next(&self) -> Option<Arc<Reading>> {
        let next = lock(&self.list).readings.pop_front()?;
        next.is_listed.swap(false, Ordering::AcqRel);
        Some(next)
    }
}

impl Context {
    /// Too many connections were read whose workers do not know: tells of the oldest.
    #[cold]
    pub(crate) fn tell_oldest(&self, patience: Patience) -> io::Result<()> {
        match self.untold.oldest() {
            Some(oldest) => self.tell(&oldest, patience),
            None => Ok(()),
        }
    }

    /// Tells all that was read: called by who is about to sleep.
    pub(crate) fn tell_all_read(&self, patience: Patience) -> io::Result<()> {
        // Those that find no room are behind these again.
        for _ in 0..self.untold.listed() {
            let Some(next) = self.untold.next() else {
                break;
            };
            self.tell(&next, patience)?;
        }
        Ok(())
    }

    /// For who is about to sleep without this context's notifier: tells what was read, closes what was let go of, and takes
    /// the events, so that no worker waits for room. True when commands found no room: nobody tells when there is some.
    pub(crate) fn settle(&self) -> io::Result<bool> {
        self.tell_all_read(Patience::Never)?;
        Ok(self.look_and_send()? || self.untold.listed() > 0)
    }

    /// Tells the worker what was read of a connection, if it does not know. Without patience and room it is remembered
    /// for later.
    pub(crate) fn tell(&self, reading: &Arc<Reading>, patience: Patience) -> io::Result<()> {
        if reading.untold_bytes() == 0 {
            return Ok(());
        }
        let command = || reading.command(&self.untold);
        match self.submit(reading.worker, &[], patience, command) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.untold.put_back(reading);
                Ok(())
            }
            told => told,
        }
    }
}

/// Connections whose counts may wait for a command to ride on.
const UNTOLD_MAX: usize = 64;
