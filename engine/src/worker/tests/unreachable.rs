//! Ways that lead nowhere: next hops without an answer, routes that go, and what TCP makes of it.

use std::time::Duration;

use coremill_tcp::error::{ConnectionError, ReceiveError};
use coremill_tcp::options::{ConnectOptions, SocketOptions};
use coremill_tcp::{ConnectionId, Endpoint};

use super::hosts::{CLIENT, Network, SERVER, service};
use crate::clock::Clock;
use crate::options::ServiceKind;
use crate::routes::Routes;
use crate::snapshot::NeighborState;

const ECHO: u16 = 7;
const MESSAGE: &[u8] = b"anyone?";
/// No host of the link has it.
const NOBODY: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 0, 0, 77);

fn network() -> Network {
    Network::new(1, vec![service(ServiceKind::Echo, ECHO)])
}

/// A connection to the server that gives up after `patience` without an answer.
fn connection(network: &mut Network, remote: Endpoint, patience: Duration) -> ConnectionId {
    let options = ConnectOptions {
        source: CLIENT.into(),
        source_port: None,
        remote,
        mtu: 1_500,
        cookie: u64::MAX,
        socket: SocketOptions {
            user_timeout_millis: patience.as_millis() as u32,
            ..SocketOptions::default()
        },
    };
    let now = network.clock.now();
    let connected = network.client.shard().connect(now, &options, &|_| true);
    connected.expect("room")
}

/// One that is open, with something on its way.
fn established(network: &mut Network, patience: Duration) -> ConnectionId {
    let remote = Endpoint::new(SERVER.into(), ECHO);
    let id = connection(network, remote, patience);
    network.turn(20);
    send(network, id);
    network.turn(20);
    // Errors are told after all that came.
    let now = network.clock.now();
    network.client.shard().consume(now, id, MESSAGE.len());
    id
}

fn send(network: &mut Network, id: ConnectionId) {
    let now = network.clock.now();
    let sent = network.client.shard().send(now, id, MESSAGE);
    assert_eq!(sent, Ok(MESSAGE.len()));
}

fn failure(network: &mut Network, id: ConnectionId) -> Option<ConnectionError> {
    match network.client.shard().receive_slice(id) {
        Err(ReceiveError::Failed(error)) => Some(error),
        _ => None,
    }
}

fn server_state(network: &Network) -> Option<NeighborState> {
    let mut rows = Vec::with_capacity(16);
    let neighbors = &network.client.workers[0].neighbors;
    assert_eq!(neighbors.rows(network.clock.now(), 0, &mut rows), None);
    let row = rows.iter().find(|row| row.address == SERVER)?;
    Some(row.state)
}

/// Looks at the way again, and ARP packets of the client's.
fn counted(network: &Network) -> (u64, u64) {
    let engine = &network.client.handles[0].counters().engine;
    (engine.paths_doubted.get(), engine.arp_sent.get())
}

#[test]
fn connecting_to_whom_nobody_knows_ends_with_the_last_request() {
    let mut network = network();
    let remote = Endpoint::new(NOBODY.into(), ECHO);
    let id = connection(&mut network, remote, Duration::ZERO);
    network.pass(Duration::from_millis(2_900));
    assert_eq!(failure(&mut network, id), None, "it may still answer");
    network.pass(Duration::from_millis(200));
    let failed = Some(ConnectionError::HostUnreachable);
    assert_eq!(failure(&mut network, id), failed);
    assert_eq!(
        network.client.workers[0].live_records(),
        1,
        "until it is closed"
    );
}

// RFC 9293, SHLD-10: from R1 on the way is looked at again; MUST-56: and only that.
#[test]
fn an_open_connection_doubts_its_neighbour_and_tells_why_it_ended() {
    let mut network = network();
    let id = established(&mut network, Duration::from_secs(20));
    assert_eq!(server_state(&network), Some(NeighborState::Reachable));
    network.server.workers[0].ports[0].port.is_down = true;
    send(&mut network, id);
    network.pass(Duration::from_secs(1));
    let (doubted, asked) = counted(&network);
    assert_eq!(doubted, 0, "two retransmissions are nothing yet");
    network.pass(Duration::from_secs(3));
    assert_eq!(
        counted(&network),
        (2, asked),
        "it was heard of a moment ago"
    );
    network.pass(Duration::from_millis(2_500));
    assert_eq!(counted(&network), (3, asked + 1));
    assert_eq!(server_state(&network), Some(NeighborState::Probe));
    assert_eq!(failure(&mut network, id), None);
    network.pass(Duration::from_secs(18));
    let failed = Some(ConnectionError::HostUnreachable);
    assert_eq!(failure(&mut network, id), failed);
}

#[test]
fn a_neighbour_that_is_back_is_found_and_the_connection_goes_on() {
    let mut network = network();
    let id = established(&mut network, Duration::from_secs(60));
    network.server.workers[0].ports[0].port.is_down = true;
    send(&mut network, id);
    network.pass(Duration::from_secs(12));
    assert_eq!(server_state(&network), Some(NeighborState::Failed));
    network.server.workers[0].ports[0].port.is_down = false;
    network.pass(Duration::from_secs(15));
    assert_eq!(failure(&mut network, id), None);
    assert_eq!(server_state(&network), Some(NeighborState::Reachable));
    let now = network.clock.now();
    let row = network.client.shard().tcp_info(now, id).expect("open");
    assert_eq!(
        (row.retransmits, row.unacked),
        (0, 0),
        "all is acknowledged"
    );
}

#[test]
fn a_route_that_goes_is_told_when_the_connection_ends() {
    let mut network = network();
    let id = established(&mut network, Duration::from_secs(3));
    let routes = &mut network.client.workers[0].routes;
    routes.remove(CLIENT.into(), 24).expect("the only route");
    send(&mut network, id);
    network.pass(Duration::from_secs(2));
    assert_eq!(failure(&mut network, id), None, "it may come back");
    network.pass(Duration::from_secs(2));
    let failed = Some(ConnectionError::NetworkUnreachable);
    assert_eq!(failure(&mut network, id), failed);
}
