//! Keys, and what may go wrong with one.

use thiserror::Error;
use zeroize::Zeroize;

use super::ao::AoAlgorithm;
use super::prefix::Prefix;

/// A key for the peers of a prefix: of TCP-MD5, or of TCP-AO, whose RFC calls it a master key tuple.
/// RFC 5925, section 3.1.
#[derive(Clone, Debug)]
pub struct PeerKey {
    pub(crate) peer: Prefix,
    pub(crate) secret: Secret,
    /// None for TCP-MD5.
    pub(crate) ao: Option<AoKey>,
}

/// What a key of TCP-AO has besides its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AoKey {
    /// How traffic keys are derived and codes made.
    pub algorithm: AoAlgorithm,
    /// KeyID of what is sent.
    pub send_id: u8,
    /// KeyID of what is received.
    pub receive_id: u8,
    /// Bytes of the code: 4 to 16; RFC 5926 has 12.
    pub mac_bytes: u8,
    /// The code covers no option but its own: for middleboxes that change others.
    pub excludes_options: bool,
}

impl PeerKey {
    /// A key of TCP-MD5 (RFC 2385), for peers that have nothing better (RFC 5925, section 8).
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an empty key or one of more than [`KEY_BYTES_MAX`] bytes.
    pub fn md5(peer: Prefix, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            peer,
            secret: Secret::new(secret)?,
            ao: None,
        })
    }

    /// A key of TCP-AO (RFC 5925).
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an empty key, one of more than [`KEY_BYTES_MAX`] bytes, or a code that cannot be.
    pub fn ao(peer: Prefix, secret: &[u8], ao: AoKey) -> Result<Self, KeyError> {
        if !(MAC_BYTES_MIN..=MAC_BYTES_MAX).contains(&ao.mac_bytes) {
            return Err(KeyError::Invalid);
        }
        Ok(Self {
            peer,
            secret: Secret::new(secret)?,
            ao: Some(ao),
        })
    }

    /// Whom it is for.
    pub fn peer(&self) -> Prefix {
        self.peer
    }

    /// What it has besides its secret; None for one of TCP-MD5.
    pub fn ao_key(&self) -> Option<AoKey> {
        self.ao
    }

    /// Whether it can be one of a socket's keys, beside `others`.
    ///
    /// # Errors
    /// [`KeyError::Rejected`] when one of them is of the other scheme and for a peer of this one's,
    /// [`KeyError::Exists`] when one of TCP-AO has an id of this one's for such a peer.
    /// RFC 5925, sections 2.2 and 3.1.
    pub fn fits_beside<'a>(
        &self,
        others: impl Iterator<Item = &'a PeerKey>,
    ) -> Result<(), KeyError> {
        for other in others.filter(|other| other.peer.overlaps(&self.peer)) {
            match (self.ao, other.ao) {
                (None, None) => {}
                (Some(own), Some(ao)) => {
                    if own.send_id == ao.send_id || own.receive_id == ao.receive_id {
                        return Err(KeyError::Exists);
                    }
                }
                _ => return Err(KeyError::Rejected),
            }
        }
        Ok(())
    }

    /// What tells it from other keys of the same socket.
    pub fn name(&self) -> KeyName {
        match self.ao {
            None => KeyName::Md5 { peer: self.peer },
            Some(ao) => KeyName::Ao {
                peer: self.peer,
                send_id: ao.send_id,
                receive_id: ao.receive_id,
            },
        }
    }
}

/// What tells a key from the others of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// TCP-MD5 has one key for each prefix.
    Md5 {
        /// Whom it is for.
        peer: Prefix,
    },
    /// TCP-AO has several, with ids.
    Ao {
        /// Whom it is for.
        peer: Prefix,
        /// KeyID of what is sent.
        send_id: u8,
        /// KeyID of what is received.
        receive_id: u8,
    },
}

/// The bytes of a key: never shown, and overwritten when they are no longer needed.
#[derive(Clone)]
pub struct Secret {
    bytes: [u8; KEY_BYTES_MAX],
    length: u8,
}

impl Secret {
    fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut secret = Self {
            bytes: [0; KEY_BYTES_MAX],
            length: 0,
        };
        let place = secret.bytes.get_mut(..bytes.len());
        place.ok_or(KeyError::Invalid)?.copy_from_slice(bytes);
        secret.length = bytes.len() as u8;
        if bytes.is_empty() {
            return Err(KeyError::Invalid);
        }
        Ok(secret)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a key was not taken, or not given up; by Linux's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// It cannot be a key, or not of this socket (EINVAL).
    #[error("no such key can be: check its length, its prefix and what the socket is")]
    Invalid,
    /// There is one of its ids for such a peer already (EEXIST).
    #[error("a key with this id covers the peer already: take another id")]
    Exists,
    /// It is the one that is used (EBUSY).
    #[error("the key is in use: choose another current and next key first")]
    InUse,
    /// There is none of this name (ENOENT).
    #[error("no such key")]
    NoKey,
    /// A key of the other scheme covers the peer (EKEYREJECTED).
    #[error("the peer has a key of the other scheme: remove that one first")]
    Rejected,
    /// The shard has no room for another (ENOMEM).
    #[error("no room for another key: raise the limit of keys")]
    NoRoom,
    /// The handle names nothing (EBADF).
    #[error("no such socket")]
    NoSocket,
}

/// As in Linux (TCP_MD5SIG_MAXKEYLEN).
pub const KEY_BYTES_MAX: usize = 80;
/// Fewer would be guessed.
const MAC_BYTES_MIN: u8 = 4;
/// More do not fit beside the other options of a SYN (as Linux).
const MAC_BYTES_MAX: u8 = 16;
