//! A hop between two TUN devices: a thread for each direction that takes each packet, looks at it, and lets happen to it
//! what the impairment of the moment says.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::impairment::{Fate, HELD_MAX, Impairment, MILLION, Random};
use super::seen::{Seen, is_markable, mark, ports};

/// A running one; its threads end when it is dropped.
pub struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What one thread and the test see.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    impairment: Mutex<Impairment>,
    /// Ports of connections that nothing reaches any more.
    cut: Mutex<HashSet<u16>>,
    seen: [Mutex<Seen>; 2],
}

impl Relay {
    /// Begins between the daemon's side and the client's, without any impairment.
    pub fn start(near: &File, far: &File, seed: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let ends = [(near, far), (far, near)];
        let threads = ends.into_iter().enumerate().map(|(way, (from, to))| {
            let clone = |file: &File| file.try_clone().expect("duplicate the device");
            let mut line = Line {
                way,
                from: clone(from),
                to: clone(to),
                shared: Arc::clone(&shared),
                random: Random::new(seed ^ way as u64),
                held: Vec::new(),
            };
            std::thread::spawn(move || line.run())
        });
        let threads = threads.collect();
        Self { shared, threads }
    }

    /// Changes what happens to packets from now on.
    pub fn set(&self, impairment: Impairment) {
        *lock(&self.shared.impairment) = impairment;
    }

    /// Lets nothing through any more of connections with this port at either end.
    pub fn cut(&self, port: u16) {
        lock(&self.shared.cut).insert(port);
    }

    /// Lets through again what was cut.
    pub fn mend(&self, port: u16) {
        lock(&self.shared.cut).remove(&port);
    }

    /// What was seen since the last call: of the daemon's packets, of the client's.
    pub fn take_seen(&self) -> [Seen; 2] {
        [0, 1].map(|way| std::mem::take(&mut *lock(&self.shared.seen[way])))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic there has been printed; the test's own message says more.
            let _ = thread.join();
        }
    }
}

/// One direction.
struct Line {
    way: usize,
    from: File,
    to: File,
    shared: Arc<Shared>,
    random: Random,
    held: Vec<Held>,
}

/// A packet that others overtake.
struct Held {
    packet: Vec<u8>,
    behind: u32,
    until: Instant,
}

impl Line {
    fn run(&mut self) {
        let mut space = vec![0; PACKET_BYTES_MAX];
        while !self.shared.is_over.load(Ordering::Relaxed) {
            match self.from.read(&mut space) {
                Ok(length) => self.take(&mut space[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(),
                // The device is down: the test is at its end.
                Err(_) => return,
            }
            self.release();
        }
    }

    fn take(&mut self, packet: &mut [u8]) {
        let impairment = *lock(&self.shared.impairment);
        let is_cut = ports(packet).is_some_and(|ports| {
            let cut = lock(&self.shared.cut);
            ports.iter().any(|port| cut.contains(port))
        });
        let fate = match ports(packet) {
            _ if is_cut => Fate::Lost,
            Some(_) => impairment.fate(&mut self.random),
            None => Fate::Passes,
        };
        let is_marked = is_markable(packet) && self.random.below(MILLION) < impairment.marked;
        let mut seen = lock(&self.shared.seen[self.way]);
        seen.take(packet);
        seen.marked += u64::from(is_marked);
        seen.lost += u64::from(fate == Fate::Lost);
        seen.doubled += u64::from(fate == Fate::Doubled);
        seen.reordered += u64::from(matches!(fate, Fate::Behind(_)));
        drop(seen);
        if is_marked {
            mark(packet);
        }
        match fate {
            Fate::Lost => {}
            Fate::Behind(behind) => self.held.push(Held {
                packet: packet.to_vec(),
                behind,
                until: Instant::now() + HELD_MAX,
            }),
            Fate::Passes => self.pass(packet),
            Fate::Doubled => {
                self.pass(packet);
                self.pass(packet);
            }
        }
    }

    fn pass(&mut self, packet: &[u8]) {
        // A full queue of the device is a loss like any other.
        let _ = self.to.write(packet);
        for held in &mut self.held {
            held.behind = held.behind.saturating_sub(1);
        }
    }

    /// Lets go of those that were overtaken, or have waited long enough.
    fn release(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let now = Instant::now();
        let is_due = |held: &mut Held| held.behind == 0 || held.until <= now;
        for held in self.held.extract_if(.., is_due) {
            let _ = self.to.write(&held.packet);
        }
    }

    fn wait(&self) {
        let nanos = if self.held.is_empty() {
            20_000_000
        } else {
            500_000
        };
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: nanos,
        };
        let mut ready = [PollFd::from_borrowed_fd(self.from.as_fd(), PollFlags::IN)];
        // Interrupted is as well: the caller looks again.
        let _ = poll(&mut ready, Some(&timeout));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

const PACKET_BYTES_MAX: usize = 65_536;
