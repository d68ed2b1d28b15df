//! A key of TCP-MD5 or TCP-AO, as it travels behind the fields of `Command::SetKey`.

use std::net::{IpAddr, Ipv6Addr};

use zeroize::Zeroize;

/// A key for the peers of a prefix, or the name of one. What of it means something the option says. The secret is never
/// shown, and overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Whom it is for.
    pub peer: IpAddr,
    /// How many leading bits of `peer` count.
    pub prefix: u8,
    /// TCP-AO: the KeyID of what is sent with it.
    pub send_id: u8,
    /// TCP-AO: the KeyID of what is received.
    pub receive_id: u8,
    /// TCP-AO: [`HMAC_SHA1`] or [`AES_128_CMAC`].
    pub algorithm: u8,
    /// TCP-AO: bytes of the code; 0 for 12.
    pub mac_bytes: u8,
    /// [`EXCLUDES_OPTIONS`], [`SETS_CURRENT`], [`SETS_NEXT`].
    pub flags: u8,
    secret: [u8; SECRET_BYTES_MAX],
    length: u8,
}

impl Key {
    /// A key, or with an empty secret the name of one; None when the secret is too long.
    pub fn new(peer: IpAddr, prefix: u8, secret: &[u8]) -> Option<Self> {
        let mut key = Self {
            peer,
            prefix,
            send_id: 0,
            receive_id: 0,
            algorithm: 0,
            mac_bytes: 0,
            flags: 0,
            secret: [0; SECRET_BYTES_MAX],
            length: u8::try_from(secret.len()).ok()?,
        };
        key.secret.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(key)
    }

    /// Its bytes.
    pub fn secret(&self) -> &[u8] {
        self.secret
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// As it travels.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..7].copy_from_slice(&[
            self.prefix,
            self.send_id,
            self.receive_id,
            self.algorithm,
            self.mac_bytes,
            self.flags,
            self.length,
        ]);
        let peer = match self.peer {
            IpAddr::V4(peer) => peer.to_ipv6_mapped(),
            IpAddr::V6(peer) => peer,
        };
        bytes[8..24].copy_from_slice(&peer.octets());
        bytes[24..].copy_from_slice(&self.secret);
        bytes
    }

    /// What has travelled; None when it cannot be. An IPv4 address inside of an IPv6 one is the IPv4 address.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        let [
            prefix,
            send_id,
            receive_id,
            algorithm,
            mac_bytes,
            flags,
            length,
            zero,
            rest @ ..,
        ] = bytes;
        let (peer, secret) = rest.split_first_chunk::<16>()?;
        let secret = secret.get(..usize::from(*length)).filter(|_| *zero == 0)?;
        let mut key = Self::new(Ipv6Addr::from(*peer).to_canonical(), *prefix, secret)?;
        (key.send_id, key.receive_id) = (*send_id, *receive_id);
        (key.algorithm, key.mac_bytes, key.flags) = (*algorithm, *mac_bytes, *flags);
        Some(key)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}/{}, ..)", self.peer, self.prefix)
    }
}

/// Bytes of a secret, as in Linux (TCP_MD5SIG_MAXKEYLEN, TCP_AO_MAXKEYLEN).
pub const SECRET_BYTES_MAX: usize = 80;
/// Bytes that travel.
pub const BYTES: usize = 24 + SECRET_BYTES_MAX;
/// TCP-AO: HMAC-SHA-1-96 (Linux: "hmac(sha1)").
pub const HMAC_SHA1: u8 = 1;
/// TCP-AO: AES-128-CMAC-96 (Linux: "cmac(aes128)").
pub const AES_128_CMAC: u8 = 2;
/// TCP-AO: the code covers no options but its own (TCP_AO_KEYF_EXCLUDE_OPT).
pub const EXCLUDES_OPTIONS: u8 = 1;
/// TCP-AO: what is sent is signed with it from now on (set_current).
pub const SETS_CURRENT: u8 = 2;
/// TCP-AO: the peer is asked to sign with it (set_rnext).
pub const SETS_NEXT: u8 = 4;

#[cfg(all(test, not(loom)))]
mod tests;
