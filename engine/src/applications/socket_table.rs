//! A worker's sockets of one domain. Of the domain's slots each worker has those whose number leaves its own when
//! divided by the number of workers: nobody shares a table, and everybody knows whom to ask.

use std::collections::VecDeque;
use std::net::SocketAddr;

use coremill_ring::handle::Handle;
use coremill_ring::layout::{LOCAL_WORDS, OWNER_WORDS, SOCKET_WORDS};
use coremill_ring::local_address::LocalWriter;
use coremill_ring::socket_state::{Condition, Flags, StateWriter};
use coremill_ring::words::{Part, WORD_BYTES, prefetch};
use coremill_tcp::CONNECTION_BYTES;
use coremill_tcp::options::sets::{Chosen, OptionSets};
use coremill_tcp::options::{OptionError, SocketOptions};

use super::attachment::Attachment;
use super::stream::{Holder, Stream};
use super::subscribers::{FewSubscribers, Pairs};

/// A socket. Its name, its address and all that is read seldom its state says.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) kind: Kind,
    pub(super) flags: Flags,
    pub(super) error: u16,
    /// Conditions that became true and were not told yet.
    pub(super) edges: u16,
    /// Closing resets (SO_LINGER with no time).
    pub(super) resets_on_close: bool,
    pub(super) subscribers: FewSubscribers,
}

/// What a socket is.
#[derive(Debug)]
pub(super) enum Kind {
    /// Opened, perhaps bound.
    Unconnected { options: Chosen },
    /// The listener of this number.
    Listener { number: u32 },
    /// A connection, or the attempt at one.
    Stream(Stream),
}

/// A place for a socket: a cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Slot {
    generation: u32,
    /// It is in the list of those with something to tell.
    pub(super) is_listed: bool,
    /// It is in the list of those that wait for chunks or another share.
    pub(super) is_waiting: bool,
    pub(super) socket: Option<Socket>,
}

/// A place with what belongs to it elsewhere.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The name of the socket that is there, if one is.
    pub(super) handle: Handle,
    pub(super) state: &'a StateWriter,
    pub(super) slot: &'a mut Slot,
    pub(super) pairs: &'a mut Pairs,
}

/// The places of one worker.
#[derive(Debug)]
pub(super) struct SocketTable {
    slots: Box<[Slot]>,
    /// Subscriptions of sockets that have two.
    pairs: Pairs,
    /// Pointed at the state of whichever place is looked at.
    state: StateWriter,
    /// That of the first slot; the others lie behind it.
    states: Part,
    /// Where our ends of all of them are.
    locals: LocalWriter,
    /// First in, first out: a name is used again as late as possible.
    free: VecDeque<u32>,
    /// How many of each kind there are: a count, for nobody may look at all places in one turn.
    pub(super) unconnected: u64,
    pub(super) listeners: u64,
    /// Options of those that are not connections yet.
    option_sets: OptionSets,
    deal: Deal,
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
        let slots: Box<[Slot]> = own.map(|_| Slot::default()).collect();
        Self {
            free: (0_u32..).take(slots.len()).collect(),
            unconnected: 0,
            listeners: 0,
            option_sets: OptionSets::new(slots.len()),
            pairs: Pairs::new(slots.len()),
            slots,
            state: StateWriter::new(attachment.parts.daemon.clone()),
            // There is one in every shape.
            states: layout.socket(0).unwrap_or(Part {
                first_word: 0,
                words: 0,
            }),
            locals: LocalWriter::new(attachment.parts.daemon.clone(), *layout),
            deal: Deal::new(worker, workers),
        }
    }

    /// The worker that has a slot.
    #[inline]
    pub(super) fn worker_of(&self, slot: u32) -> u32 {
        self.deal.worker_of(slot)
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
    pub(super) fn open(&mut self, kind: Kind, flags: Flags) -> Option<Handle> {
        let is_unconnected = matches!(kind, Kind::Unconnected { .. });
        let (number, worker) = (self.deal.slot_of(self.free.pop_front()?), self.deal.worker);
        let mut place = self.at(number)?;
        place.slot.generation = place.slot.generation.wrapping_add(1).max(1);
        place.handle.generation = place.slot.generation;
        let socket = place.slot.socket.insert(Socket {
            kind,
            flags,
            error: 0,
            edges: 0,
            resets_on_close: false,
            subscribers: FewSubscribers::default(),
        });
        place.state.open(place.handle, socket.condition(worker));
        let handle = place.handle;
        self.unconnected += u64::from(is_unconnected);
        Some(handle)
    }

    /// The place of a socket that this worker has and the application may name.
    #[inline]
    pub(super) fn find(&mut self, handle: Handle) -> Option<Place<'_>> {
        let place = self.at(handle.slot)?;
        let is_it = |socket: &mut Socket| {
            socket
                .stream()
                .is_none_or(|stream| stream.holder != Holder::Gone)
        };
        let is_there = place.slot.socket.as_mut().is_some_and(is_it);
        (is_there && place.handle == handle).then_some(place)
    }

    /// The place of a number.
    #[inline]
    pub(super) fn at(&mut self, number: u32) -> Option<Place<'_>> {
        if self.deal.worker_of(number) != self.deal.worker {
            return None;
        }
        let place = self.deal.place_of(number);
        let slot = self.slots.get_mut(place as usize)?;
        self.state.point_at_slot(self.states, number);
        let handle = Handle {
            memory: 0,
            slot: number,
            generation: slot.generation,
        };
        Some(Place {
            handle,
            state: &self.state,
            slot,
            pairs: &mut self.pairs,
        })
    }

    /// Has the place of a number, and its state, fetched: they will be looked at soon.
    #[inline]
    pub(super) fn prefetch(&self, number: u32) {
        if let Some(slot) = self.slots.get(self.deal.place_of(number) as usize) {
            prefetch(slot);
            self.state.prefetch_slot(self.states, number);
        }
    }

    /// The connection of a number, where there is one.
    #[inline]
    pub(super) fn stream_of(&self, number: u32) -> Option<&Stream> {
        let slot = self.slots.get(self.deal.place_of(number) as usize)?;
        match &slot.socket.as_ref()?.kind {
            Kind::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    /// The socket of a number.
    #[inline]
    pub(super) fn socket_at(&mut self, number: u32) -> Option<&mut Socket> {
        self.at(number)?.slot.socket.as_mut()
    }

    /// The connection of a number.
    #[inline]
    pub(super) fn stream_at(&mut self, number: u32) -> Option<&mut Stream> {
        self.socket_at(number)?.stream()
    }

    /// Empties a place.
    pub(super) fn remove(&mut self, number: u32) {
        let free = self.deal.place_of(number);
        if let Some(Place {
            state, slot, pairs, ..
        }) = self.at(number)
            && let Some(mut socket) = slot.socket.take()
        {
            state.close();
            socket.subscribers.clear(pairs);
            self.locals.set(number, None);
            self.free.push_back(free);
            match socket.kind {
                Kind::Unconnected { mut options } => {
                    self.option_sets.release(&mut options);
                    self.unconnected -= 1;
                }
                Kind::Listener { .. } => self.listeners -= 1,
                Kind::Stream(_) => {}
            }
        }
    }

    /// Where our end of a socket of this worker's is; None before it is known.
    pub(super) fn local(&self, number: u32) -> Option<SocketAddr> {
        self.locals.get(number)
    }

    /// Our end of it is there from now on.
    pub(super) fn set_local(&self, number: u32, local: SocketAddr) {
        self.locals.set(number, Some(local));
    }

    /// The options of one that is not a connection yet.
    pub(super) fn options(&mut self, handle: Handle) -> Result<SocketOptions, OptionError> {
        let mut chosen = Chosen::default();
        std::mem::swap(self.chosen(handle)?, &mut chosen);
        let options = self.option_sets.options(&chosen);
        std::mem::swap(self.chosen(handle)?, &mut chosen);
        Ok(options)
    }

    /// Such a socket, if there is one of this name, has other options from now on.
    pub(super) fn choose(
        &mut self,
        handle: Handle,
        options: &SocketOptions,
    ) -> Result<(), OptionError> {
        let mut chosen = Chosen::default();
        std::mem::swap(self.chosen(handle)?, &mut chosen);
        let done = self.option_sets.choose(&mut chosen, options);
        std::mem::swap(self.chosen(handle)?, &mut chosen);
        done
    }

    fn chosen(&mut self, handle: Handle) -> Result<&mut Chosen, OptionError> {
        match self
            .find(handle)
            .and_then(|place| place.slot.socket.as_mut())
        {
            Some(Socket {
                kind: Kind::Unconnected { options },
                ..
            }) => Ok(options),
            _ => Err(OptionError::NoSocket),
        }
    }

    /// It becomes something else; gives the options that it had.
    pub(super) fn become_other(&mut self, handle: Handle, kind: Kind) -> SocketOptions {
        let mut chosen = Chosen::default();
        if let Some(Place {
            slot: Slot {
                socket: Some(socket),
                ..
            },
            ..
        }) = self.find(handle)
            && let Kind::Unconnected { options } = &mut socket.kind
        {
            std::mem::swap(options, &mut chosen);
            socket.kind = kind;
            self.unconnected -= 1;
        }
        let options = self.option_sets.options(&chosen);
        self.option_sets.release(&mut chosen);
        options
    }

    /// Connections, and attempts at some.
    pub(super) fn connections(&self) -> u64 {
        (self.slots.len() - self.free.len()) as u64 - self.unconnected - self.listeners
    }

    /// The first taken place at or behind `place`, and its slot's number.
    pub(super) fn taken_from(&self, place: usize) -> Option<(usize, u32)> {
        let rest = self.slots.get(place..)?;
        let place = place + rest.iter().position(|slot| slot.socket.is_some())?;
        let slot = self.deal.slot_of(u32::try_from(place).ok()?);
        Some((place, slot))
    }
}

/// How slots are dealt out to workers. Asked several times for each message: a division would cost more than all the
/// rest, and whether one is needed is found out once.
#[derive(Clone, Copy, Debug)]
struct Deal {
    worker: u32,
    workers: u32,
    /// Mask and shift that stand for the division; none where there is no way around it.
    masked: Option<(u32, u32)>,
}

impl Deal {
    fn new(worker: u32, workers: u32) -> Self {
        let masked = workers.is_power_of_two();
        Self {
            worker,
            workers: workers.max(1),
            masked: masked.then(|| (workers - 1, workers.trailing_zeros())),
        }
    }

    /// The worker that has a slot.
    #[inline]
    fn worker_of(&self, slot: u32) -> u32 {
        match self.masked {
            Some((mask, _)) => slot & mask,
            None => slot % self.workers,
        }
    }

    /// The place of a slot with its worker.
    #[inline]
    fn place_of(&self, slot: u32) -> u32 {
        match self.masked {
            Some((_, shift)) => slot >> shift,
            None => slot / self.workers,
        }
    }

    /// The slot of a place of this worker's.
    fn slot_of(&self, place: u32) -> u32 {
        place * self.workers + self.worker
    }
}

/// A worker's share of what a socket costs: its slot, and its places among the free ones, those that wait, and those with
/// something to tell.
const SOCKET_BYTES: usize = size_of::<Slot>() + 3 * size_of::<u32>();
/// What of the shared memory it takes in all.
const SHARED_BYTES: usize = (SOCKET_WORDS + LOCAL_WORDS + OWNER_WORDS) * WORD_BYTES;

// "What a connection costs" in ARCHITECTURE adds it up.
const _: () = assert!(size_of::<Slot>() == 64);
const _: () = assert!(SOCKET_BYTES + CONNECTION_BYTES + SHARED_BYTES <= 480);
