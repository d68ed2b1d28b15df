//! What applications do all day: listen, accept, read, write, connect.

use std::collections::BTreeSet;

use coremill_ring::command::{Command, Direction};
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::socket_state::Flags;
use coremill_tcp::error::ReceiveError;

use super::side::{Side, rows};
use super::{PORT, accepted, arrived, close, no_record_is_left, nothing_is_left, send};
use crate::options::ServiceKind;
use crate::worker::tests::hosts::{Network, SERVER, service};

#[test]
fn an_application_echoes() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let id = network.connect(PORT).expect("a connection");
    network.turn(20);
    side.listen_to_events();
    let told =
        |event: &Event| matches!(event, Event::Ready { socket, .. } if *socket == listener.0);
    assert!(side.inbox.iter().any(told), "{:?}", side.inbox);
    let mut connection = side.accept(&mut network, listener).expect("an offer");
    side.subscribe(connection.handle);
    send(&mut network, id, b"hello");
    network.turn(20);
    side.listen_to_events();
    let heard = |event: &Event| matches!(event, Event::Ready { socket, received: 5, unread: Some(_), .. } if *socket == connection.handle);
    assert!(side.inbox.iter().any(heard), "{:?}", side.inbox);
    assert_eq!(side.read(&mut connection), b"hello");
    side.send(&mut connection, b"hello yourself");
    network.turn(20);
    assert_eq!(
        arrived(&mut network, id),
        (b"hello yourself".to_vec(), None)
    );
    assert_eq!(
        side.look(connection.handle)
            .expect("it is open")
            .acknowledged,
        0
    );
    close(&mut network, id);
    network.turn(20);
    let state = side.look(connection.handle).expect("it is open");
    assert!(
        state
            .condition
            .flags
            .contains(Flags::RDHUP.and(Flags::CONNECTED))
    );
    side.say(
        0,
        &Command::Close {
            socket: connection.handle,
        },
        &[],
    );
    network.turn(20);
    assert_eq!(side.look(connection.handle), None);
    let row = rows(&mut network, 0)[0];
    assert_eq!(
        (row.connections, row.listeners, row.receive_chunks_lent),
        (0, 1, 0)
    );
    assert_eq!((row.received_bytes, row.sent_bytes), (5, 14));
    nothing_is_left(&side.detach(&mut network));
    no_record_is_left(&mut network);
}

#[test]
fn a_megabyte_goes_through_few_chunks_both_ways() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (id, mut connection) = accepted(&mut network, &mut side, listener);
    let sent: Vec<u8> = (0..1_u32 << 20)
        .map(|index| (index * 7 / 3) as u8)
        .collect();
    let (mut given, mut received) = (0, Vec::new());
    for _ in 0..20_000 {
        if given < sent.len() {
            given += send(&mut network, id, &sent[given..]);
        }
        network.turn(4);
        received.extend(side.read(&mut connection));
        if received.len() == sent.len() {
            break;
        }
    }
    assert!(
        received == sent,
        "{} of {} bytes",
        received.len(),
        sent.len()
    );
    let (mut given, mut received) = (0, Vec::new());
    while given < sent.len() {
        given += side.fill(&mut network, &mut connection, &sent[given..]);
        network.turn(4);
        received.extend(arrived(&mut network, id).0);
    }
    network.turn(200);
    received.extend(arrived(&mut network, id).0);
    assert!(
        received == sent,
        "{} of {} bytes",
        received.len(),
        sent.len()
    );
    side.say(
        0,
        &Command::Close {
            socket: connection.handle,
        },
        &[],
    );
    network.turn(20);
    assert_eq!(arrived(&mut network, id).1, Some(ReceiveError::EndOfStream));
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn commands_reach_the_worker_that_has_the_socket() {
    let mut network = Network::new(2, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    for round in 0..16_u8 {
        let (id, mut connection) = accepted(&mut network, &mut side, listener);
        send(&mut network, id, &[round; 300]);
        network.turn(20);
        assert_eq!(side.read(&mut connection), [round; 300]);
        side.send(&mut connection, &[round; 200]);
        network.turn(20);
        assert_eq!(arrived(&mut network, id), (vec![round; 200], None));
        side.say(
            0,
            &Command::Close {
                socket: connection.handle,
            },
            &[],
        );
        close(&mut network, id);
        network.turn(20);
    }
    let forwarded = rows(&mut network, 0)[0].commands_forwarded;
    assert!(forwarded > 10, "{forwarded}");
    assert!(rows(&mut network, 1)[0].received_bytes > 300);
    nothing_is_left(&side.detach(&mut network));
    no_record_is_left(&mut network);
}

#[test]
fn an_application_connects_out_of_either_worker() {
    for worker in [0, 1] {
        let echo = vec![service(ServiceKind::Echo, 7)];
        let mut network = Network::new(2, echo);
        let mut side = Side::attach(&mut network, 1);
        let socket = side.open(&mut network, worker);
        side.subscribe(socket);
        let remote = (SERVER, 7).into();
        side.ask(&mut network, worker, |ticket| Command::Connect {
            ticket,
            socket,
            remote,
        })
        .expect("a way");
        network.turn(20);
        let state = side.look(socket).expect("it is open");
        assert!(
            state.condition.flags.contains(Flags::CONNECTED),
            "{state:?}"
        );
        let mut connection = side.connection(socket);
        side.send(&mut connection, b"to oneself");
        network.turn(20);
        assert_eq!(side.read(&mut connection), b"to oneself");
        let refused = side.open(&mut network, worker);
        let remote = (SERVER, 9).into();
        side.ask(&mut network, worker, |ticket| Command::Connect {
            ticket,
            socket: refused,
            remote,
        })
        .expect("a way");
        network.turn(20);
        let state = side.look(refused).expect("it is open");
        assert_eq!(state.condition.error, 111, "ECONNREFUSED");
        nothing_is_left(&side.detach(&mut network));
    }
}

#[test]
fn a_flow_is_opened_once() {
    let mut network = Network::new(1, vec![service(ServiceKind::Echo, 7)]);
    let mut side = Side::attach(&mut network, 1);
    let (local, remote) = ((SERVER, 4_321).into(), (SERVER, 7).into());
    for expected in [None, Some(99)] {
        let socket = side.open(&mut network, 0);
        side.ask(&mut network, 0, |ticket| Command::Bind {
            ticket,
            socket,
            local,
        })
        .expect("an address of ours");
        let begun = side.ask(&mut network, 0, |ticket| Command::Connect {
            ticket,
            socket,
            remote,
        });
        assert_eq!(begun.err(), expected, "EADDRNOTAVAIL, as Linux");
    }
}

/// Its number among listeners is not its slot.
#[test]
fn a_listener_that_leaves_the_port_open_is_told_which_it_has() {
    let mut network = Network::new(2, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listeners = [(); 3].map(|()| side.listen(&mut network, 0).expect("a listener"));
    let is_other = |(listener, number): &(Handle, u32)| listener.slot != *number;
    assert!(listeners.iter().any(is_other), "{listeners:?}");
    let other = side.open(&mut network, 0);
    assert_eq!(side.local(other.slot), None);
    let ports: BTreeSet<_> = listeners
        .iter()
        .filter_map(|(listener, _)| Some(side.local(listener.slot)?.port()))
        .collect();
    assert!(ports.len() == 3 && !ports.contains(&0), "{ports:?}");
}

#[test]
fn an_address_is_listened_on_once() {
    let mut network = Network::new(2, Vec::new());
    let (mut one, mut other) = (Side::attach(&mut network, 1), Side::attach(&mut network, 2));
    let (socket, _) = one.listen(&mut network, PORT).expect("a listener");
    assert_eq!(
        other.listen(&mut network, PORT).err(),
        Some(98),
        "EADDRINUSE"
    );
    one.say(0, &Command::Close { socket }, &[]);
    network.turn(4);
    other.listen(&mut network, PORT).expect("free again");
    one.detach(&mut network);
    nothing_is_left(&other.detach(&mut network));
    no_record_is_left(&mut network);
}

#[test]
fn half_closed_both_see_the_end() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (id, mut connection) = accepted(&mut network, &mut side, listener);
    side.send(&mut connection, b"last words");
    let socket = connection.handle;
    let direction = Direction::Send;
    side.ask(&mut network, 0, |ticket| Command::Shutdown {
        ticket,
        socket,
        direction,
    })
    .expect("open for sending");
    network.turn(20);
    let end = Some(ReceiveError::EndOfStream);
    assert_eq!(arrived(&mut network, id), (b"last words".to_vec(), end));
    send(&mut network, id, b"still heard");
    network.turn(20);
    assert_eq!(side.read(&mut connection), b"still heard");
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn one_that_lingers_is_told_when_its_end_has_arrived() {
    // Ends first, ends last, and both at once.
    for (peer_first, at_once) in [(false, false), (true, false), (false, true)] {
        let mut network = Network::new(1, Vec::new());
        let mut side = Side::attach(&mut network, 1);
        let listener = side.listen(&mut network, PORT).expect("a listener");
        let (id, connection) = accepted(&mut network, &mut side, listener);
        let socket = connection.handle;
        let is_delivered = |side: &Side| {
            let flags = side.look(socket).expect("open").condition.flags;
            flags.contains(Flags::DELIVERED)
        };
        if peer_first {
            close(&mut network, id);
            network.turn(20);
        }
        side.listen_to_events();
        side.inbox.clear();
        assert!(!is_delivered(&side), "nothing has ended");
        let before = side.look(socket).expect("open").writable;
        let shutdown = Command::Shutdown {
            ticket: 77,
            socket,
            direction: Direction::Send,
        };
        side.say(0, &shutdown, &[]);
        if at_once {
            close(&mut network, id);
        }
        network.server.workers[0].turn();
        assert!(!is_delivered(&side), "nobody has acknowledged it");
        // An event that nobody took stands for later ones.
        side.listen_to_events();
        side.inbox.clear();
        network.turn(20);
        assert!(is_delivered(&side), "{peer_first} {at_once}");
        assert!(side.look(socket).expect("open").writable > before);
        side.listen_to_events();
        let told = |event: &Event| matches!(event, Event::Ready { flags, .. } if flags.contains(Flags::DELIVERED));
        assert!(
            side.inbox.iter().any(told),
            "{peer_first} {at_once}: {:?}",
            side.inbox
        );
        nothing_is_left(&side.detach(&mut network));
    }
}
