//! What a signature covers of a segment: the pseudo header, the header with a checksum of zero, the data.

use std::net::IpAddr;
use std::ops::Range;

use crate::address::Endpoint;
use crate::checksum::PROTOCOL_TCP;
use crate::header::{CHECKSUM_OFFSET, Flags, HEADER_BYTES};
use crate::header_options::{OPTIONS_BYTES_MAX, code_within};
use crate::sequence::SequenceNumber;

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

    /// Who sends it, and to whom.
    pub(super) fn ends(&self) -> (Endpoint, Endpoint) {
        let port = |at: usize| {
            let port = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
            port.map_or(0, |port| u16::from_be_bytes(*port))
        };
        (
            Endpoint::new(self.source, port(0)),
            Endpoint::new(self.destination, port(2)),
        )
    }

    /// All options, and where among them the code lies; room for as many as there can be.
    pub(super) fn options(&self) -> ([u8; OPTIONS_BYTES_MAX], Range<usize>) {
        let mut options = [0; OPTIONS_BYTES_MAX];
        let bytes = self.option_bytes();
        if let Some(place) = options.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
        (options, code_within(bytes).unwrap_or_default())
    }

    /// Where among the options the one of TCP-AO lies.
    pub(super) fn option(&self) -> Range<usize> {
        match code_within(self.option_bytes()) {
            Some(code) => code.start.saturating_sub(4)..code.end,
            None => 0..0,
        }
    }

    fn option_bytes(&self) -> &[u8] {
        self.bytes
            .get(HEADER_BYTES..self.header_length)
            .unwrap_or_default()
    }

    /// SEG.SEQ.
    pub(super) fn sequence(&self) -> SequenceNumber {
        SequenceNumber::new(self.word(4))
    }

    /// SEG.ACK.
    pub(super) fn acknowledgment(&self) -> SequenceNumber {
        SequenceNumber::new(self.word(8))
    }

    pub(super) fn flags(&self) -> Flags {
        let bytes = self.bytes.get(12..).and_then(|rest| rest.first_chunk());
        bytes.map_or(Flags::NONE, |bytes| Flags::of_bytes(*bytes))
    }

    fn word(&self, at: usize) -> u32 {
        let word = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        word.map_or(0, |word| u32::from_be_bytes(*word))
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
        let options = self.option_bytes();
        let code = code_within(options).and_then(|place| options.get(place));
        code.unwrap_or_default()
    }

    /// What follows header and options.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(self.header_length..).unwrap_or_default()
    }
}
