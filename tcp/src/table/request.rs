//! Half-open passive connections: a light record each, from SYN to the handshake's last ACK.

mod agreed;

pub(crate) use agreed::Agreed;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

use super::chains::Chains;
use super::family::{CompactFlow, Family};
use super::slots::{Slot, Slots};
use crate::accurate_ecn::Feedback;
use crate::address::Flow;
use crate::authentication::AoIds;
use crate::connection::{FALLBACK_ATTEMPTS, FirstWindow};
use crate::event::ListenerId;
use crate::header::Flags;
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// The requests of a shard. A key names one of either family.
#[derive(Debug)]
pub(crate) struct Requests {
    v4: RequestTable<Ipv4Addr>,
    v6: RequestTable<Ipv6Addr>,
    max: u32,
}

/// The requests of one address family.
#[derive(Debug)]
struct RequestTable<A> {
    slots: Slots<Request<A>>,
    chains: Chains,
}

/// One half-open connection.
#[derive(Clone, Copy, Debug)]
struct Request<A> {
    flow: CompactFlow<A>,
    pending: Pending,
}

/// What a request is, whatever its family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    /// Who may accept it.
    pub(crate) listener: ListenerId,
    pub(crate) handshake: Handshake,
}

/// What both ends have said in their SYNs.
#[derive(Clone, Copy, Debug)]
// Packed, so that the moment leaves no gap in a request.
#[repr(Rust, packed(4))]
pub(crate) struct Handshake {
    /// When our SYN or the peer's came.
    pub(crate) started: Instant,
    /// Our initial sequence number.
    pub(crate) ours: SequenceNumber,
    /// The peer's.
    pub(crate) theirs: SequenceNumber,
    /// The peer's last timestamp.
    pub(crate) timestamp: u32,
    /// The window of the peer's SYN, never scaled.
    pub(crate) window: u16,
    /// The peer's MSS, or the default where it named none; never 0, so that a vacant slot needs no byte of its own.
    pub(crate) mss: NonZeroU16,
    /// What our link carries.
    pub(crate) own_mss: u16,
    /// The options that both ends use.
    pub(crate) agreed: Agreed,
    /// What our SYN-ACK offers.
    pub(crate) offered: FirstWindow,
    /// SYN-ACKs sent.
    pub(crate) sent: u8,
    /// Of these, sent because nothing came back in time.
    pub(crate) timeouts: u8,
    /// What our answers carry, where `agreed` says that the SYN was signed by TCP-AO.
    pub(crate) ao_ids: AoIds,
}

impl Handshake {
    /// The peer's SYN was signed by TCP-AO; our answers carry these.
    pub(crate) fn ao(&self) -> Option<AoIds> {
        self.agreed.is_signed().then_some(self.ao_ids)
    }

    /// The same from now on.
    pub(crate) fn with_ao(mut self, ids: Option<AoIds>) -> Self {
        if let Some(ids) = ids {
            self.ao_ids = ids;
            self.agreed.set_signed();
        }
        self
    }

    /// The peer's ACK has come, and the listener waits for data (TCP_DEFER_ACCEPT).
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.agreed.is_acknowledged()
    }

    /// So many SYN-ACKs went unanswered that the next does not tell of AccECN (RFC 9768, section 3.2.3.2.2).
    pub(crate) fn falls_back(&self) -> bool {
        self.timeouts >= FALLBACK_ATTEMPTS
    }

    /// The flags of a segment of ours behind the SYN-ACK, before anything of the peer's was marked.
    pub(crate) fn ace(&self) -> Flags {
        match self.agreed.accurate_ecn() {
            Some(_) => Flags::of_ace(Feedback::default().ace()),
            None => Flags::NONE,
        }
    }

    /// The flags of the SYN-ACK.
    pub(crate) fn flags(&self) -> Flags {
        if self.agreed.accurate_ecn().is_some() && self.falls_back() {
            Flags::SYN | Flags::ACK
        } else {
            self.agreed.flags()
        }
    }

    /// The same from now on.
    pub(crate) fn acknowledged(mut self) -> Self {
        self.agreed.set_acknowledged();
        self
    }
}

impl<A: Family> RequestTable<A> {
    fn new(max: usize) -> Self {
        Self {
            slots: Slots::new(max),
            chains: Chains::new(max),
        }
    }

    fn find(&self, hash: u64, flow: &Flow) -> Option<u32> {
        let flow = CompactFlow::of(flow)?;
        self.chains.find(hash, |slot| {
            self.slots
                .get(slot)
                .is_some_and(|request| request.flow == flow)
        })
    }

    fn insert(&mut self, hash: u64, flow: &Flow, pending: Pending) -> Option<u32> {
        let flow = CompactFlow::of(flow)?;
        let slot = self.slots.insert(Request { flow, pending })?;
        self.chains.insert(hash, slot);
        Some(slot)
    }

    fn remove(&mut self, hash: u64, slot: u32) -> Option<Pending> {
        self.chains.remove(hash, slot);
        self.slots.remove(slot).map(|request| request.pending)
    }
}

impl Requests {
    /// Room for `max` requests of each family.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            v4: RequestTable::new(max),
            v6: RequestTable::new(max),
            max: max as u32,
        }
    }

    /// Keys are below this.
    pub(crate) fn keys(&self) -> u32 {
        2 * self.max
    }

    /// The first key from `key` on whose slot was ever used, or the end of the keys.
    pub(crate) fn used_from(&self, key: u32) -> u32 {
        let (v4_end, v6_end) = (self.v4.slots.end(), self.max + self.v6.slots.end());
        match key {
            _ if key < v4_end => key,
            _ if key < self.max => self.max,
            _ if key < v6_end => key,
            _ => self.keys(),
        }
    }

    /// The key of a flow.
    pub(crate) fn find(&self, hash: u64, flow: &Flow) -> Option<u32> {
        if flow.remote.address.is_ipv4() {
            self.v4.find(hash, flow)
        } else {
            self.v6.find(hash, flow).map(|slot| slot + self.max)
        }
    }

    /// Adds a request; None when there is no room.
    pub(crate) fn insert(&mut self, hash: u64, flow: &Flow, pending: Pending) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        if flow.remote.address.is_ipv4() {
            self.v4.insert(hash, flow, pending)
        } else {
            self.v6
                .insert(hash, flow, pending)
                .map(|slot| slot + self.max)
        }
    }

    /// Takes a request out.
    pub(crate) fn remove(&mut self, hash: u64, key: u32) -> Option<Pending> {
        match key.checked_sub(self.max) {
            None => self.v4.remove(hash, key),
            Some(slot) => self.v6.remove(hash, slot),
        }
    }

    /// The flow and the rest of a request.
    pub(crate) fn get(&self, key: u32) -> Option<(Flow, &Pending)> {
        match key.checked_sub(self.max) {
            None => self
                .v4
                .slots
                .get(key)
                .map(|request| (request.flow.flow(), &request.pending)),
            Some(slot) => self
                .v6
                .slots
                .get(slot)
                .map(|request| (request.flow.flow(), &request.pending)),
        }
    }

    /// A request to be changed.
    pub(crate) fn get_mut(&mut self, key: u32) -> Option<&mut Pending> {
        match key.checked_sub(self.max) {
            None => self
                .v4
                .slots
                .get_mut(key)
                .map(|request| &mut request.pending),
            Some(slot) => self
                .v6
                .slots
                .get_mut(slot)
                .map(|request| &mut request.pending),
        }
    }

    /// True when there is no room for another.
    pub(crate) fn is_full(&self) -> bool {
        self.live() >= self.max as usize
    }

    /// Requests held.
    pub(crate) fn live(&self) -> usize {
        self.v4.slots.live() + self.v6.slots.live()
    }
}

const _: () = assert!(size_of::<Slot<Request<Ipv4Addr>>>() <= 64);
const _: () = assert!(size_of::<Slot<Request<Ipv6Addr>>>() <= 96);
