//! Address and port as three words, the same for both families.

use std::net::{IpAddr, SocketAddr};

/// Words of an address with its port.
pub const ADDRESS_WORDS: usize = 3;

/// Address, then port and family. No address is all zeros.
pub fn to_words(address: Option<SocketAddr>) -> [u64; ADDRESS_WORDS] {
    let Some(address) = address else {
        return [0; ADDRESS_WORDS];
    };
    let (bits, family) = match address.ip() {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), FAMILY_4),
        IpAddr::V6(ip) => (u128::from(ip), FAMILY_6),
    };
    [
        (bits >> 64) as u64,
        low_half(bits),
        u64::from(address.port()) << 8 | family,
    ]
}

/// The opposite of `to_words`; None when the words are no address.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the port is cut to its bits, the address checked"
)]
pub fn from_words(words: &[u64]) -> Option<SocketAddr> {
    let [high, low, last] = *words.first_chunk()?;
    let port = (last >> 8) as u16;
    let ip = match last & 0xff {
        FAMILY_4 => IpAddr::from(u32::try_from(low).ok()?.to_be_bytes()),
        FAMILY_6 => IpAddr::from((u128::from(high) << 64 | u128::from(low)).to_be_bytes()),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is what is asked for"
)]
fn low_half(bits: u128) -> u64 {
    bits as u64
}

const FAMILY_4: u64 = 4;
const FAMILY_6: u64 = 6;
