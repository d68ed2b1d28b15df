use coremill_tcp::packet::Unreachable;
use etherparse::{
    Icmpv4Header, Icmpv4Type, IpNumber, Ipv4Header, LaxSlicedPacket, PacketBuilder, SlicedPacket,
    TransportSlice, icmpv4,
};
use proptest::prelude::*;

use super::*;
use crate::ipv4::{Arrival, Packet};
use crate::nic::ChecksumStatus;
use crate::test_packet::{HeapBuffer, OURS, PEER, buffer_of, local_addresses};

fn received(bytes: &[u8]) -> Packet {
    let arrival = Arrival {
        link_cast: Cast::Unicast,
        checksum: ChecksumStatus::Unknown,
        own_source_allowed: false,
    };
    ipv4::receive(bytes, arrival, &local_addresses()).unwrap()
}

fn parsed(bytes: &[u8]) -> Result<Message, LinkDropReason> {
    let packet = received(bytes);
    parse(&packet, packet.payload_in(bytes))
}

/// A packet from the peer to us.
fn message(kind: Icmpv4Type, payload: &[u8]) -> Vec<u8> {
    let header = Icmpv4Header::with_checksum(kind, payload);
    let length = (header.header_len() + payload.len()) as u16;
    let mut ip = Ipv4Header::new(length, 64, IpNumber::ICMP, PEER.octets(), OURS.octets()).unwrap();
    ip.header_checksum = ip.calc_header_checksum();
    [&ip.to_bytes()[..], &header.to_bytes(), payload].concat()
}

fn echo(payload: &[u8]) -> Vec<u8> {
    let echo = etherparse::IcmpEchoHeader { id: 7, seq: 9 };
    message(Icmpv4Type::EchoRequest(echo), payload)
}

/// A TCP segment of ours to the peer.
fn segment() -> Vec<u8> {
    let builder = PacketBuilder::ipv4(OURS.octets(), PEER.octets(), 64);
    let mut bytes = Vec::new();
    builder
        .tcp(80, 40_000, 0x0102_0304, 1_000)
        .write(&mut bytes, b"payload")
        .unwrap();
    bytes
}

fn unreachable(code: icmpv4::DestUnreachableHeader, quote: &[u8]) -> Vec<u8> {
    message(Icmpv4Type::DestinationUnreachable(code), quote)
}

#[test]
fn an_echo_is_answered_in_place() {
    for payload in [&b""[..], b"odd", b"even", &[0xff; 1_400]] {
        let request = echo(payload);
        let padded = [&request[..], &[0; 6]].concat();
        assert_eq!(parsed(&padded), Ok(Message::EchoRequest));
        let mut buffer = buffer_of(&padded);
        echo_reply(&mut buffer, &received(&padded), 0x1234, 64, true).unwrap();
        let reply = SlicedPacket::from_ip(buffer.data()).unwrap();
        let Some(etherparse::NetSlice::Ipv4(ip)) = &reply.net else {
            panic!("{reply:?}");
        };
        assert_eq!(ip.header().source_addr(), OURS);
        assert_eq!(ip.header().destination_addr(), PEER);
        assert_eq!(ip.header().identification(), 0x1234);
        assert!(!ip.header().dont_fragment());
        let Some(TransportSlice::Icmpv4(icmp)) = &reply.transport else {
            panic!("{reply:?}");
        };
        let answer = etherparse::IcmpEchoHeader { id: 7, seq: 9 };
        assert_eq!(icmp.icmp_type(), Icmpv4Type::EchoReply(answer));
        let right = icmp.icmp_type().calc_checksum(icmp.payload());
        assert_eq!(icmp.checksum(), right);
        assert_eq!(icmp.payload(), payload);
        assert_eq!(buffer.data().len(), request.len());
    }
}

#[test]
fn options_of_the_request_are_not_echoed() {
    let mut request = echo(b"data");
    let mut ip = Ipv4Header::from_slice(&request).unwrap().0;
    ip.options = etherparse::Ipv4Options::try_from(&[1, 1, 1, 0][..]).unwrap();
    ip.set_payload_len(12).unwrap();
    ip.header_checksum = ip.calc_header_checksum();
    request = [&ip.to_bytes()[..], &request[20..]].concat();
    let mut buffer = buffer_of(&request);
    echo_reply(&mut buffer, &received(&request), 0, 64, true).unwrap();
    assert_eq!(buffer.data().len(), 32);
    assert!(SlicedPacket::from_ip(buffer.data()).is_ok());
}

#[test]
fn a_bad_checksum_or_short_message_is_malformed() {
    let mut bytes = echo(b"data");
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(parsed(&bytes), Err(LinkDropReason::IcmpMalformed));
    let packet = received(&echo(b""));
    for length in 0..HEADER_BYTES {
        let short = parse(&packet, &[0; HEADER_BYTES][..length]);
        assert_eq!(short, Err(LinkDropReason::IcmpMalformed));
    }
}

#[test]
fn echoes_to_a_broadcast_address_and_answers_are_ignored() {
    let bytes = echo(b"data");
    let mut packet = received(&bytes);
    packet.cast = Cast::Broadcast;
    let ignored = Err(LinkDropReason::IcmpIgnored);
    assert_eq!(parse(&packet, packet.payload_in(&bytes)), ignored);
    let answer = etherparse::IcmpEchoHeader { id: 1, seq: 1 };
    assert_eq!(
        parsed(&message(Icmpv4Type::EchoReply(answer), b"")),
        ignored
    );
}

#[test]
fn errors_name_the_flow_from_our_side() {
    use icmpv4::DestUnreachableHeader as Code;
    let next_hop_mtu = 1_400;
    let cases = [
        (Code::Network, Unreachable::Network),
        (Code::Host, Unreachable::Host),
        (Code::Protocol, Unreachable::Protocol),
        (Code::Port, Unreachable::Port),
        (
            Code::FragmentationNeeded { next_hop_mtu },
            Unreachable::TooBig { mtu: 1_400 },
        ),
        (Code::FilterProhibited, Unreachable::Prohibited),
        (Code::SourceRouteFailed, Unreachable::Other),
    ];
    for (code, error) in cases {
        // As little as RFC 792 asks for, and all of it.
        for quote in [&segment()[..28], &segment()] {
            let Ok(Message::Error(quoted)) = parsed(&unreachable(code.clone(), quote)) else {
                panic!("{code:?}");
            };
            assert_eq!(quoted.error, error);
            assert_eq!(quoted.sequence, 0x0102_0304);
            assert_eq!(
                quoted.flow.local,
                coremill_tcp::Endpoint::new(OURS.into(), 80)
            );
            assert_eq!(
                quoted.flow.remote,
                coremill_tcp::Endpoint::new(PEER.into(), 40_000)
            );
        }
    }
}

#[test]
fn time_exceeded_is_soft_and_redirects_are_ignored() {
    let exceeded = Icmpv4Type::TimeExceeded(icmpv4::TimeExceededCode::TtlExceededInTransit);
    let Ok(Message::Error(quoted)) = parsed(&message(exceeded, &segment())) else {
        panic!();
    };
    assert_eq!(quoted.error, Unreachable::Other);
    let redirect = Icmpv4Type::Unknown {
        type_u8: 5,
        code_u8: 1,
        bytes5to8: [10, 0, 0, 9],
    };
    assert_eq!(
        parsed(&message(redirect, &segment())),
        Err(LinkDropReason::IcmpIgnored)
    );
}

#[test]
fn quotes_of_nothing_of_ours_are_refused() {
    use icmpv4::DestUnreachableHeader::Host;
    let ignored = Err(LinkDropReason::IcmpIgnored);
    let mut foreign = segment();
    foreign[12..16].copy_from_slice(&PEER.octets());
    assert_eq!(parsed(&unreachable(Host, &foreign)), ignored);
    let mut udp = segment();
    udp[9] = ipv4::PROTOCOL_UDP;
    assert_eq!(parsed(&unreachable(Host, &udp)), ignored);
    let mut later_fragment = segment();
    later_fragment[7] = 5;
    assert_eq!(parsed(&unreachable(Host, &later_fragment)), ignored);
    for length in 0..28 {
        let short = parsed(&unreachable(Host, &segment()[..length]));
        assert_eq!(short, Err(LinkDropReason::IcmpMalformed), "{length}");
    }
}

fn reported(problem: Problem, original: &[u8]) -> HeapBuffer {
    let mut buffer = buffer_of(&[]);
    error_packet(&mut buffer, problem, original, (OURS, PEER), 64, true).unwrap();
    buffer
}

#[test]
fn an_error_is_what_the_oracle_reads() {
    let original = vec![0x45; 1_500];
    for length in [28, 100, 548, 549, 1_500] {
        let buffer = reported(Problem::PortUnreachable, &original[..length]);
        let packet = LaxSlicedPacket::from_ip(buffer.data()).unwrap();
        let Some(TransportSlice::Icmpv4(icmp)) = &packet.transport else {
            panic!("{packet:?}");
        };
        let port = icmpv4::DestUnreachableHeader::Port;
        assert_eq!(icmp.icmp_type(), Icmpv4Type::DestinationUnreachable(port));
        let right = icmp.icmp_type().calc_checksum(icmp.payload());
        assert_eq!(icmp.checksum(), right);
        assert_eq!(icmp.payload(), &original[..length.min(548)]);
        assert!(buffer.data().len() <= 576);
    }
    let pointer = reported(Problem::Parameter { pointer: 21 }, &original);
    assert_eq!(pointer.data()[20..22], [12, 0]);
    assert_eq!(pointer.data()[24], 21);
}

#[test]
fn only_what_may_be_answered_is() {
    let answerable =
        |bytes: &[u8], link_cast| errors::may_answer(&received(bytes), bytes, link_cast);
    let request = echo(b"");
    assert!(answerable(&request, Cast::Unicast));
    assert!(!answerable(&request, Cast::Broadcast));
    let error = unreachable(icmpv4::DestUnreachableHeader::Host, &segment());
    assert!(!answerable(&error, Cast::Unicast));
    let mut packet = received(&request);
    packet.cast = Cast::Broadcast;
    assert!(!errors::may_answer(&packet, &request, Cast::Unicast));
    packet.cast = Cast::Unicast;
    packet.source = Ipv4Addr::LOCALHOST;
    assert!(!errors::may_answer(&packet, &request, Cast::Unicast));
    // An ICMP message too short for a type might be an error.
    let packet = received(&request);
    assert!(!errors::may_answer(&packet, &request[..20], Cast::Unicast));
}

proptest! {
    #[test]
    fn any_message_ends_in_something_named(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        kind in prop::sample::select(vec![0u8, 3, 5, 8, 11, 12, 13, 200]),
        right_checksum: bool,
        right_quote: bool,
    ) {
        let packet = received(&echo(b""));
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        if right_quote && bytes.len() >= 28 {
            bytes[8] = 0x45;
            bytes[17] = ipv4::PROTOCOL_TCP;
            bytes[20..24].copy_from_slice(&OURS.octets());
        }
        if right_checksum {
            checksum::fill(&mut bytes, CHECKSUM_OFFSET, Sum::default());
        }
        match parse(&packet, &bytes) {
            Ok(Message::EchoRequest) => prop_assert!(kind == 8 && bytes[1] == 0),
            Ok(Message::Error(quoted)) => {
                prop_assert!(bytes.len() >= 36);
                prop_assert_eq!(quoted.flow.local.address, std::net::IpAddr::V4(OURS));
            }
            Err(reason) => prop_assert!(matches!(
                reason,
                LinkDropReason::IcmpMalformed | LinkDropReason::IcmpIgnored
            )),
        }
    }
}
