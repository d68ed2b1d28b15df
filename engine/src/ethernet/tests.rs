use etherparse::{EtherType as Number, Ethernet2Header};
use proptest::prelude::*;

use super::*;
use crate::test_packet::{OUR_MAC, PEER_MAC, buffer_of};

fn frame(destination: [u8; 6], ethertype: u16) -> Vec<u8> {
    let header = Ethernet2Header {
        source: PEER_MAC,
        destination,
        ether_type: Number(ethertype),
    };
    header.to_bytes().to_vec()
}

#[test]
fn tells_apart_what_is_for_us() {
    let cast = |destination| parse(&frame(destination, 0x0800), OUR_MAC).map(|frame| frame.cast);
    assert_eq!(cast(OUR_MAC), Ok(Cast::Unicast));
    assert_eq!(cast(BROADCAST), Ok(Cast::Broadcast));
    assert_eq!(cast([1, 0, 0x5e, 0, 0, 1]), Ok(Cast::Multicast));
    let not_for_us = Err(LinkDropReason::EthernetNotForUs);
    assert_eq!(cast([1, 0, 0x5e, 0, 0, 2]), not_for_us);
    assert_eq!(cast(PEER_MAC), not_for_us);
}

#[test]
fn knows_three_types_and_refuses_the_rest() {
    let kind = |number| parse(&frame(OUR_MAC, number), OUR_MAC).map(|frame| frame.ethertype);
    for known in [EtherType::Ipv4, EtherType::Arp, EtherType::Ipv6] {
        assert_eq!(kind(known.number()), Ok(known));
    }
    // A VLAN tag, a length of IEEE 802.3, LLDP.
    for unknown in [0x8100, 0x0026, 0x88cc] {
        assert_eq!(kind(unknown), Err(LinkDropReason::EthernetUnknownType));
    }
}

#[test]
fn a_short_frame_is_truncated() {
    let whole = frame(OUR_MAC, 0x0800);
    for length in 0..HEADER_BYTES {
        let parsed = parse(&whole[..length], OUR_MAC);
        assert_eq!(parsed, Err(LinkDropReason::EthernetTruncated));
    }
}

#[test]
fn a_written_header_is_what_the_oracle_reads() {
    let header = LinkHeader::new(PEER_MAC, OUR_MAC, EtherType::Ipv4);
    let mut packet = buffer_of(b"payload");
    header.prepend(&mut packet).unwrap();
    let (read, rest) = Ethernet2Header::from_slice(packet.data()).unwrap();
    assert_eq!(read.source, OUR_MAC);
    assert_eq!(read.destination, PEER_MAC);
    assert_eq!(read.ether_type, Number::IPV4);
    assert_eq!(rest, b"payload");
    assert_eq!(header.destination(), PEER_MAC);
}

#[test]
fn without_headroom_nothing_is_written() {
    let header = LinkHeader::new(PEER_MAC, OUR_MAC, EtherType::Ipv4);
    let mut packet = buffer_of(&[]);
    while header.prepend(&mut packet).is_ok() {}
    assert!(packet.data().len() > HEADER_BYTES);
    let again = header.prepend(&mut packet);
    assert_eq!(again, Err(LinkDropReason::NoHeadroom));
}

proptest! {
    #[test]
    fn agrees_with_the_oracle_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mac = bytes.first_chunk().copied().unwrap_or(OUR_MAC);
        match (parse(&bytes, mac), Ethernet2Header::from_slice(&bytes)) {
            (Ok(frame), Ok((read, _))) => {
                prop_assert_eq!(frame.source, read.source);
                prop_assert_eq!(frame.ethertype.number(), read.ether_type.0);
            }
            (Err(reason), Ok(_)) => {
                prop_assert_eq!(reason, LinkDropReason::EthernetUnknownType);
            }
            (parsed, Err(_)) => {
                prop_assert_eq!(parsed, Err(LinkDropReason::EthernetTruncated));
            }
        }
    }
}
