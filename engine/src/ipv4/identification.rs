//! The identification of datagrams that routers may fragment (RFC 6864, section 4.3): a counter
//! per hashed destination, so that one peer cannot count what we send to others (RFC 7739).

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher13;

/// The counters of one worker.
#[derive(Debug)]
pub struct Identification {
    key: [u8; 16],
    counters: Box<[u16]>,
}

impl Identification {
    /// Counters hashed and started by the secret `key`.
    pub fn new(key: [u8; 16]) -> Self {
        let start = |index: u16| {
            let mut hasher = SipHasher13::new_with_key(&key);
            hasher.write_u16(index);
            hasher.finish() as u16
        };
        Self {
            key,
            counters: (0..COUNTERS).map(start).collect(),
        }
    }

    /// The identification of the next datagram from `source` to `destination`.
    pub fn next(&mut self, source: IpAddr, destination: IpAddr) -> u16 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => hasher.write_u32(address.to_bits()),
                IpAddr::V6(address) => hasher.write_u128(address.to_bits()),
            }
        }
        let hash = hasher.finish();
        let index = (hash % u64::from(COUNTERS)) as usize;
        let Some(counter) = self.counters.get_mut(index) else {
            return 0;
        };
        *counter = counter.wrapping_add(1);
        // Destinations that share a counter still differ by their own hash.
        counter.wrapping_add((hash >> 48) as u16)
    }
}

const COUNTERS: u16 = 1_024;
