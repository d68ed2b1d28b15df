use etherparse::{ArpEthIpv4Packet, ArpOperation, ArpPacketSlice, Ethernet2Header};
use proptest::prelude::*;

use super::*;
use crate::test_packet::{OUR_MAC, OURS, PEER, PEER_MAC, local_addresses};

/// A packet from the peer as the oracle writes it.
fn written(operation: ArpOperation, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let packet = ArpEthIpv4Packet {
        operation,
        sender_mac: PEER_MAC,
        sender_ipv4: sender.octets(),
        target_mac: if operation == ArpOperation::REPLY {
            OUR_MAC
        } else {
            [0; 6]
        },
        target_ipv4: target.octets(),
    };
    packet.to_bytes().to_vec()
}

fn received(payload: &[u8]) -> Outcome {
    receive(payload, OUR_MAC, &local_addresses())
}

fn read(frame: &Frame) -> (Ethernet2Header, ArpEthIpv4Packet) {
    let (header, rest) = Ethernet2Header::from_slice(frame).unwrap();
    let packet = ArpPacketSlice::from_slice(rest).unwrap().to_packet();
    (header, packet.try_eth_ipv4().unwrap())
}

fn observation(solicited: bool, create: bool) -> Observation {
    Observation {
        address: PEER.into(),
        mac: PEER_MAC,
        solicited,
        create,
    }
}

#[test]
fn a_request_for_us_is_answered_and_learned() {
    let outcome = received(&written(ArpOperation::REQUEST, PEER, OURS));
    let Outcome::Reply {
        frame,
        observation: learned,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(learned, Some(observation(false, true)));
    let (header, packet) = read(&frame);
    assert_eq!((header.destination, header.source), (PEER_MAC, OUR_MAC));
    assert_eq!(packet.operation, ArpOperation::REPLY);
    assert_eq!(
        (packet.sender_mac, packet.sender_ipv4),
        (OUR_MAC, OURS.octets())
    );
    assert_eq!(
        (packet.target_mac, packet.target_ipv4),
        (PEER_MAC, PEER.octets())
    );
}

#[test]
fn an_answer_to_us_is_learned() {
    let outcome = received(&written(ArpOperation::REPLY, PEER, OURS));
    assert_eq!(outcome, Outcome::Learned(observation(true, false)));
}

#[test]
fn what_others_say_to_others_is_learned_for_known_neighbours_only() {
    let other = Ipv4Addr::new(10, 0, 0, 9);
    for (operation, target) in [
        (ArpOperation::REQUEST, other),
        (ArpOperation::REPLY, other),
        // An announcement (RFC 5227).
        (ArpOperation::REQUEST, PEER),
    ] {
        let outcome = received(&written(operation, PEER, target));
        assert_eq!(outcome, Outcome::Learned(observation(false, false)));
    }
}

#[test]
fn a_probe_for_our_address_is_answered_but_not_learned() {
    let outcome = received(&written(ArpOperation::REQUEST, Ipv4Addr::UNSPECIFIED, OURS));
    assert!(
        matches!(
            outcome,
            Outcome::Reply {
                observation: None,
                ..
            }
        ),
        "{outcome:?}"
    );
    let other = written(ArpOperation::REQUEST, Ipv4Addr::UNSPECIFIED, PEER);
    assert_eq!(
        received(&other),
        Outcome::Dropped(LinkDropReason::ArpNotForUs)
    );
}

#[test]
fn claims_to_our_address_are_conflicts_or_echoes() {
    let mut claim = written(ArpOperation::REQUEST, OURS, OURS);
    assert_eq!(
        received(&claim),
        Outcome::Dropped(LinkDropReason::ArpConflict)
    );
    claim[8..14].copy_from_slice(&OUR_MAC);
    assert_eq!(
        received(&claim),
        Outcome::Dropped(LinkDropReason::ArpSpoofed)
    );
}

#[test]
fn senders_that_cannot_be_are_refused() {
    let spoofed = Outcome::Dropped(LinkDropReason::ArpSpoofed);
    for sender in [[127, 0, 0, 1], [224, 0, 0, 5], [255; 4], [10, 0, 0, 255]] {
        assert_eq!(
            received(&written(ArpOperation::REQUEST, sender.into(), OURS)),
            spoofed
        );
    }
    let reply_of_nobody = written(ArpOperation::REPLY, Ipv4Addr::UNSPECIFIED, OURS);
    assert_eq!(received(&reply_of_nobody), spoofed);
    for mac in [[0; 6], [0xff; 6], [1, 0, 0x5e, 0, 0, 1]] {
        let mut request = written(ArpOperation::REQUEST, PEER, OURS);
        request[8..14].copy_from_slice(&mac);
        assert_eq!(received(&request), spoofed);
    }
}

#[test]
fn the_kernels_end_of_a_tap_may_share_our_mac_address() {
    let mut request = written(ArpOperation::REQUEST, PEER, OURS);
    request[8..14].copy_from_slice(&OUR_MAC);
    assert!(matches!(received(&request), Outcome::Reply { .. }));
}

#[test]
fn truncated_and_foreign_packets_are_malformed() {
    let whole = written(ArpOperation::REQUEST, PEER, OURS);
    let malformed = Outcome::Dropped(LinkDropReason::ArpMalformed);
    for length in 0..whole.len() {
        assert_eq!(received(&whole[..length]), malformed);
    }
    for index in 0..8 {
        let mut foreign = whole.clone();
        foreign[index] ^= 0x40;
        assert_eq!(received(&foreign), malformed, "byte {index}");
    }
}

#[test]
fn our_own_requests_are_what_the_oracle_reads() {
    let (header, packet) = read(&request(OUR_MAC, OURS, PEER, None));
    assert_eq!(header.destination, ethernet::BROADCAST);
    assert_eq!(packet.operation, ArpOperation::REQUEST);
    assert_eq!(
        (packet.sender_mac, packet.sender_ipv4),
        (OUR_MAC, OURS.octets())
    );
    assert_eq!(
        (packet.target_mac, packet.target_ipv4),
        ([0; 6], PEER.octets())
    );
    let (header, _) = read(&request(OUR_MAC, OURS, PEER, Some(PEER_MAC)));
    assert_eq!(header.destination, PEER_MAC);
    let (_, packet) = read(&announcement(OUR_MAC, OURS));
    assert_eq!(packet.sender_ipv4, packet.target_ipv4);
}

proptest! {
    #[test]
    fn any_bytes_end_in_an_outcome(
        mut payload in prop::collection::vec(any::<u8>(), 0..40),
        for_ipv4: bool,
        to_us: bool,
    ) {
        if for_ipv4 && payload.len() >= 8 {
            payload[..7].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0]);
            payload[7] = 1 + payload[7] % 2;
        }
        if to_us && payload.len() >= 28 {
            payload[24..28].copy_from_slice(&OURS.octets());
        }
        if let (Ok(packet), Outcome::Reply { frame, .. }) = (parse(&payload), received(&payload)) {
            prop_assert_eq!(packet.target, OURS);
            prop_assert_eq!(&frame[..6], &packet.sender_mac[..]);
            prop_assert!(packet.sender_mac[0] & 1 == 0);
        }
    }

    #[test]
    fn what_is_written_is_read(sender: [u8; 6], target: [u8; 6], from: u32, to: u32, reply: bool) {
        let packet = Packet {
            operation: if reply { Operation::Reply } else { Operation::Request },
            sender_mac: sender,
            sender: Ipv4Addr::from_bits(from),
            target_mac: target,
            target: Ipv4Addr::from_bits(to),
        };
        prop_assert_eq!(parse(&packet.frame(target)[14..]), Ok(packet));
    }
}
