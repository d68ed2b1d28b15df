//! Fast Open cookies: bytes that a server hands out and that only it can check (RFC 7413, section 4.1.2).
//!
//! A cookie is SipHash-2-4 over both addresses, as Linux's: daemon and kernels that share a key honour each other's.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// A cookie as an option carries it: 4 to 16 bytes, an even number; none of them asks for one.
/// RFC 7413, section 4.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastOpenCookie {
    length: u8,
    bytes: [u8; COOKIE_BYTES_MAX],
}

/// A key of 128 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FastOpenKey(pub [u8; 16]);

/// The keys that cookies are checked with: the first makes new ones, the second made those of before.
#[derive(Clone, Default)]
pub(crate) struct CookieKeys {
    present: Option<SipHasher24>,
    previous: Option<SipHasher24>,
}

/// Which key a cookie was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MadeWith {
    Present,
    Previous,
}

impl FastOpenCookie {
    /// No bytes: the peer is asked for a cookie.
    pub const REQUEST: Self = Self {
        length: 0,
        bytes: [0; COOKIE_BYTES_MAX],
    };

    /// The cookie in an option's body; None where its length cannot be, so that the option is passed over.
    /// RFC 7413, section 4.1.1.
    pub fn of(body: &[u8]) -> Option<Self> {
        let length = body.len();
        let is_cookie = (COOKIE_BYTES_MIN..=COOKIE_BYTES_MAX).contains(&length);
        if length != 0 && (!is_cookie || !length.is_multiple_of(2)) {
            return None;
        }
        let mut cookie = Self::REQUEST;
        cookie.bytes.get_mut(..length)?.copy_from_slice(body);
        cookie.length = u8::try_from(length).ok()?;
        Some(cookie)
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }

    /// True when there are none.
    pub fn is_request(&self) -> bool {
        self.length == 0
    }

    /// Bytes of the option that carries it, with its padding.
    pub(crate) fn option_length(&self) -> usize {
        (2 + usize::from(self.length)).next_multiple_of(4)
    }
}

impl FastOpenKey {
    /// The key that `text` names as Linux's `net.ipv4.tcp_fastopen_key` does: four groups of eight hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = [0; 16];
        let mut groups = text.trim().split('-');
        for place in key.chunks_exact_mut(4) {
            let group = groups.next().filter(|group| group.len() <= 8)?;
            let word = u32::from_str_radix(group, 16).ok()?;
            // Linux stores each group as a little-endian word.
            place.copy_from_slice(&word.to_le_bytes());
        }
        groups.next().is_none().then_some(Self(key))
    }

    /// The text that `parse` reads. It is a secret.
    pub fn text(&self) -> String {
        let groups = self.0.chunks_exact(4).map(|group| {
            let word = <[u8; 4]>::try_from(group).map_or(0, u32::from_le_bytes);
            format!("{word:08x}")
        });
        groups.collect::<Vec<_>>().join("-")
    }
}

impl std::fmt::Debug for FastOpenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FastOpenKey(..)")
    }
}

impl CookieKeys {
    pub(crate) fn new(present: &FastOpenKey, previous: Option<&FastOpenKey>) -> Self {
        Self {
            present: Some(SipHasher24::new_with_key(&present.0)),
            previous: previous.map(|key| SipHasher24::new_with_key(&key.0)),
        }
    }

    /// The cookie of a client at `peer` that knows us as `ours`.
    /// RFC 7413, section 4.1.2.
    pub(crate) fn make(&self, peer: IpAddr, ours: IpAddr) -> Option<FastOpenCookie> {
        self.present.as_ref().map(|key| cookie(key, peer, ours))
    }

    /// Which key such a client's cookie was made with; None for one that is not ours.
    pub(crate) fn check(
        &self,
        peer: IpAddr,
        ours: IpAddr,
        shown: &FastOpenCookie,
    ) -> Option<MadeWith> {
        let made = [
            (&self.present, MadeWith::Present),
            (&self.previous, MadeWith::Previous),
        ];
        made.into_iter()
            .find(|(key, _)| {
                key.as_ref()
                    .is_some_and(|key| cookie(key, peer, ours) == *shown)
            })
            .map(|(_, with)| with)
    }
}

fn cookie(key: &SipHasher24, peer: IpAddr, ours: IpAddr) -> FastOpenCookie {
    let mut addresses = [0; 32];
    let length = match (peer, ours) {
        (IpAddr::V4(peer), IpAddr::V4(ours)) => {
            addresses[..4].copy_from_slice(&peer.octets());
            addresses[4..8].copy_from_slice(&ours.octets());
            8
        }
        (peer, ours) => {
            addresses[..16].copy_from_slice(&sixteen(peer));
            addresses[16..].copy_from_slice(&sixteen(ours));
            32
        }
    };
    let hash = key.hash(addresses.get(..length).unwrap_or(&addresses));
    FastOpenCookie::of(&hash.to_le_bytes()).unwrap_or(FastOpenCookie::REQUEST)
}

fn sixteen(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

const COOKIE_BYTES_MIN: usize = 4;
const COOKIE_BYTES_MAX: usize = 16;

#[cfg(test)]
mod tests;
