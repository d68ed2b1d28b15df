//! Below TCP: echo, ARP, unreachable ports and neighbours.

use std::time::Duration;

use coremill_tcp::checksum::{self, Sum};

use super::hosts::{CLIENT, Network, SERVER, service};
use crate::drop_reason::LinkDropReason;
use crate::ipv4::{self, PROTOCOL_ICMP, PROTOCOL_UDP};
use crate::nic::Buffer;
use crate::nic::heap_buffer::HeapBuffer;
use crate::options::{ServiceKind, TurnOptions};

/// An IP packet of the client's to `destination`.
fn packet(network: &Network, protocol: u8, payload: &[u8]) -> HeapBuffer {
    let mut packet = network.pool.allocate().expect("a packet");
    packet
        .append(payload.len())
        .expect("room")
        .copy_from_slice(payload);
    let header = ipv4::Header {
        source: CLIENT,
        destination: SERVER,
        protocol,
        tos: 0,
        ttl: 64,
        identification: None,
    };
    header.prepend(&mut packet, true).expect("headroom");
    packet
}

#[test]
fn an_echo_request_resolves_the_neighbour_and_is_answered() {
    let mut network = Network::new(2, Vec::new());
    let mut request = *b"\x08\x00\x00\x00\x12\x34\x00\x01hello";
    checksum::fill(&mut request, 2, Sum::default());
    let packet = packet(&network, PROTOCOL_ICMP, &request);
    network.client.workers[0].send_icmp(SERVER.into(), packet);
    network.turn(6);
    let client = &network.client.handles[0].counters().engine;
    assert_eq!(client.arp_sent.get(), 1, "one request");
    assert_eq!(client.icmp_received.get(), 1, "the reply");
    let server = &network.server.handles[0].counters().engine;
    assert_eq!((server.arp_sent.get(), server.icmp_sent.get()), (1, 1));
    // The client asked for nothing that a reply answers: it has no ping of its own.
    assert_eq!(network.client.drops(LinkDropReason::IcmpIgnored), 1);
    assert_eq!(network.server.all_drops(), [], "nothing was lost");
    let neighbours = |worker: usize| network.server.workers[worker].neighbors.len();
    assert_eq!(
        (neighbours(0), neighbours(1)),
        (1, 1),
        "both workers learned"
    );
}

#[test]
fn a_datagram_that_nobody_takes_is_answered() {
    let mut network = Network::new(1, Vec::new());
    let packet = packet(&network, PROTOCOL_UDP, &[0, 9, 0, 9, 0, 8, 0, 0]);
    network.client.workers[0].send_icmp(SERVER.into(), packet);
    network.turn(6);
    assert_eq!(network.server.drops(LinkDropReason::UdpNoSocket), 1);
    assert_eq!(
        network.server.handles[0].counters().engine.icmp_sent.get(),
        1
    );
    assert_eq!(
        network.client.handles[0]
            .counters()
            .engine
            .icmp_received
            .get(),
        1
    );
}

#[test]
fn a_neighbour_that_does_not_answer_is_given_up() {
    let mut network = Network::new(1, Vec::new());
    let packet = packet(&network, PROTOCOL_UDP, &[0; 8]);
    let nobody = std::net::Ipv4Addr::new(10, 0, 0, 77);
    network.client.workers[0].send_icmp(nobody.into(), packet);
    network.pass(Duration::from_secs(4));
    assert_eq!(network.client.drops(LinkDropReason::NeighborFailed), 1);
    assert_eq!(
        network.client.handles[0].counters().engine.arp_sent.get(),
        3
    );
    assert_eq!(
        network.pool.free(),
        network.pool.capacity(),
        "the packet went back"
    );
}

#[test]
fn announcements_tell_every_address() {
    let mut network = Network::new(1, Vec::new());
    network.server.workers[0].announce();
    network.turn(2);
    assert_eq!(
        network.server.handles[0].counters().engine.arp_sent.get(),
        1
    );
    assert_eq!(
        network.client.handles[0]
            .counters()
            .engine
            .arp_received
            .get(),
        1
    );
}

#[test]
fn garbage_is_counted_packet_for_packet() {
    let mut network = Network::new(2, Vec::new());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 0..1_500_usize {
        let mut frame = network.pool.allocate().expect("a packet");
        let room = frame.append(length).expect("room");
        for byte in room.iter_mut() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
        // Half of them get past the link layer.
        if length.is_multiple_of(2) && length >= 14 {
            room[..6].copy_from_slice(&[2, 0, 0, 0, 0, 2]);
            room[12..14].copy_from_slice(&[8, 0]);
        }
        let port = &mut network.client.workers[0].ports[0];
        assert!(port.queue(frame, &Default::default()));
        network.turn(1);
    }
    let engine = &network.server.handles[0].counters().engine;
    assert_eq!(engine.received_packets.get(), 1_500);
    let dropped: u64 = network
        .server
        .all_drops()
        .iter()
        .map(|(_, count)| count)
        .sum();
    assert_eq!(dropped + engine.delivered_packets.get(), 1_500);
}

#[test]
fn a_port_that_is_down_does_not_hold_up_the_others() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, 7)]);
    network.give_client_a_dead_port(TurnOptions::default().transmit_max);
    network.pass(Duration::from_millis(200));
    network.connect(7).expect("a connection");
    network.pass(Duration::from_millis(10));
    let opened = &network.server.handles[0].tcp_counters().passive_opens;
    assert_eq!(opened.get(), 1);
}
