//! How far connections were read, and which of them their workers do not know about yet.
//!
//! What was read goes back with the next command of its connection, which costs nothing. One that has none to send
//! would keep its chunk: a few such may wait, the rest are told, and all are before anybody sleeps.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// What the daemon finds if this process dies before it tells.
    mark: ReadMark,
}

/// Connections that may have something to tell, each once, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Untold(Mutex<VecDeque<Arc<Reading>>>);

impl Reading {
    pub(crate) fn new(worker: u32, socket: Handle, mark: ReadMark) -> Arc<Self> {
        Arc::new(Self {
            worker,
            socket,
            read: AtomicU64::new(0),
            told: AtomicU64::new(0),
            is_listed: AtomicBool::new(false),
            mark,
        })
    }

    /// Bytes read.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    /// So much is read by now.
    pub(crate) fn set_read(&self, read: u64) {
        self.read.store(read, Ordering::Release);
        self.mark.set(read);
    }

    /// The count for a command that is about to be sent.
    pub(crate) fn tell(&self) -> u64 {
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
    pub(crate) fn command(&self) -> Option<Command> {
        let socket = self.socket;
        (self.untold_bytes() > 0).then(|| Command::Read {
            socket,
            read: self.tell(),
        })
    }
}

impl Untold {
    /// Remembers one that was read; gives the oldest back when there are too many.
    fn add(&self, reading: &Arc<Reading>) -> Option<Arc<Reading>> {
        if reading.is_listed.swap(true, Ordering::AcqRel) {
            return None;
        }
        let mut list = lock(&self.0);
        list.push_back(Arc::clone(reading));
        (list.len() > UNTOLD_MAX)
            .then(|| list.pop_front())
            .flatten()
            .inspect(|oldest| oldest.is_listed.store(false, Ordering::Release))
    }

    /// Remembers one beyond the number, when there was no room to tell it.
    fn put_back(&self, reading: &Arc<Reading>) {
        if !reading.is_listed.swap(true, Ordering::AcqRel) {
            lock(&self.0).push_back(Arc::clone(reading));
        }
    }

    /// How many there are.
    fn count(&self) -> usize {
        lock(&self.0).len()
    }

    /// Takes one out.
    fn next(&self) -> Option<Arc<Reading>> {
        let next = lock(&self.0).pop_front()?;
        next.is_listed.store(false, Ordering::Release);
        Some(next)
    }
}

impl Context {
    /// A connection was read; its count shall not stay here for ever.
    pub(crate) fn was_read(&self, reading: &Arc<Reading>, patience: Patience) -> io::Result<()> {
        match self.untold.add(reading) {
            Some(oldest) => self.tell(&oldest, patience),
            None => Ok(()),
        }
    }

    /// Tells all that was read: called by who is about to sleep.
    pub(crate) fn tell_all_read(&self, patience: Patience) -> io::Result<()> {
        // Those that find no room are behind these again.
        for _ in 0..self.untold.count() {
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
        Ok(self.look_and_send()? || self.untold.count() > 0)
    }

    /// Tells the worker what was read of a connection, if it does not know. Without patience and room it is remembered
    /// for later.
    pub(crate) fn tell(&self, reading: &Arc<Reading>, patience: Patience) -> io::Result<()> {
        if reading.untold_bytes() == 0 {
            return Ok(());
        }
        match self.submit(reading.worker, &[], patience, || reading.command()) {
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
