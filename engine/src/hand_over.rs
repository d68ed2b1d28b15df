//! What workers give each other: one bounded ring per receiver, and its doorbell, rung once a turn.

use std::sync::Arc;

use coremill_tcp::packet::Quoted;
use crossbeam::queue::ArrayQueue;

use crate::arp::Observation;
use crate::doorbell::Doorbell;
use crate::ethernet::Cast;

/// Something that belongs to another worker.
#[derive(Debug)]
pub enum Handed<B> {
    /// A packet of a flow that the receiver owns, from its IP header on.
    Packet(Origin, B),
    /// What an ARP packet told; every worker learns it.
    Observation(usize, Observation),
    /// An ICMP error about a flow that the receiver owns.
    Error(Quoted),
}

/// How a packet came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Index of the port; of the address's port when it came from inside.
    pub port: usize,
    /// To whom its frame was addressed.
    pub link_cast: Cast,
    /// It was sent by this host and touched no port, so that there is nothing to verify.
    pub inside: bool,
}

/// The rings and doorbells of all workers.
#[derive(Debug)]
pub struct Exchange<B> {
    rings: Box<[Receiver<B>]>,
}

#[derive(Debug)]
struct Receiver<B> {
    ring: ArrayQueue<Handed<B>>,
    doorbell: Arc<Doorbell>,
}

impl<B> Exchange<B> {
    /// One ring of `length` slots for each worker, which its doorbell wakes.
    pub fn new(doorbells: &[Arc<Doorbell>], length: usize) -> Self {
        let ring = |doorbell: &Arc<Doorbell>| Receiver {
            ring: ArrayQueue::new(length.max(1)),
            doorbell: doorbell.clone(),
        };
        Self {
            rings: doorbells.iter().map(ring).collect(),
        }
    }

    /// Number of workers.
    pub fn workers(&self) -> usize {
        self.rings.len()
    }

    /// Puts `handed` into the ring of `worker`.
    ///
    /// # Errors
    /// Gives it back when the ring is full, or there is no such worker.
    pub fn give(&self, worker: usize, handed: Handed<B>) -> Result<(), Handed<B>> {
        match self.rings.get(worker) {
            Some(receiver) => receiver.ring.push(handed),
            None => Err(handed),
        }
    }

    /// The next thing for `worker`.
    pub fn take(&self, worker: usize) -> Option<Handed<B>> {
        self.rings.get(worker)?.ring.pop()
    }

    /// True when nothing waits for `worker`.
    pub fn is_empty(&self, worker: usize) -> bool {
        self.rings
            .get(worker)
            .is_none_or(|receiver| receiver.ring.is_empty())
    }

    /// Wakes `worker` if it sleeps.
    pub fn ring(&self, worker: usize) {
        if let Some(receiver) = self.rings.get(worker) {
            receiver.doorbell.ring();
        }
    }
}
