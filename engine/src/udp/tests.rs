use etherparse::UdpHeader;
use proptest::prelude::*;

use super::*;
use crate::ethernet::Cast;
use crate::test_packet::{OURS, PEER};

fn packet(payload_bytes: usize) -> ipv4::Packet {
    ipv4::Packet {
        source: PEER,
        destination: OURS,
        cast: Cast::Unicast,
        protocol: ipv4::PROTOCOL_UDP,
        payload: 20..20 + payload_bytes,
        tos: 0,
        ttl: 64,
    }
}

fn datagram(payload: &[u8]) -> Vec<u8> {
    let mut header = UdpHeader::without_ipv4_checksum(5_353, 53, payload.len()).unwrap();
    header.checksum = header
        .calc_checksum_ipv4_raw(PEER.octets(), OURS.octets(), payload)
        .unwrap();
    [&header.to_bytes()[..], payload].concat()
}

fn parsed(bytes: &[u8]) -> Result<Header, LinkDropReason> {
    parse(&packet(bytes.len()), bytes)
}

#[test]
fn reads_what_the_oracle_wrote() {
    for payload in [&b""[..], b"x", b"query", b"four"] {
        let header = parsed(&datagram(payload)).unwrap();
        assert_eq!((header.source_port, header.destination_port), (5_353, 53));
        assert_eq!(usize::from(header.payload_bytes), payload.len());
    }
}

#[test]
fn a_checksum_of_zero_is_none() {
    let mut bytes = datagram(b"query");
    bytes[6..8].copy_from_slice(&[0, 0]);
    assert!(parsed(&bytes).is_ok());
    bytes[7] = 1;
    assert_eq!(parsed(&bytes), Err(LinkDropReason::UdpMalformed));
}

#[test]
fn lengths_must_fit() {
    let whole = datagram(b"query");
    for length in 0..whole.len() {
        assert_eq!(parsed(&whole[..length]), Err(LinkDropReason::UdpMalformed));
    }
    let mut short = whole;
    short[4..6].copy_from_slice(&7u16.to_be_bytes());
    assert_eq!(parsed(&short), Err(LinkDropReason::UdpMalformed));
}

proptest! {
    #[test]
    fn any_changed_bit_is_seen(payload: Vec<u8>, bit: prop::sample::Index) {
        let mut bytes = datagram(&payload);
        let bit = bit.index(bytes.len() * 8);
        // A checksum changed to zero is none.
        let field_zero = |bytes: &[u8]| bytes[6..8] == [0, 0];
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assume!(!field_zero(&bytes));
        prop_assert_eq!(parsed(&bytes), Err(LinkDropReason::UdpMalformed));
    }
}
