//! Keys, and what may go wrong with one.

use thiserror::Error;
use zeroize::Zeroize;

use super::prefix::Prefix;

/// A key for the peers of a prefix: TCP-MD5.
#[derive(Clone, Debug)]
pub struct PeerKey {
    pub(crate) peer: Prefix,
    pub(crate) secret: Secret,
}

impl PeerKey {
    /// A key of TCP-MD5 (RFC 2385).
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an empty key or one of more than [`KEY_BYTES_MAX`] bytes.
    pub fn md5(peer: Prefix, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            peer,
            secret: Secret::new(secret)?,
        })
    }

    /// Whom it is for.
    pub fn peer(&self) -> Prefix {
        self.peer
    }

    /// Whether it can be one of a socket's keys, beside `others`.
    ///
    /// # Errors
    /// None yet: of TCP-MD5 it takes the place of the one of its name.
    pub fn fits_beside<'a>(
        &self,
        _others: impl Iterator<Item = &'a PeerKey>,
    ) -> Result<(), KeyError> {
        Ok(())
    }

    /// What tells it from other keys of the same socket.
    pub fn name(&self) -> KeyName {
        KeyName::Md5 { peer: self.peer }
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
