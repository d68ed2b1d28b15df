use etherparse::{IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv4HeaderSlice, Ipv4Options};
use proptest::prelude::*;

use super::*;
use crate::test_packet::{OURS, PEER, buffer_of, local_addresses};

fn header(payload_bytes: u16) -> Ipv4Header {
    let protocol = IpNumber(PROTOCOL_UDP);
    Ipv4Header::new(payload_bytes, 64, protocol, PEER.octets(), OURS.octets()).unwrap()
}

/// The packet of `header` with `payload` behind it and a right checksum.
fn packet(mut header: Ipv4Header, payload: &[u8]) -> Vec<u8> {
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], payload].concat()
}

fn arrival() -> Arrival {
    Arrival {
        link_cast: Cast::Unicast,
        checksum: ChecksumStatus::Unknown,
        own_source_allowed: false,
    }
}

fn received(bytes: &[u8]) -> Result<Packet, LinkDropReason> {
    receive(bytes, arrival(), &local_addresses())
}

fn with_options(options: &[u8]) -> Vec<u8> {
    let mut header = header(4);
    header.options = Ipv4Options::try_from(options).unwrap();
    header.set_payload_len(4).unwrap();
    packet(header, b"data")
}

#[test]
fn reads_what_the_oracle_wrote() {
    let mut written = header(4);
    written.dscp = IpDscp::try_new(46).unwrap();
    written.ecn = IpEcn::CongestionExperienced;
    let padded = packet(written, b"data\0\0\0\0\0\0");
    let read = received(&padded).unwrap();
    assert_eq!((read.source, read.destination), (PEER, OURS));
    assert_eq!((read.protocol, read.ttl), (PROTOCOL_UDP, 64));
    assert_eq!((read.tos, read.ecn()), (46 << 2 | 3, 3));
    assert_eq!(read.cast, Cast::Unicast);
    // The padding of a short frame is no payload.
    assert_eq!(read.payload_in(&padded), b"data");
}

#[test]
fn every_truncation_has_its_reason() {
    let whole = packet(header(4), b"data");
    for length in 0..whole.len() {
        let cut = received(&whole[..length]);
        assert_eq!(cut, Err(LinkDropReason::Ipv4Truncated), "{length}");
    }
}

#[test]
fn bad_headers_are_told_apart() {
    let whole = packet(header(4), b"data");
    let changed = |index: usize, value: u8| {
        let mut bytes = whole.clone();
        bytes[index] = value;
        received(&bytes)
    };
    assert_eq!(changed(0, 0x65), Err(LinkDropReason::Ipv4BadVersion));
    assert_eq!(changed(0, 0x44), Err(LinkDropReason::Ipv4BadHeader));
    // A header of 60 bytes in a packet of 24.
    assert_eq!(changed(0, 0x4f), Err(LinkDropReason::Ipv4BadHeader));
    assert_eq!(changed(3, 19), Err(LinkDropReason::Ipv4BadHeader));
    assert_eq!(changed(8, 63), Err(LinkDropReason::Ipv4BadChecksum));
}

#[test]
fn the_ports_word_on_the_checksum_counts() {
    let mut bytes = packet(header(4), b"data");
    let told = |bytes: &[u8], checksum| parse(bytes, checksum).map(|packet| packet.ttl);
    let bad = Err(LinkDropReason::Ipv4BadChecksum);
    assert_eq!(told(&bytes, ChecksumStatus::Bad), bad);
    bytes[8] = 63;
    assert_eq!(told(&bytes, ChecksumStatus::Good), Ok(63));
    assert_eq!(told(&bytes, ChecksumStatus::Unknown), bad);
}

#[test]
fn sources_that_cannot_be_are_refused() {
    let sources = [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [255, 255, 255, 255],
        [240, 0, 0, 1],
        [10, 0, 0, 255],
        OURS.octets(),
    ];
    for source in sources {
        let mut spoofed = header(0);
        spoofed.source = source;
        let refused = received(&packet(spoofed, b""));
        assert_eq!(refused, Err(LinkDropReason::Ipv4BadSource), "{source:?}");
    }
}

#[test]
fn our_own_source_comes_home_where_that_is_allowed() {
    let mut own = header(0);
    own.source = OURS.octets();
    let allowed = Arrival {
        own_source_allowed: true,
        ..arrival()
    };
    assert!(receive(&packet(own, b""), allowed, &local_addresses()).is_ok());
}

#[test]
fn destinations_decide_the_cast() {
    let to = |destination: [u8; 4], protocol| {
        let mut header = header(0);
        header.destination = destination;
        header.protocol = IpNumber(protocol);
        received(&packet(header, b"")).map(|packet| packet.cast)
    };
    assert_eq!(to([10, 1, 0, 1], PROTOCOL_UDP), Ok(Cast::Unicast));
    assert_eq!(to([10, 0, 0, 255], PROTOCOL_UDP), Ok(Cast::Broadcast));
    assert_eq!(to([255; 4], PROTOCOL_ICMP), Ok(Cast::Broadcast));
    assert_eq!(to([224, 0, 0, 1], PROTOCOL_UDP), Ok(Cast::Multicast));
    let link_broadcast = Err(LinkDropReason::Ipv4LinkBroadcast);
    assert_eq!(to([10, 0, 0, 255], PROTOCOL_TCP), link_broadcast);
    let not_for_us = Err(LinkDropReason::Ipv4NotForUs);
    assert_eq!(to([10, 0, 0, 3], PROTOCOL_UDP), not_for_us);
    assert_eq!(to([224, 0, 0, 251], PROTOCOL_UDP), not_for_us);
}

#[test]
fn a_broadcast_frame_may_not_carry_a_packet_to_one_host() {
    let broadcast = Arrival {
        link_cast: Cast::Broadcast,
        ..arrival()
    };
    let refused = receive(&packet(header(0), b""), broadcast, &local_addresses());
    assert_eq!(refused, Err(LinkDropReason::Ipv4LinkBroadcast));
}

#[test]
fn options_are_skipped_when_sound() {
    let record_route = [7, 7, 4, 0, 0, 0, 0, 0];
    let padded = [1, 1, 1, 0];
    let router_alert = [148, 4, 0, 0];
    for options in [&record_route[..], &padded, &router_alert] {
        let bytes = with_options(options);
        let read = received(&bytes).unwrap();
        assert_eq!(read.payload_in(&bytes), b"data");
    }
}

#[test]
fn source_routes_and_malformed_options_are_refused() {
    let loose = [131, 7, 4, 10, 0, 0, 9, 0];
    let strict = [137, 7, 4, 10, 0, 0, 9, 0];
    let too_long = [7, 5, 4, 0];
    let too_short = [7, 1, 0, 0];
    let no_length = [1, 1, 1, 7];
    for options in [&loose[..], &strict, &too_long, &too_short, &no_length] {
        let refused = received(&with_options(options));
        assert_eq!(refused, Err(LinkDropReason::Ipv4BadOptions), "{options:?}");
    }
}

#[test]
fn a_malformed_option_is_pointed_at_and_a_source_route_is_not() {
    let blamed = |bytes: &[u8]| malformed_option(bytes, arrival(), &local_addresses());
    let malformed = with_options(&[1, 1, 7, 9]);
    let (packet, pointer) = blamed(&malformed).unwrap();
    assert_eq!((packet.source, pointer), (PEER, 22));
    assert_eq!(packet.payload_in(&malformed), b"data");
    assert_eq!(blamed(&with_options(&[131, 7, 4, 10, 0, 0, 9, 0])), None);
    assert_eq!(blamed(&with_options(&[1, 1, 1, 0])), None);
    let mut spoofed = Ipv4Header::from_slice(&malformed).unwrap().0;
    spoofed.source = [127, 0, 0, 1];
    assert_eq!(blamed(&packet_of(spoofed)), None);
    let mut broadcast = Ipv4Header::from_slice(&malformed).unwrap().0;
    broadcast.destination = [255; 4];
    assert_eq!(blamed(&packet_of(broadcast)), None);
}

fn packet_of(header: Ipv4Header) -> Vec<u8> {
    packet(header, b"data")
}

#[test]
fn fragments_are_dropped_and_dont_fragment_is_none() {
    let flags = |more: bool, offset: u16| {
        let mut header = header(0);
        header.more_fragments = more;
        header.fragment_offset = offset.try_into().unwrap();
        received(&packet(header, b"")).map(|_| ())
    };
    assert_eq!(flags(false, 0), Ok(()));
    assert_eq!(flags(true, 0), Err(LinkDropReason::Ipv4Fragment));
    assert_eq!(flags(false, 185), Err(LinkDropReason::Ipv4Fragment));
    assert!(received(&packet(header(0), b"")).is_ok());
}

#[test]
fn a_written_header_is_what_the_oracle_reads() {
    let mut buffer = buffer_of(b"segment");
    let written = Header {
        source: OURS,
        destination: PEER,
        protocol: PROTOCOL_TCP,
        tos: 2,
        ttl: 61,
        identification: None,
    };
    written.prepend(&mut buffer, true).unwrap();
    let read = Ipv4HeaderSlice::from_slice(buffer.data())
        .unwrap()
        .to_header();
    assert_eq!(read.source, OURS.octets());
    assert_eq!(read.destination, PEER.octets());
    assert_eq!(read.protocol, IpNumber::TCP);
    assert_eq!((read.time_to_live, read.ecn), (61, IpEcn::Ect0));
    assert_eq!(usize::from(read.total_len), HEADER_BYTES + 7);
    // An atomic datagram (RFC 6864): no identification, may not be fragmented.
    assert!(read.dont_fragment && read.identification == 0);
    assert_eq!(read.header_checksum, read.calc_header_checksum());
    let mut unfilled = buffer_of(b"segment");
    written.prepend(&mut unfilled, false).unwrap();
    assert_eq!(unfilled.data()[10..12], [0, 0]);
}

#[test]
fn a_datagram_that_may_be_fragmented_carries_an_identification() {
    let header = Header {
        source: OURS,
        destination: PEER,
        protocol: PROTOCOL_ICMP,
        tos: 0,
        ttl: 64,
        identification: Some(0xbeef),
    };
    let bytes = header.bytes(0, true).unwrap();
    let read = Ipv4HeaderSlice::from_slice(&bytes).unwrap().to_header();
    assert!(!read.dont_fragment && read.identification == 0xbeef);
    assert_eq!(header.bytes(65_515, true).map(|bytes| bytes[2]), Some(0xff));
    assert_eq!(header.bytes(65_516, true), None);
    assert_eq!(header.bytes(usize::MAX, true), None);
}

#[test]
fn identifications_do_not_repeat_soon_and_differ_by_destination() {
    let mut counters = identification::Identification::new([7; 16]);
    let mut ids: Vec<_> = (0..60_000)
        .map(|_| counters.next(OURS.into(), PEER.into()))
        .collect();
    let first = ids[0];
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 60_000);
    let mut others = identification::Identification::new([8; 16]);
    let other = others.next(OURS.into(), PEER.into());
    assert_ne!(first, other, "another key begins elsewhere");
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_packet_or_a_reason(
        mut bytes in prop::collection::vec(any::<u8>(), 0..90),
        right_start: bool,
        right_length: bool,
        right_checksum: bool,
    ) {
        if right_start && !bytes.is_empty() {
            bytes[0] = 0x45 + bytes[0] % 3;
        }
        let length = bytes.len() as u16;
        if right_length && bytes.len() >= 20 {
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[6] = 0x40;
            bytes[7] = 0;
        }
        let checksum = if right_checksum {
            ChecksumStatus::Good
        } else {
            ChecksumStatus::Unknown
        };
        let parsed = parse(&bytes, checksum);
        if let Ok(packet) = &parsed {
            let oracle = Ipv4HeaderSlice::from_slice(&bytes).unwrap().to_header();
            prop_assert_eq!(packet.payload.start, oracle.header_len());
            prop_assert_eq!(packet.payload.end, usize::from(oracle.total_len));
            prop_assert!(packet.payload.end <= bytes.len());
            prop_assert_eq!(packet.source.octets(), oracle.source);
            prop_assert!(!oracle.is_fragmenting_payload());
            prop_assert!(right_checksum || oracle.header_checksum == oracle.calc_header_checksum());
        }
        let own = local_addresses();
        prop_assert!(receive(&bytes, arrival(), &own).is_err() || parsed.is_ok() || right_checksum);
    }
}
