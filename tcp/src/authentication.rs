//! Signed segments: TCP-MD5 (RFC 2385).
//!
//! A key is for the peers of an address prefix. Listeners, connections and sockets that are neither yet have a `KeyRing`
//! each, whose keys lie in the shard's `KeyPool`; what a connection keeps besides lies in its extension block, so that
//! one without keys pays nothing. `shard/authenticate.rs` judges what comes in, before anything of it is
//! believed; `sign` is what goes out.

mod covered;
pub(crate) mod key;
pub(crate) mod key_pool;
mod md5;
mod prefix;

pub use key::{KEY_BYTES_MAX, KeyError, KeyName, PeerKey, Secret};
pub use key_pool::KeyRing;
pub use prefix::Prefix;

pub(crate) use covered::Covered;

use std::net::IpAddr;

use subtle::ConstantTimeEq;

use crate::header_options::Signature;
use key_pool::KeyPool;

/// What a connection, or what remains of one in TIME-WAIT, keeps of its keys.
#[derive(Debug, Default)]
pub(crate) struct Authentication {
    /// All of them are for its peer.
    pub(crate) ring: KeyRing,
}

impl Authentication {
    /// The option of what is sent.
    pub(crate) fn signature(&self, _keys: &KeyPool) -> Option<Signature> {
        (!self.ring.is_empty()).then_some(Signature::Md5)
    }

    /// The code of a segment that is sent.
    pub(crate) fn code(&mut self, keys: &KeyPool, covered: &Covered<'_>) -> Code {
        match keys.md5_for(&self.ring, covered.destination) {
            Some(key) => md5::digest(covered, &key.secret),
            None => Code::default(),
        }
    }

    /// Whether a segment that came is the peer's.
    pub(crate) fn check(
        &mut self,
        keys: &KeyPool,
        covered: &Covered<'_>,
        signature: Option<Signature>,
    ) -> Result<(), Refusal> {
        check(keys, &self.ring, covered, signature)
    }
}

/// Whether a segment may have come from a peer that `ring` has keys for: signed by one of them, or unsigned where there
/// is none.
pub(crate) fn check(
    keys: &KeyPool,
    ring: &KeyRing,
    covered: &Covered<'_>,
    signature: Option<Signature>,
) -> Result<(), Refusal> {
    match (signature, keys.md5_for(ring, covered.source)) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Refusal::Missing),
        (Some(_), None) => Err(Refusal::Unexpected),
        (Some(_), Some(key)) => {
            if is_same(&md5::digest(covered, &key.secret), covered.code()) {
                Ok(())
            } else {
                Err(Refusal::Wrong)
            }
        }
    }
}

/// Option and code of a segment without a connection, by the keys of whom it is sent for; None where none is for the
/// peer.
pub(crate) fn signature_for(keys: &KeyPool, ring: &KeyRing, peer: IpAddr) -> Option<Signature> {
    keys.md5_for(ring, peer).map(|_| Signature::Md5)
}

/// The code of such a segment.
pub(crate) fn code_for(keys: &KeyPool, ring: &KeyRing, covered: &Covered<'_>) -> Code {
    match keys.md5_for(ring, covered.destination) {
        Some(key) => md5::digest(covered, &key.secret),
        None => Code::default(),
    }
}

/// Why a segment is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not signed, although there is a key.
    Missing,
    /// Signed, although there is none.
    Unexpected,
    /// Signed with another key, or changed on the way.
    Wrong,
}

/// Room for the code of any scheme.
pub(crate) type Code = [u8; CODE_BYTES_MAX];

/// Compares in a time that tells nothing of how much of a forged code was right.
pub(crate) fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len() && bool::from(ours.ct_eq(theirs))
}

/// The longest code: TCP-MD5's.
pub(crate) const CODE_BYTES_MAX: usize = 16;
