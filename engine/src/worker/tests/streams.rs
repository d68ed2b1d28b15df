//! TCP between hosts: to one worker and over several, inside, refused, and with full rings.

use std::net::SocketAddr;

use coremill_tcp::error::{ConnectionError, ReceiveError};
use coremill_tcp::{ConnectionId, DropReason as TcpDropReason};

use super::hosts::{Host, HostOptions, Network, SERVER, service};
use crate::clock::Clock;
use crate::command::Command;
use crate::drop_reason::LinkDropReason;
use crate::options::{ServiceKind, ServiceOptions};
use crate::snapshot::ServiceRow;

const ECHO: u16 = 7;
const HTTP: u16 = 80;

/// Everything that has arrived on the client's connection; true at the end of the stream.
fn read(network: &mut Network, id: ConnectionId, into: &mut Vec<u8>) -> bool {
    let now = network.clock.now();
    let shard = network.client.shard();
    loop {
        let piece = match shard.receive_slice(id) {
            Ok(piece) => piece.len(),
            Err(ReceiveError::EndOfStream) => return true,
            Err(error) => panic!("{error}"),
        };
        if piece == 0 {
            return false;
        }
        into.extend_from_slice(shard.receive_slice(id).expect("just seen"));
        shard.consume(now, id, piece);
    }
}

fn send(network: &mut Network, id: ConnectionId, data: &[u8]) {
    let now = network.clock.now();
    let sent = network.client.shard().send(now, id, data);
    assert_eq!(sent, Ok(data.len()));
}

/// Opens `count` connections, sends a line of its own on each, and expects it back.
fn echo_on(network: &mut Network, count: usize) {
    let ids = network.connect_all(count, ECHO);
    for (number, id) in ids.iter().enumerate() {
        send(network, *id, format!("this is number {number}").as_bytes());
    }
    network.turn(60);
    for (number, id) in ids.iter().enumerate() {
        let mut answer = Vec::new();
        assert!(!read(network, *id, &mut answer));
        assert_eq!(answer, format!("this is number {number}").as_bytes());
    }
    for id in ids {
        let now = network.clock.now();
        network.client.shard().close(now, id);
    }
    network.turn(60);
}

#[test]
fn one_worker_echoes() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, ECHO)]);
    echo_on(&mut network, 8);
    assert_eq!(network.server.all_drops(), []);
    assert_eq!(network.client.all_drops(), []);
    network.pass(std::time::Duration::from_millis(500));
    assert_eq!(network.server.workers[0].live_records(), 0);
    assert_eq!(network.client.workers[0].live_records(), 0);
    assert_eq!(
        network.pool.free() + spares(&network),
        network.pool.capacity()
    );
}

#[test]
fn strays_reach_their_worker_and_none_is_lost() {
    let mut network = Network::new(2, vec![service(ServiceKind::Echo, ECHO)]);
    echo_on(&mut network, 64);
    assert_eq!(network.server.all_drops(), []);
    let counters = |worker: usize| network.server.handles[worker].counters();
    let sent = counters(0).engine.strays_sent.get();
    assert!(sent > 64, "{sent} strays");
    assert_eq!(sent, counters(1).engine.strays_received.get());
    for worker in 0..2 {
        let opened = network.server.handles[worker]
            .tcp_counters()
            .passive_opens
            .get();
        assert!(opened > 10, "worker {worker} opened {opened}");
    }
}

#[test]
fn events_that_never_end_leave_room_to_accept() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, ECHO)]);
    let ids = network.connect_all(8, ECHO);
    network.server.workers[0].turn.events_max = 1;
    network.connect(ECHO).expect("a connection");
    for _ in 0..400 {
        for id in &ids {
            send(&mut network, *id, b"x");
        }
        network.turn(1);
    }
    let rows = Vec::with_capacity(1);
    let handle = network.server.handles[0].clone();
    handle.submit(Command::Services { rows }).expect("room");
    network.turn(1);
    let Some(Command::Services { rows }) = handle.take_answer() else {
        panic!("no answer");
    };
    assert_eq!(rows[0].connections_total, 9);
}

#[test]
fn a_full_ring_drops_under_its_own_reason() {
    let mut network = Network::with(HostOptions {
        workers: 2,
        services: vec![service(ServiceKind::Echo, ECHO)],
        stray_ring_length: 1,
        local_through_port: false,
    });
    for _ in 0..64 {
        network.connect(ECHO).expect("a connection");
    }
    network.turn(20);
    assert!(network.server.drops(LinkDropReason::StrayRingFull) > 0);
}

#[test]
fn a_page_is_fetched() {
    let http = |listening| ServiceKind::Http {
        listening,
        body_bytes: 10_000,
    };
    let mut network = Network::new(1, vec![service(http, HTTP)]);
    let id = network.connect(HTTP).expect("a connection");
    network.turn(20);
    send(
        &mut network,
        id,
        b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    );
    network.turn(60);
    let mut answer = Vec::new();
    assert!(read(&mut network, id, &mut answer), "closed by the server");
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n");
    assert_eq!(answer.len() - body.expect("a header") - 4, 10_000);
}

#[test]
fn segments_that_a_new_way_does_not_take_get_smaller() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, ECHO)]);
    network.give_client_a_dead_port(0);
    let id = network.connect(ECHO).expect("a connection");
    network.turn(20);
    let client = &mut network.client.workers[0];
    client.ports[0].mtu = 600;
    client.widest_port = 1;
    send(&mut network, id, &[7; 5_000]);
    network.pass(std::time::Duration::from_secs(2));
    let mut answer = Vec::new();
    read(&mut network, id, &mut answer);
    assert_eq!(answer.len(), 5_000);
    assert!(network.client.drops(LinkDropReason::PacketTooBig) > 0);
}

#[test]
fn a_closed_port_refuses() {
    let mut network = Network::new(2, Vec::new());
    let ids: Vec<_> = (0..8)
        .map(|_| network.connect(9).expect("a connection"))
        .collect();
    network.turn(20);
    for id in ids {
        assert_eq!(
            network.client.shard().error(id),
            Some(ConnectionError::Refused)
        );
    }
    assert_eq!(network.server.drops(TcpDropReason::NoSocket), 8);
}

fn rpc_to(address: SocketAddr) -> ServiceOptions {
    ServiceOptions {
        name: String::from("rpc"),
        kind: ServiceKind::Rpc {
            target: address,
            connections: 4,
            request_bytes: 64,
            requests: 0,
        },
    }
}

fn requests_of(host: &mut Host, worker: usize) -> u64 {
    let rows: Vec<ServiceRow> = Vec::with_capacity(4);
    let command = Command::Services { rows };
    host.handles[worker].submit(command).expect("room");
    host.workers[worker].turn();
    let Some(Command::Services { rows }) = host.handles[worker].take_answer() else {
        panic!("no answer");
    };
    let rpc = rows.iter().find(|row| row.kind == "rpc").expect("its row");
    assert_eq!((rpc.errors, rpc.mismatches), (0, 0));
    rpc.requests
}

#[test]
fn our_own_address_is_served_inside() {
    for workers in [1, 2] {
        let target = SocketAddr::new(SERVER.into(), ECHO);
        let services = vec![service(ServiceKind::Echo, ECHO), rpc_to(target)];
        let mut network = Network::new(workers, services);
        network.turn(400);
        for worker in 0..workers {
            let requests = requests_of(&mut network.server, worker);
            assert!(requests > 50, "worker {worker} of {workers}: {requests}");
            let engine = &network.server.handles[worker].counters().engine;
            assert!(engine.local_packets.get() > requests);
            let came = engine.local_packets.get() + engine.strays_received.get();
            assert_eq!(
                came,
                engine.delivered_packets.get(),
                "each is accounted for"
            );
            assert_eq!(engine.received_packets.get(), 0, "no port was touched");
        }
        assert_eq!(network.server.all_drops(), []);
    }
}

#[test]
fn a_route_takes_our_own_packets_through_the_port() {
    let target = SocketAddr::new(SERVER.into(), ECHO);
    let mut network = Network::with(HostOptions {
        workers: 1,
        services: vec![service(ServiceKind::Echo, ECHO), rpc_to(target)],
        stray_ring_length: 64,
        local_through_port: true,
    });
    // The link leads back: the client stays out of it.
    for _ in 0..400 {
        network.clock.advance(std::time::Duration::from_micros(10));
        network.server.workers[0].turn();
    }
    assert!(requests_of(&mut network.server, 0) > 50);
    let engine = &network.server.handles[0].counters().engine;
    assert_eq!(engine.local_packets.get(), 0);
    assert_eq!(engine.arp_sent.get(), 0, "our own MAC address is known");
    assert!(engine.received_packets.get() > 100);
    assert_eq!(network.server.all_drops(), []);
}

/// Packets that workers keep for TCP's next segment.
fn spares(network: &Network) -> usize {
    let workers = network.client.workers.iter().chain(&network.server.workers);
    workers.map(|worker| worker.spares.len()).sum()
}
