//! Signed segments: TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925, with the algorithms of RFC 5926).
//!
//! A key is for the peers of an address prefix. Listeners, connections and sockets that are neither yet have a `KeyRing`
//! each, whose keys lie in the shard's `KeyPool`; what a connection keeps besides lies in its extension block, so that
//! one without keys pays nothing. `shard/authenticate.rs` judges what comes in, before anything of it is
//! believed; `sign` is what goes out.

pub(crate) mod ao;
mod ao_policy;
mod ao_state;
mod covered;
mod extended;
pub(crate) mod key;
pub(crate) mod key_pool;
mod md5;
mod prefix;

pub use ao::AoAlgorithm;
pub use ao_policy::AoPolicy;
pub use ao_state::AoCounts;
pub use key::{AoKey, KEY_BYTES_MAX, KeyError, KeyName, PeerKey, Secret};
pub use key_pool::KeyRing;
pub use prefix::Prefix;

pub(crate) use ao_state::{AoIds, AoState};
pub(crate) use covered::Covered;

use std::net::IpAddr;

use subtle::ConstantTimeEq;

use crate::address::Flow;
use crate::header::Flags;
use crate::header_options::Signature;
use crate::sequence::SequenceNumber;
use crate::snapshot::SignedBy;
use ao::TrafficKey;
use extended::Extended;
use key_pool::KeyPool;

/// What a connection, or what remains of one in TIME-WAIT, keeps of its keys.
#[derive(Debug, Default)]
pub(crate) struct Authentication {
    /// All of them are for its peer, and of one scheme.
    pub(crate) ring: KeyRing,
    /// Of TCP-AO.
    pub(crate) ao: Option<AoState>,
}

impl Authentication {
    /// Adds a key, or changes one of TCP-MD5. TCP-AO begins with a connection or not at all: both numbers of its
    /// SYNs are needed.
    pub(crate) fn add(
        &mut self,
        keys: &mut KeyPool,
        flow: &Flow,
        key: PeerKey,
    ) -> Result<(), KeyError> {
        if key.ao.is_some() && self.ao.is_none() && self.ring.is_empty() {
            return Err(KeyError::Invalid);
        }
        keys.add(&mut self.ring, key)?;
        if let Some(ao) = &self.ao {
            ao.derive(keys, &self.ring, flow);
        }
        Ok(())
    }

    /// Takes a key away, unless it is the one that signs or is asked for.
    pub(crate) fn remove(&mut self, keys: &mut KeyPool, name: KeyName) -> Result<(), KeyError> {
        if let (
            Some(ao),
            KeyName::Ao {
                send_id,
                receive_id,
                ..
            },
        ) = (&self.ao, name)
            && let Some((current, next)) = ao.ids(keys)
            && (current == send_id || next == receive_id)
        {
            return Err(KeyError::InUse);
        }
        keys.remove(&mut self.ring, name)
    }

    /// The option of what is sent.
    pub(crate) fn signature(&self, keys: &KeyPool) -> Option<Signature> {
        match &self.ao {
            Some(ao) => ao.signature(keys),
            None => (!self.ring.is_empty()).then_some(Signature::Md5),
        }
    }

    /// The same for whoever looks on.
    pub(crate) fn signed_by(&self, keys: &KeyPool) -> Option<SignedBy> {
        let Some(ao) = &self.ao else {
            return (!self.ring.is_empty()).then_some(SignedBy::Md5);
        };
        let (current_id, next_id) = ao.ids(keys)?;
        Some(SignedBy::Ao {
            current_id,
            next_id,
        })
    }

    /// The code of a segment that is sent.
    pub(crate) fn code(&mut self, keys: &KeyPool, covered: &Covered<'_>) -> Code {
        if let Some(ao) = &mut self.ao {
            return ao.code(keys, covered);
        }
        match keys.md5_for(&self.ring, covered.destination) {
            Some(key) => md5::digest(covered, &key.secret),
            None => Code::default(),
        }
    }

    /// Whether a segment that came is the peer's; `is_opening` before its SYN has come.
    pub(crate) fn check(
        &mut self,
        keys: &mut KeyPool,
        covered: &Covered<'_>,
        signature: Option<Signature>,
        is_opening: bool,
    ) -> Result<(), Refusal> {
        match &mut self.ao {
            Some(ao) => ao.check(keys, &self.ring, covered, (signature, is_opening)),
            None => check(keys, &self.ring, covered, signature, None),
        }
    }
}

/// What a connection with TCP-AO has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AoInfo {
    /// SendID of the key that signs.
    pub current_id: u8,
    /// RecvID of the key that the peer is asked to sign with.
    pub next_id: u8,
    /// KeyID and RNextKeyID of the last segment of the peer's that was believed; None before the first.
    /// RFC 5925, section 7.1.
    pub heard: Option<(u8, u8)>,
    /// ICMP errors are believed.
    pub accepts_icmps: bool,
    /// What was counted.
    pub counts: AoCounts,
}

/// Our initial sequence number and the peer's.
pub(crate) type Numbers = (SequenceNumber, SequenceNumber);

/// Whether a segment may have come from a peer that `ring` has keys for: signed by one of them, or unsigned where there
/// is none. `numbers` are those of a half-open connection; without them an ACK brings its own (a SYN cookie's).
pub(crate) fn check(
    keys: &KeyPool,
    ring: &KeyRing,
    covered: &Covered<'_>,
    signature: Option<Signature>,
    numbers: Option<Numbers>,
) -> Result<(), Refusal> {
    let peer = covered.source;
    let has_ao = || keys.ao_for(ring, peer, |_| true).is_some();
    match signature {
        None if ring.ao.is_required || has_ao() => Err(Refusal::AoRequired),
        None if keys.md5_for(ring, peer).is_some() => Err(Refusal::Missing),
        None => Ok(()),
        Some(Signature::Md5) => {
            let key = keys.md5_for(ring, peer).ok_or(Refusal::Unexpected)?;
            match is_same(&md5::digest(covered, &key.secret), covered.code()) {
                true => Ok(()),
                false => Err(Refusal::Wrong),
            }
        }
        // RFC 5925, section 7.3: as if it were not signed, where the user says so; by default, as Linux, it is dropped.
        Some(Signature::Ao { .. })
            if keys.accepts_unknown
                && !ring.ao.is_required
                && !has_ao()
                && keys.md5_for(ring, peer).is_none() =>
        {
            Ok(())
        }
        Some(Signature::Ao { key_id, .. }) => {
            let at = keys.ao_for(ring, peer, |ao| ao.receive_id == key_id);
            let found = at.and_then(|at| keys.ao_at(at));
            let (key, ao) = found.ok_or(Refusal::AoKeyNotFound)?;
            let number = covered.sequence();
            if ao_state::is_first_syn(covered) {
                let traffic = ao_state::syn_key(key, ao, covered, number);
                return ao_state::verify(&traffic, ao, covered, 0);
            }
            let brought = || (covered.acknowledgment() - 1, number - 1);
            let is_ack = covered.flags().contains(Flags::ACK);
            let numbers = numbers.or_else(|| is_ack.then(brought));
            let (ours, theirs) = numbers.ok_or(Refusal::AoBad)?;
            let (source, ends) = ((theirs, ours), covered.ends());
            let traffic = TrafficKey::derive(ao.algorithm, &key.secret, ends, source);
            let extension = Extended::new(theirs).extension_of(number);
            ao_state::verify(&traffic, ao, covered, extension)
        }
    }
}

/// How a segment without a connection is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// As it is.
    Unsigned,
    /// With this option.
    Signed(Signature),
    /// Not at all: it would have to be signed, and the key that the peer asked for is not there (as Linux).
    Withheld,
}

/// How a segment without a connection is sent to `peer`, in answer to one with these ids of TCP-AO.
pub(crate) fn reply(keys: &KeyPool, ring: &KeyRing, peer: IpAddr, ids: Option<AoIds>) -> Reply {
    if keys.md5_for(ring, peer).is_some() {
        return Reply::Signed(Signature::Md5);
    }
    if keys.ao_for(ring, peer, |_| true).is_none() {
        return Reply::Unsigned;
    }
    let at = ids.and_then(|ids| keys.ao_for(ring, peer, |ao| ao.send_id == ids.key_id));
    match (at.and_then(|at| keys.ao_at(at)), ids) {
        (Some((_, ao)), Some(ids)) => Reply::Signed(ao.signature(ids.next_key_id)),
        _ => Reply::Withheld,
    }
}

/// The code of such a segment.
pub(crate) fn reply_code(
    keys: &KeyPool,
    ring: &KeyRing,
    covered: &Covered<'_>,
    signature: Signature,
    (ours, theirs): Numbers,
) -> Code {
    let peer = covered.destination;
    match signature {
        Signature::Md5 => match keys.md5_for(ring, peer) {
            Some(key) => md5::digest(covered, &key.secret),
            None => Code::default(),
        },
        Signature::Ao { key_id, .. } => {
            let at = keys.ao_for(ring, peer, |ao| ao.send_id == key_id);
            let Some((key, ao)) = at.and_then(|at| keys.ao_at(at)) else {
                return Code::default();
            };
            let ends = covered.ends();
            let traffic = TrafficKey::derive(ao.algorithm, &key.secret, ends, (ours, theirs));
            let extension = Extended::new(ours).extension_of(covered.sequence());
            traffic.code(ao, covered, extension)
        }
    }
}

/// Why a segment is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not signed, although there is a key of TCP-MD5.
    Missing,
    /// Signed by TCP-MD5, although there is no such key.
    Unexpected,
    /// Signed with another key, or changed on the way.
    Wrong,
    /// Not signed, although there is a key of TCP-AO.
    AoRequired,
    /// Signed with a key of TCP-AO that is not there.
    AoKeyNotFound,
    /// The code of TCP-AO is wrong.
    AoBad,
}

/// Room for the code of any scheme.
pub(crate) type Code = [u8; CODE_BYTES_MAX];

/// Compares in a time that tells nothing of how much of a forged code was right.
pub(crate) fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len() && bool::from(ours.ct_eq(theirs))
}

/// The longest code: TCP-MD5's.
pub(crate) const CODE_BYTES_MAX: usize = 16;
