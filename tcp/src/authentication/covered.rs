//! What a signature covers of a segment: the pseudo header, the header with a checksum of zero, the data.

use std::net::IpAddr;

use crate::checksum::PROTOCOL_TCP;
use crate::header::{CHECKSUM_OFFSET, HEADER_BYTES};
use crate::header_options::code_within;

/// A segment on its way from `source` to `destination`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Covered<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// Header, options and data.
    pub(crate) bytes: &'a [u8],
    /// Of these, header and options.
    pub(crate) header_length: usize,
}

impl Covered<'_> {
    /// The pseudo header of TCP (RFC 2385, section 2.0; RFC 5925, section 5.1), piece by piece.
    pub(super) fn feed_pseudo_header(&self, feed: &mut impl FnMut(&[u8])) {
        let length = self.bytes.len() as u32;
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                feed(&source.octets());
                feed(&destination.octets());
                let [_, _, high, low] = length.to_be_bytes();
                feed(&[0, PROTOCOL_TCP, high, low]);
            }
            (source, destination) => {
                for address in [source, destination] {
                    match address {
                        IpAddr::V4(address) => feed(&address.to_ipv6_mapped().octets()),
                        IpAddr::V6(address) => feed(&address.octets()),
                    }
                }
                feed(&length.to_be_bytes());
                feed(&[0, 0, 0, PROTOCOL_TCP]);
            }
        }
    }

    /// The header without its options, with a checksum of zero.
    pub(super) fn fixed_header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        if let Some(fixed) = self.bytes.first_chunk::<HEADER_BYTES>() {
            header = *fixed;
        }
        header[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].fill(0);
        header
    }

    /// The code that it carries; empty when it carries none.
    pub(super) fn code(&self) -> &[u8] {
        let options = self.bytes.get(HEADER_BYTES..self.header_length);
        let options = options.unwrap_or_default();
        let code = code_within(options).and_then(|place| options.get(place));
        code.unwrap_or_default()
    }

    /// What follows header and options.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(self.header_length..).unwrap_or_default()
    }
}
