//! Commands: draining, stopping, and rows.

use coremill_tcp::Endpoint;
use coremill_tcp::options::{ConnectOptions, SocketOptions};

use super::hosts::{Network, SERVER, service};
use crate::clock::Clock;
use crate::command::{Command, SocketFilter};
use crate::options::{RouteOptions, ServiceKind};

#[test]
fn stop_is_answered_and_ends_the_loop() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, 7)]);
    assert!(network.server.workers[0].turn());
    network.server.handles[0]
        .submit(Command::Stop)
        .expect("room");
    assert!(!network.server.workers[0].turn());
    assert!(matches!(
        network.server.handles[0].take_answer(),
        Some(Command::Stop)
    ));
    assert!(network.server.handles[0].take_answer().is_none());
}

#[test]
fn peers_of_a_stopped_worker_are_told() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, 7)]);
    let ids = network.connect_all(100, 7);
    network.server.handles[0]
        .submit(Command::Stop)
        .expect("room");
    assert!(!network.server.workers[0].turn());
    assert_eq!(network.server.workers[0].live_records(), 0);
    // The client takes 32 packets a turn; the server is gone.
    network.turn_client(10);
    for id in ids {
        let error = network.client.shard().error(id);
        assert_eq!(error, Some(coremill_tcp::error::ConnectionError::Reset));
    }
}

#[test]
fn peers_are_told_although_connections_to_ourselves_are_many() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, 7)]);
    let now = network.clock.now();
    for _ in 0..100 {
        let options = ConnectOptions {
            source: SERVER.into(),
            source_port: None,
            remote: Endpoint::new(SERVER.into(), 7),
            mtu: 1_500,
            cookie: u64::MAX,
            socket: SocketOptions::default(),
        };
        let shard = network.server.shard();
        shard.connect(now, &options, &|_| true).expect("room");
        network.turn(10);
    }
    let ids = network.connect_all(20, 7);
    network.server.handles[0]
        .submit(Command::Stop)
        .expect("room");
    assert!(!network.server.workers[0].turn());
    network.turn_client(10);
    for id in ids {
        let error = network.client.shard().error(id);
        assert_eq!(error, Some(coremill_tcp::error::ConnectionError::Reset));
    }
}

#[test]
fn draining_closes_listeners() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, 7)]);
    let listeners = |network: &mut Network| {
        let rows = Vec::with_capacity(8);
        let handle = &network.server.handles[0];
        handle.submit(Command::Listeners { rows }).expect("room");
        network.server.workers[0].turn();
        match network.server.handles[0].take_answer() {
            Some(Command::Listeners { rows }) => rows.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(listeners(&mut network), 1);
    network.server.handles[0]
        .submit(Command::Drain)
        .expect("room");
    network.turn(1);
    assert!(matches!(
        network.server.handles[0].take_answer(),
        Some(Command::Drain)
    ));
    assert_eq!(listeners(&mut network), 0);
}

#[test]
fn sockets_come_in_slices_until_the_end() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, 7)]);
    network.connect_all(20, 7);
    let (mut cursor, mut seen) = (None, 0);
    for _ in 0..1_000 {
        let command = Command::Sockets {
            filter: SocketFilter {
                port: Some(7),
                ..SocketFilter::default()
            },
            cursor,
            rows: Vec::with_capacity(8),
        };
        network.server.handles[0].submit(command).expect("room");
        network.turn(1);
        let Some(Command::Sockets {
            cursor: next, rows, ..
        }) = network.server.handles[0].take_answer()
        else {
            panic!("no answer");
        };
        seen += rows.len();
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((cursor, seen), (None, 20));
}

#[test]
fn routes_can_be_added_and_removed() {
    let mut network = Network::new(1, Vec::new());
    let options = RouteOptions {
        network: [192, 168, 0, 0].into(),
        prefix_length: 16,
        gateway: Some([10, 0, 0, 1].into()),
        port: 0,
        source: None,
        local_through_port: false,
    };
    let count = |network: &mut Network, command: Command| {
        let handle = &network.server.handles[0];
        handle.submit(command).expect("room");
        let rows = Vec::with_capacity(8);
        handle.submit(Command::Routes { rows }).expect("room");
        network.turn(1);
        network.server.handles[0].take_answer().expect("an answer");
        match network.server.handles[0].take_answer() {
            Some(Command::Routes { rows }) => rows.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(count(&mut network, Command::AddRoute(options.clone())), 2);
    assert_eq!(count(&mut network, Command::RemoveRoute(options)), 1);
}

#[test]
fn no_more_commands_than_there_is_room_for_answers() {
    let mut network = Network::new(1, Vec::new());
    let handle = network.server.handles[0].clone();
    let mut accepted = 0;
    for _ in 0..1_000 {
        while handle.submit(Command::Drain).is_ok() {
            accepted += 1;
        }
        network.turn(1);
    }
    assert_eq!(accepted, 2 * crate::handle::MAILBOX_LENGTH);
    let mut answers = 0;
    while handle.take_answer().is_some() {
        answers += 1;
        network.turn(1);
    }
    assert_eq!(answers, accepted);
}
