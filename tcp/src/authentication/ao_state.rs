//! TCP-AO of one connection: which key signs, which one the peer is asked for, and how far the numbers are.
//!
//! Traffic keys are bound to both initial sequence numbers and lie beside their master keys in the pool; those of SYNs are
//! derived when one comes or goes.

use super::ao::TrafficKey;
use super::extended::Extended;
use super::key::{AoKey, KeyError, PeerKey};
use super::key_pool::{KeyPool, KeyRing, Traffic};
use super::{Code, Covered, Refusal, is_same};
use crate::address::Flow;
use crate::header::Flags;
use crate::header_options::Signature;
use crate::sequence::SequenceNumber;

/// What a connection remembers of TCP-AO. Keys are named by their places in the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AoState {
    /// Signs what is sent.
    current: u32,
    /// The peer is asked to sign with it.
    next: u32,
    /// Initial sequence numbers; the peer's is 0 before its SYN.
    ours: SequenceNumber,
    theirs: SequenceNumber,
    sent: Extended,
    received: Extended,
    /// KeyID and RNextKeyID of what was believed last.
    heard: Option<(u8, u8)>,
    /// ICMP errors are believed (Linux: accept_icmps).
    pub(crate) accepts_icmps: bool,
    pub(crate) counts: AoCounts,
}

/// What Linux counts for each socket (TCP_AO_INFO).
/// RFC 5925, section 7.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AoCounts {
    /// Segments whose code was right.
    pub good: u64,
    /// Segments whose code was wrong.
    pub bad: u64,
    /// Segments with a key that is not there.
    pub key_not_found: u64,
    /// Segments without the option.
    pub required: u64,
    /// ICMP errors that were not believed.
    pub dropped_icmps: u64,
}

/// The ids that an answer to a segment of TCP-AO carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AoIds {
    /// The key that the peer asked for.
    pub(crate) key_id: u8,
    /// The one that it used.
    pub(crate) next_key_id: u8,
}

impl AoIds {
    /// What answers a segment with this option.
    pub(crate) fn answering(signature: Option<Signature>) -> Option<Self> {
        match signature {
            Some(Signature::Ao {
                key_id,
                next_key_id,
                ..
            }) => Some(Self {
                key_id: next_key_id,
                next_key_id: key_id,
            }),
            _ => None,
        }
    }
}

impl AoState {
    /// Of a connection that opens: the keys that its socket has chosen, or the first for its peer, if one of TCP-AO is.
    pub(crate) fn opening(
        keys: &KeyPool,
        ring: &KeyRing,
        flow: &Flow,
        ours: SequenceNumber,
    ) -> Option<Self> {
        let peer = flow.remote.address;
        let first = keys.ao_for(ring, peer, |_| true)?;
        let chosen = |id: Option<u8>, of: fn(&AoKey) -> u8| {
            let found = id.and_then(|id| keys.ao_for(ring, peer, |ao| of(ao) == id));
            found.unwrap_or(first)
        };
        Some(Self {
            current: chosen(ring.ao.current_id, |ao| ao.send_id),
            next: chosen(ring.ao.next_id, |ao| ao.receive_id),
            ours,
            theirs: SequenceNumber::default(),
            sent: Extended::new(ours),
            received: Extended::new(SequenceNumber::default()),
            heard: None,
            accepts_icmps: ring.ao.accepts_icmps,
            counts: AoCounts::default(),
        })
    }

    /// Of one whose handshake is complete: it goes on with the keys of that.
    pub(crate) fn accepted(
        keys: &mut KeyPool,
        ring: &KeyRing,
        flow: &Flow,
        (ours, theirs): (SequenceNumber, SequenceNumber),
        ids: Option<AoIds>,
    ) -> Option<Self> {
        let mut state = Self::opening(keys, ring, flow, ours)?;
        state.theirs = theirs;
        state.received = Extended::new(theirs);
        if let Some(ids) = ids {
            let peer = flow.remote.address;
            let current = keys.ao_for(ring, peer, |ao| ao.send_id == ids.key_id);
            let next = keys.ao_for(ring, peer, |ao| ao.receive_id == ids.next_key_id);
            state.current = current.unwrap_or(state.current);
            state.next = next.unwrap_or(state.next);
        }
        // What the peer's last segment said, the other way about.
        state.heard = ids.map(|ids| (ids.next_key_id, ids.key_id));
        state.derive(keys, ring, flow);
        Some(state)
    }

    /// Both initial sequence numbers are known, or a key was added.
    /// RFC 5925, section 5.2.
    pub(crate) fn derive(&self, keys: &mut KeyPool, ring: &KeyRing, flow: &Flow) {
        let (ours, theirs) = (self.ours, self.theirs);
        keys.set_traffic(ring, |key, ao| {
            let derive =
                |ends, numbers| TrafficKey::derive(ao.algorithm, &key.secret, ends, numbers);
            Traffic {
                send: derive((flow.local, flow.remote), (ours, theirs)),
                receive: derive((flow.remote, flow.local), (theirs, ours)),
            }
        });
    }

    /// The option of what is sent: one key signs it, chosen by the connection and by nothing in the segment.
    /// RFC 5925, sections 3.3 and 7.4.
    pub(crate) fn signature(&self, keys: &KeyPool) -> Option<Signature> {
        let (_, next) = keys.ao_at(self.next)?;
        let (_, current) = keys.ao_at(self.current)?;
        Some(current.signature(next.receive_id))
    }

    /// The code of what is sent.
    /// RFC 5925, section 7.4.
    pub(crate) fn code(&mut self, keys: &KeyPool, covered: &Covered<'_>) -> Code {
        let Some((key, ao)) = keys.ao_at(self.current) else {
            return Code::default();
        };
        let number = covered.sequence();
        if is_first_syn(covered) {
            let traffic = syn_key(key, ao, covered, number);
            return traffic.code(ao, covered, 0);
        }
        let extension = self.sent.extension_of(number);
        self.sent.advance(number);
        let traffic = keys.traffic_at(self.current);
        traffic.map_or(Code::default(), |traffic| {
            traffic.send.code(ao, covered, extension)
        })
    }

    /// Whether a segment is the peer's. `is_opening` before its SYN has come.
    /// RFC 5925, section 7.5.
    pub(crate) fn check(
        &mut self,
        keys: &mut KeyPool,
        ring: &KeyRing,
        covered: &Covered<'_>,
        (signature, is_opening): (Option<Signature>, bool),
    ) -> Result<(), Refusal> {
        let judged = self.judge(keys, ring, covered, signature, is_opening);
        let counts = &mut self.counts;
        match judged {
            Ok(()) => counts.good += 1,
            Err(Refusal::AoRequired) => counts.required += 1,
            Err(Refusal::AoKeyNotFound) => counts.key_not_found += 1,
            Err(_) => counts.bad += 1,
        }
        judged
    }

    fn judge(
        &mut self,
        keys: &mut KeyPool,
        ring: &KeyRing,
        covered: &Covered<'_>,
        signature: Option<Signature>,
        is_opening: bool,
    ) -> Result<(), Refusal> {
        let Some(Signature::Ao {
            key_id,
            next_key_id,
            ..
        }) = signature
        else {
            return Err(signature.map_or(Refusal::AoRequired, |_| Refusal::Unexpected));
        };
        let at = self.receiving(keys, ring, covered, key_id)?;
        let number = covered.sequence();
        if is_first_syn(covered) {
            let (key, ao) = keys.ao_at(at).ok_or(Refusal::AoKeyNotFound)?;
            let traffic = syn_key(key, ao, covered, number);
            verify(&traffic, ao, covered, 0)?;
            if is_opening {
                // A simultaneous open: what follows is signed for both numbers.
                self.peer_begins(keys, ring, covered, number);
            }
        } else if is_opening {
            let (key, ao) = keys.ao_at(at).ok_or(Refusal::AoKeyNotFound)?;
            let numbers = (number, self.ours);
            let ends = covered.ends();
            let traffic = TrafficKey::derive(ao.algorithm, &key.secret, ends, numbers);
            verify(&traffic, ao, covered, 0)?;
            if covered.flags().contains(Flags::SYN) {
                self.peer_begins(keys, ring, covered, number);
            }
        } else {
            let extension = self.received.extension_of(number);
            let (_, ao) = keys.ao_at(at).ok_or(Refusal::AoKeyNotFound)?;
            let traffic = keys.traffic_at(at).ok_or(Refusal::AoKeyNotFound)?;
            verify(&traffic.receive, ao, covered, extension)?;
            self.received.advance(number);
        }
        self.heard = Some((key_id, next_key_id));
        // The peer asks for another key: if there is none, nothing changes (RFC 5925, section 7.5).
        let peer = covered.source;
        if let Some(asked) = keys.ao_for(ring, peer, |ao| ao.send_id == next_key_id) {
            self.current = asked;
        }
        Ok(())
    }

    fn peer_begins(
        &mut self,
        keys: &mut KeyPool,
        ring: &KeyRing,
        covered: &Covered<'_>,
        number: SequenceNumber,
    ) {
        self.theirs = number;
        self.received = Extended::new(number);
        let (remote, local) = covered.ends();
        self.derive(keys, ring, &Flow { local, remote });
    }

    /// The key that a segment was signed with: most often the one that was asked for.
    fn receiving(
        &self,
        keys: &KeyPool,
        ring: &KeyRing,
        covered: &Covered<'_>,
        key_id: u8,
    ) -> Result<u32, Refusal> {
        if keys
            .ao_at(self.next)
            .is_some_and(|(_, ao)| ao.receive_id == key_id)
        {
            return Ok(self.next);
        }
        keys.ao_for(ring, covered.source, |ao| ao.receive_id == key_id)
            .ok_or(Refusal::AoKeyNotFound)
    }

    /// The key with this id signs what is sent from now on, or the peer is asked to sign with the other.
    /// RFC 5925, section 7.2.
    pub(crate) fn choose(
        &mut self,
        keys: &KeyPool,
        ring: &KeyRing,
        flow: &Flow,
        (current, next): (Option<u8>, Option<u8>),
    ) -> Result<(), KeyError> {
        let peer = flow.remote.address;
        let mut chosen = *self;
        if let Some(id) = current {
            let found = keys.ao_for(ring, peer, |ao| ao.send_id == id);
            chosen.current = found.ok_or(KeyError::NoKey)?;
        }
        if let Some(id) = next {
            let found = keys.ao_for(ring, peer, |ao| ao.receive_id == id);
            chosen.next = found.ok_or(KeyError::NoKey)?;
        }
        *self = chosen;
        Ok(())
    }

    /// KeyID and RNextKeyID of the last segment that was believed.
    /// RFC 5925, section 7.1.
    pub(crate) fn heard(&self) -> Option<(u8, u8)> {
        self.heard
    }

    /// The current key's id, and the one of the key that the peer is asked for.
    pub(crate) fn ids(&self, keys: &KeyPool) -> Option<(u8, u8)> {
        let (_, current) = keys.ao_at(self.current)?;
        let (_, next) = keys.ao_at(self.next)?;
        Some((current.send_id, next.receive_id))
    }
}

/// A SYN that answers nothing is signed for its sender's number alone.
/// RFC 5925, section 5.2.
pub(super) fn is_first_syn(covered: &Covered<'_>) -> bool {
    let flags = covered.flags();
    flags.contains(Flags::SYN) && !flags.contains(Flags::ACK)
}

/// What such a SYN is signed with.
pub(super) fn syn_key(
    key: &PeerKey,
    ao: &AoKey,
    covered: &Covered<'_>,
    number: SequenceNumber,
) -> TrafficKey {
    let numbers = (number, SequenceNumber::default());
    TrafficKey::derive(ao.algorithm, &key.secret, covered.ends(), numbers)
}

pub(super) fn verify(
    traffic: &TrafficKey,
    ao: &AoKey,
    covered: &Covered<'_>,
    extension: u32,
) -> Result<(), Refusal> {
    let code = traffic.code(ao, covered, extension);
    let own = code.get(..usize::from(ao.mac_bytes)).unwrap_or_default();
    match is_same(own, covered.code()) {
        true => Ok(()),
        false => Err(Refusal::AoBad),
    }
}
