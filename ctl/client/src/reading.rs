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

use crate::context::{Context, lock};
use crate::told::Told;

/// How far one connection was read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Bytes read by this process, and how many of them the worker knows.
    read: AtomicU64,
    told: AtomicU64,
    is_listed: AtomicBool,
    /// It is among those that are counted as untold.
    is_counted: AtomicBool,
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
    connections: VecDeque<Arc<Told>>,
    /// Connections beyond which those that are no more are looked for.
    sweep_at: usize,
}

impl Reading {
    /// Bytes read.
    #[inline]
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

    /// The command that tells the worker of this connection, if it does not know.
    pub(crate) fn command(&self, socket: Handle, untold: &Untold) -> Option<Command> {
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
    pub(crate) fn set_read(&self, connection: &Arc<Told>, read: u64) -> u64 {
        let reading = &connection.reading;
        reading.read.store(read, Ordering::Release);
        if !reading.is_counted.load(Ordering::Relaxed) {
            reading.is_counted.store(true, Ordering::Relaxed);
            self.recount(|count| count + 1);
        }
        // Exchanged even if it is listed: one who takes it out just now then sees what was read.
        if !reading.is_listed.swap(true, Ordering::AcqRel) {
            self.list(connection);
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
    fn put_back(&self, connection: &Arc<Told>) {
        if !connection.reading.is_listed.swap(true, Ordering::AcqRel) {
            self.list(connection);
        }
    }

    #[cold]
    fn list(&self, connection: &Arc<Told>) {
        let mut list = lock(&self.list);
        if list.connections.len() >= list.sweep_at.max(UNTOLD_MAX) {
            // What a connection that was closed had to tell was told then.
            list.connections.retain(|connection| !connection.is_over());
            list.sweep_at = 2 * list.connections.len();
        }
        list.connections.push_back(Arc::clone(connection));
    }

    /// How many there are in the list.
    fn listed(&self) -> usize {
        lock(&self.list).connections.len()
    }

    /// The oldest of those that have something to tell; it is the youngest from now on.
    fn oldest(&self) -> Option<Arc<Told>> {
        let connections = &mut lock(&self.list).connections;
        let is_untold = |connection: &Arc<Told>| connection.reading.untold_bytes() > 0;
        let Some(place) = connections.iter().position(is_untold) else {
            self.count.store(0, Ordering::Relaxed);
            return None;
        };
        connections.rotate_left(place + 1);
        connections.back().cloned()
    }

    /// Takes one out.
    fn next(&self) -> Option<Arc<Told>> {
        let next = lock(&self.list).connections.pop_front()?;
        next.reading.is_listed.swap(false, Ordering::AcqRel);
        Some(next)
    }
}

impl Context {
    /// Too many connections were read whose workers do not know: tells of the oldest.
    #[cold]
    pub(crate) fn tell_oldest(&self) -> io::Result<()> {
        match self.untold.oldest() {
            Some(oldest) => self.tell(&oldest),
            None => Ok(()),
        }
    }

    /// Tells all that was read: called by who is about to sleep.
    pub(crate) fn tell_all_read(&self) -> io::Result<()> {
        // Those that find no room are behind these again.
        for _ in 0..self.untold.listed() {
            let Some(next) = self.untold.next() else {
                break;
            };
            self.tell(&next)?;
        }
        Ok(())
    }

    /// For who is about to sleep without this context's notifier: tells what was read, closes what was let go of, and takes
    /// the events, so that no worker waits for room. True when commands found no room: nobody tells when there is some.
    pub(crate) fn settle(&self) -> io::Result<bool> {
        self.tell_all_read()?;
        Ok(self.look_and_send()? || self.untold.listed() > 0)
    }

    /// Tells the worker what was read of a connection, if it does not know, as soon as there is room. It never waits for
    /// that: who has bytes in hand has no use for an error, nor one who waits for another socket.
    pub(crate) fn tell(&self, connection: &Arc<Told>) -> io::Result<()> {
        let Some(Ok(name)) = connection.name() else {
            return Ok(());
        };
        if connection.reading.untold_bytes() == 0 {
            return Ok(());
        }
        let is_told = self.send_soon_if_few(name.worker, |_| {
            connection.reading.command(name.handle, &self.untold)
        })?;
        if !is_told {
            self.untold.put_back(connection);
        }
        Ok(())
    }
}

/// Connections whose counts may wait for a command to ride on.
const UNTOLD_MAX: usize = 64;
