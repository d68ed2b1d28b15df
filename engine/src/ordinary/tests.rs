//! Which frames are taken for ordinary ones, and that no other is.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::ethernet::Cast;
use crate::ipv4::Arrival;
use crate::local_addresses::{LocalAddress, LocalAddresses};
use crate::nic::ChecksumStatus;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn frame(segment: &[u8]) -> Vec<u8> {
    let header = ipv4::Header {
        source: THEIRS,
        destination: OURS,
        protocol: ipv4::PROTOCOL_TCP,
        tos: 0b1011_1001,
        ttl: 61,
        identification: None,
    };
    let mut frame = Vec::from(MAC);
    frame.extend([2, 0, 0, 0, 0, 2, 0x08, 0x00]);
    frame.extend(header.bytes(segment.len(), true).expect("short"));
    frame.extend(segment);
    frame
}

fn acquainted() -> Acquaintances {
    let mut acquaintances = Acquaintances::new(MAC);
    acquaintances.remember(THEIRS, OURS);
    acquaintances
}

#[test]
fn an_ordinary_frame_is_recognized_and_read() {
    let mut frame = frame(&[7; 24]);
    // Padding of the link.
    frame.extend([0; 6]);
    let ordinary = acquainted().recognize(&frame).expect("ordinary");
    assert_eq!(ordinary.source, THEIRS);
    assert_eq!(ordinary.destination, OURS);
    assert_eq!(ordinary.segment, [7; 24]);
    assert_eq!((ordinary.ecn, ordinary.ttl), (0b01, 61));
    assert_eq!(ordinary.header[..], frame[14..34]);
}

#[test]
fn only_acquaintances_are_recognized() {
    let frame = frame(&[7; 24]);
    let mut acquaintances = Acquaintances::new(MAC);
    assert_eq!(acquaintances.recognize(&frame), None);
    acquaintances.remember(OURS, THEIRS);
    assert_eq!(acquaintances.recognize(&frame), None);
    acquaintances.remember(THEIRS, OURS);
    assert!(acquaintances.recognize(&frame).is_some());
    acquaintances.forget_all();
    assert_eq!(acquaintances.recognize(&frame), None);
    // Nobody's addresses are those of an empty place.
    let mut nobody = frame;
    nobody[26..34].fill(0);
    assert_eq!(acquaintances.recognize(&nobody), None);
}

#[test]
fn what_the_layers_refuse_or_read_otherwise_is_never_recognized() {
    let (acquaintances, good) = (acquainted(), frame(&[7; 24]));
    let local = LocalAddresses::new([LocalAddress {
        address: OURS.into(),
        prefix_length: 24,
        port: 0,
    }]);
    let mut recognized = 0;
    // Each byte of the headers with each other value, and each length.
    let changed =
        (0..HEADERS_BYTES).flat_map(|place| (0..=u8::MAX).map(move |value| (place, value)));
    let frames = changed.map(|(place, value)| {
        let mut frame = good.clone();
        frame[place] = value;
        frame
    });
    for frame in frames.chain((0..good.len()).map(|length| good[..length].to_vec())) {
        let Some(ordinary) = acquaintances.recognize(&frame) else {
            continue;
        };
        recognized += 1;
        let link = ethernet::parse(&frame, MAC).expect("a sound frame");
        assert_eq!(
            (link.cast, link.ethertype),
            (Cast::Unicast, ethernet::EtherType::Ipv4)
        );
        let arrival = Arrival {
            link_cast: link.cast,
            checksum: ChecksumStatus::Good,
            own_source_allowed: false,
        };
        let packet = &frame[ethernet::HEADER_BYTES..];
        let header = ipv4::receive(packet, arrival, &local).expect("a sound packet");
        assert_eq!(header.protocol, ipv4::PROTOCOL_TCP);
        assert_eq!((header.ecn(), header.ttl), (ordinary.ecn, ordinary.ttl));
        assert_eq!(IpAddr::V4(header.source), IpAddr::V4(ordinary.source));
        assert_eq!(header.destination, ordinary.destination);
        assert_eq!(header.payload_in(packet), ordinary.segment);
    }
    // Source MAC address, type of service, identification, two bits of flags, time to live, checksum, and lengths: most
    // of these say nothing about a packet, and it stays an ordinary one.
    assert!(recognized > 12 * 256, "{recognized}");
}
