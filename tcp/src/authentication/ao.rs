//! The algorithms of TCP-AO (RFC 5926): traffic keys from master keys, and codes of segments.
//!
//! What a code covers says RFC 5925, section 5.1; all of it is checked with the vectors of RFC 9235.

use std::net::IpAddr;

use aes::Aes128;
use cmac::{Cmac, KeyInit, Mac};
use hmac::Hmac;
use sha1::Sha1;
use zeroize::Zeroize;

use super::key::{AoKey, Secret};
use super::{Code, Covered};
use crate::address::Endpoint;
use crate::header::HEADER_BYTES;
use crate::header_options::Signature;
use crate::sequence::SequenceNumber;

/// How keys are derived and codes made (RFC 5926, section 3).
/// RFC 5925, section 7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AoAlgorithm {
    /// KDF_HMAC_SHA1 and HMAC-SHA-1-96 (Linux: "hmac(sha1)").
    HmacSha1,
    /// KDF_AES_128_CMAC and AES-128-CMAC-96 (Linux: "cmac(aes128)").
    Aes128Cmac,
}

/// A key that protects one direction of one connection.
pub(crate) struct TrafficKey {
    bytes: [u8; TRAFFIC_KEY_BYTES_MAX],
    length: u8,
}

impl TrafficKey {
    /// The key for segments from one end to another, whose initial sequence numbers are these; that of the other is 0 as long
    /// as it is not known.
    /// RFC 5925, section 5.2; RFC 5926, section 3.1.1.
    pub(crate) fn derive(
        algorithm: AoAlgorithm,
        secret: &Secret,
        ends: (Endpoint, Endpoint),
        numbers: (SequenceNumber, SequenceNumber),
    ) -> Self {
        let mut key = Self::none();
        match algorithm {
            AoAlgorithm::HmacSha1 => {
                let Ok(function) = Hmac::<Sha1>::new_from_slice(secret.bytes()) else {
                    return key;
                };
                key.fill(function, ends, numbers);
            }
            AoAlgorithm::Aes128Cmac => {
                let mut master = master_of_cmac(secret.bytes());
                let function = Cmac::<Aes128>::new(&master.into());
                key.fill(function, ends, numbers);
                master.zeroize();
            }
        }
        key
    }

    fn fill<F: Mac>(
        &mut self,
        mut function: F,
        (source, destination): (Endpoint, Endpoint),
        (first, other): (SequenceNumber, SequenceNumber),
    ) {
        let bytes = F::output_size().min(TRAFFIC_KEY_BYTES_MAX);
        function.update(&[1]);
        function.update(b"TCP-AO");
        for address in [source.address, destination.address] {
            match address {
                IpAddr::V4(address) => function.update(&address.octets()),
                IpAddr::V6(address) => function.update(&address.octets()),
            }
        }
        function.update(&source.port.to_be_bytes());
        function.update(&destination.port.to_be_bytes());
        function.update(&first.raw().to_be_bytes());
        function.update(&other.raw().to_be_bytes());
        function.update(&(bytes as u16 * 8).to_be_bytes());
        let output = function.finalize().into_bytes();
        self.bytes[..bytes].copy_from_slice(&output[..bytes]);
        self.length = bytes as u8;
    }

    /// No key: codes made with it are those of nobody.
    pub(crate) const fn none() -> Self {
        Self {
            bytes: [0; TRAFFIC_KEY_BYTES_MAX],
            length: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// The code of a segment, whose option must be there, with any code in it.
    /// RFC 5925, section 5.1.
    pub(crate) fn code(&self, key: &AoKey, covered: &Covered<'_>, extension: u32) -> Code {
        let mut code = Code::default();
        match key.algorithm {
            AoAlgorithm::HmacSha1 => {
                if let Ok(function) = Hmac::<Sha1>::new_from_slice(self.bytes()) {
                    make(function, key, covered, extension, &mut code);
                }
            }
            AoAlgorithm::Aes128Cmac => {
                if let Ok(function) = Cmac::<Aes128>::new_from_slice(self.bytes()) {
                    make(function, key, covered, extension, &mut code);
                }
            }
        }
        code
    }
}

impl Drop for TrafficKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl std::fmt::Debug for TrafficKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TrafficKey(..)")
    }
}

/// Sequence number extension, pseudo header, header with its options or the option alone, data; no code in it.
fn make<F: Mac>(
    mut function: F,
    key: &AoKey,
    covered: &Covered<'_>,
    extension: u32,
    code: &mut Code,
) {
    function.update(&extension.to_be_bytes());
    covered.feed_pseudo_header(&mut |piece| function.update(piece));
    function.update(&covered.fixed_header());
    let option = covered.option();
    let (mut header, place) = covered.options();
    if let Some(place) = header.get_mut(place) {
        place.fill(0);
    }
    let covers = if key.excludes_options {
        option
    } else {
        0..covered.header_length.saturating_sub(HEADER_BYTES)
    };
    function.update(header.get(covers).unwrap_or_default());
    function.update(covered.payload());
    let output = function.finalize().into_bytes();
    let length = output.len().min(code.len());
    code[..length].copy_from_slice(&output[..length]);
}

/// RFC 5926, section 3.1.1.2: a key of another length than 16 bytes is made one.
fn master_of_cmac(secret: &[u8]) -> [u8; 16] {
    if let Ok(master) = secret.try_into() {
        return master;
    }
    let mut function = Cmac::<Aes128>::new(&[0; 16].into());
    function.update(secret);
    function.finalize().into_bytes().into()
}

impl AoKey {
    /// The option of what is signed with it.
    pub(crate) fn signature(&self, next_key_id: u8) -> Signature {
        Signature::Ao {
            key_id: self.send_id,
            next_key_id,
            mac_bytes: self.mac_bytes,
        }
    }
}

/// HMAC-SHA-1's.
const TRAFFIC_KEY_BYTES_MAX: usize = 20;

#[cfg(test)]
mod tests;
