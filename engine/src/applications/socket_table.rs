//! A worker's sockets of one domain. Of the domain's slots each worker has those whose number leaves its own when
//! divided by the number of workers: nobody shares a table, and everybody knows whom to ask.

use std::collections::VecDeque;
use std::net::SocketAddr;

use coremill_ring::handle::Handle;
use coremill_ring::socket_state::{Condition, Flags, StateWriter};
use coremill_tcp::options::SocketOptions;

use super::attachment::Attachment;
use super::stream::Stream;
use super::subscribers::Subscribers;

/// A socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) handle: Handle,
    pub(super) kind: Kind,
    pub(super) options: SocketOptions,
    /// Closing resets (SO_LINGER with no time).
    pub(super) resets_on_close: bool,
    pub(super) local: Option<SocketAddr>,
    pub(super) flags: Flags,
    pub(super) error: u16,
    pub(super) subscribers: Subscribers,
    /// Conditions that became true and were not told yet.
    pub(super) edges: u32,
}

/// What a socket is.
#[derive(Debug)]
pub(super) enum Kind {
    /// Opened, perhaps bound.
    Unconnected,
    /// The listener of this number; the answer to Listen is due once every worker listens.
    Listener { number: u32, asked: Option<Asked> },
    /// A connection, or the attempt at one.
    Stream(Stream),
}

/// A command whose answer is due later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) ticket: u64,
    pub(super) context: u32,
}

/// A place for a socket.
#[derive(Debug)]
pub(super) struct Slot {
    generation: u32,
    pub(super) state: StateWriter,
    /// It is in the list of those with something to tell.
    pub(super) is_listed: bool,
    /// It is in the list of those that wait for chunks or another share.
    pub(super) is_waiting: bool,
    pub(super) socket: Option<Socket>,
}

/// The places of one worker.
#[derive(Debug)]
pub(super) struct SocketTable {
    slots: Box<[Slot]>,
    /// First in, first out: a name is used again as late as possible.
    free: VecDeque<u32>,
    worker: u32,
    workers: u32,
}

impl Socket {
    /// Flags, error and worker as the state has them.
    pub(super) fn condition(&self, worker: u32) -> Condition {
        Condition {
            flags: self.flags,
            error: self.error,
            worker: u16::try_from(worker).unwrap_or(u16::MAX),
        }
    }

    /// Its connection, if it has one.
    pub(super) fn stream(&mut self) -> Option<&mut Stream> {
        match &mut self.kind {
            Kind::Stream(stream) => Some(stream),
            _ => None,
        }
    }
}

impl SocketTable {
    /// The places of `worker`, all free.
    pub(super) fn new(attachment: &Attachment, worker: u32) -> Self {
        let layout = &attachment.parts.layout;
        let workers = layout.shape().workers;
        let own = (worker..layout.shape().sockets).step_by(workers as usize);
        let slots = own.filter_map(|slot| layout.socket(slot)).map(|part| Slot {
            generation: 0,
            state: StateWriter::new(attachment.parts.daemon.part(part)),
            is_listed: false,
            is_waiting: false,
            socket: None,
        });
        let slots: Box<[Slot]> = slots.collect();
        Self {
            free: (0_u32..).take(slots.len()).collect(),
            slots,
            worker,
            workers,
        }
    }

    /// Places, taken or free.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no further socket can be opened.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// A new socket; None when all places are taken.
    pub(super) fn open(
        &mut self,
        kind: Kind,
        options: SocketOptions,
        flags: Flags,
    ) -> Option<Handle> {
        let place = self.free.pop_front()?;
        let slot = self.slots.get_mut(place as usize)?;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        let handle = Handle {
            memory: 0,
            slot: place * self.workers + self.worker,
            generation: slot.generation,
        };
        let socket = slot.socket.insert(Socket {
            handle,
            kind,
            options,
            resets_on_close: false,
            local: None,
            flags,
            error: 0,
            subscribers: Subscribers::default(),
            edges: 0,
        });
        slot.state.open(handle, socket.condition(self.worker));
        Some(handle)
    }

    /// The place of a socket that this worker has and the application may name.
    #[inline]
    pub(super) fn find(&mut self, handle: Handle) -> Option<&mut Slot> {
        let slot = self.at(handle.slot)?;
        let is_it = |socket: &mut Socket| {
            socket.handle == handle && socket.stream().is_none_or(|stream| !stream.is_closing)
        };
        slot.socket.as_mut().is_some_and(is_it).then_some(slot)
    }

    /// The place of a number.
    #[inline]
    pub(super) fn at(&mut self, slot: u32) -> Option<&mut Slot> {
        if worker_of(slot, self.workers) != self.worker {
            return None;
        }
        self.slots.get_mut(place_of(slot, self.workers) as usize)
    }

    /// Empties a place.
    pub(super) fn remove(&mut self, slot: u32) {
        let place = place_of(slot, self.workers);
        if let Some(slot) = self.at(slot)
            && slot.socket.take().is_some()
        {
            slot.state.close();
            self.free.push_back(place);
        }
    }

    /// Every socket.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.slots.iter().filter_map(|slot| slot.socket.as_ref())
    }

    /// The first taken place at or behind `place`, and its slot's number.
    pub(super) fn taken_from(&self, place: usize) -> Option<(usize, u32)> {
        let rest = self.slots.get(place..)?;
        let place = place + rest.iter().position(|slot| slot.socket.is_some())?;
        let slot = u32::try_from(place).ok()? * self.workers + self.worker;
        Some((place, slot))
    }
}

/// The worker that has a slot. Asked several times for each message: a division would cost more than all the rest.
#[inline]
pub(super) fn worker_of(slot: u32, workers: u32) -> u32 {
    if workers.is_power_of_two() {
        slot & (workers - 1)
    } else {
        slot % workers.max(1)
    }
}

/// The place of a slot with its worker.
#[inline]
fn place_of(slot: u32, workers: u32) -> u32 {
    if workers.is_power_of_two() {
        slot >> workers.trailing_zeros()
    } else {
        slot / workers.max(1)
    }
}
