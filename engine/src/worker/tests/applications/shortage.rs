//! Room, chunks and readers are short: what waits goes on, in order, and nobody spins or is left waiting.

use coremill_ring::command::{Command, Direction};
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::option::SEND_BUFFER;
use coremill_ring::send_lease::Grant;
use coremill_tcp::ConnectionId;
use coremill_tcp::error::ReceiveError;

use super::side::{Connection, Side, rows};
use super::{PORT, accepted, arrived, send};
use crate::worker::tests::hosts::{Network, small_shard};

/// Sends inside commands until the peer, who does not read, and our queue are full; gives how much.
fn stuff(network: &mut Network, side: &mut Side, connection: &mut Connection) -> usize {
    let mut sent = 0;
    for _ in 0..50 {
        let limit = side.look(connection.handle).expect("open").send_limit;
        if limit < connection.sent + 256 {
            network.turn(20);
            continue;
        }
        for _ in 0..(limit - connection.sent) / 256 {
            side.send(connection, &[1; 256]);
            sent += 256;
            network.turn(1);
        }
    }
    sent
}

/// What is granted to one that asks for 32 KiB: two chunks.
fn granted(network: &mut Network, side: &mut Side, socket: Handle) -> Vec<Grant> {
    let bytes = 32 << 10;
    side.say(0, &Command::WantRoom { socket, bytes }, &[]);
    network.turn(2);
    side.listen_to_events();
    let granted = |event: &Event| match event {
        Event::Granted { grant, .. } => Some(*grant),
        _ => None,
    };
    let grants: Vec<_> = side.inbox.iter().filter_map(granted).collect();
    assert_eq!(grants.len(), 2);
    grants
}

/// All that arrives as the peer reads, and how it ends.
fn read_out(network: &mut Network, id: ConnectionId) -> (Vec<u8>, Option<ReceiveError>) {
    let (mut bytes, mut end) = (Vec::new(), None);
    for _ in 0..400 {
        let (more, error) = arrived(network, id);
        bytes.extend(more);
        end = error;
        network.turn(20);
    }
    (bytes, end)
}

/// Fills granted room, and says so.
fn fill(side: &mut Side, connection: &mut Connection, bytes: &[u8]) {
    let filler = &mut connection.filler;
    let written = filler.write(bytes, &side.application, &side.layout);
    assert_eq!(written, bytes.len());
    let filled = Command::SendFilled {
        socket: connection.handle,
        offset: connection.sent,
        read: 0,
        filled: filler.filled(),
        has_more: false,
    };
    side.say(0, &filled, &[]);
    connection.sent += written as u64;
}

#[test]
fn what_is_filled_behind_room_given_back_arrives_and_the_end_after_it() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (id, mut connection) = accepted(&mut network, &mut side, listener);
    let socket = connection.handle;
    let grants = granted(&mut network, &mut side, socket);

    let stuffed = stuff(&mut network, &mut side, &mut connection);
    // The second grant is seen only after the rest of the first was given back.
    assert!(connection.filler.add(grants[0]));
    fill(&mut side, &mut connection, &[2; 1_000]);
    let filled = connection.filler.give_back();
    side.say(0, &Command::GiveBack { socket, filled }, &[]);
    network.turn(2);
    assert!(connection.filler.add(grants[1]));
    fill(&mut side, &mut connection, &[3; 500]);
    network.turn(2);
    assert_eq!(side.attachment.violation(), None);
    let shut = side.ask(&mut network, 0, |ticket| Command::Shutdown {
        ticket,
        socket,
        direction: Direction::Send,
    });
    assert_eq!(shut, Ok((None, 0)));

    let (bytes, end) = read_out(&mut network, id);
    let mut expected = vec![1; stuffed];
    expected.extend([2; 1_000]);
    expected.extend([3; 500]);
    assert!(bytes == expected, "{} of {}", bytes.len(), expected.len());
    assert_eq!(end, Some(ReceiveError::EndOfStream));
}

#[test]
fn what_is_filled_and_let_go_of_while_there_is_little_room_arrives_as_room_comes() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (id, mut connection) = accepted(&mut network, &mut side, listener);
    let socket = connection.handle;
    let grants = granted(&mut network, &mut side, socket);
    // A third of this, with which a wait for room ends, is less than what is filled.
    let smaller = side.ask(&mut network, 0, |ticket| Command::SetOption {
        ticket,
        socket,
        option: SEND_BUFFER,
        value: 16 << 10,
    });
    assert_eq!(smaller, Ok((None, 0)));
    let stuffed = stuff(&mut network, &mut side, &mut connection);
    let mut filled = 0;
    for grant in grants {
        assert!(connection.filler.add(grant));
        let bytes = vec![2; grant.chunk.bytes()];
        fill(&mut side, &mut connection, &bytes);
        filled += bytes.len();
    }
    network.turn(2);
    side.say(0, &Command::Close { socket }, &[]);
    network.turn(2);
    assert_eq!(side.attachment.violation(), None);

    let (bytes, end) = read_out(&mut network, id);
    let mut expected = vec![1; stuffed];
    expected.extend(vec![2; filled]);
    assert!(filled > 30 << 10);
    assert!(bytes == expected, "{} of {}", bytes.len(), expected.len());
    assert_eq!(end, Some(ReceiveError::EndOfStream));
}

#[test]
fn an_event_that_nobody_took_stands_for_no_later_subscription() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (id, connection) = accepted(&mut network, &mut side, listener);
    let (socket, notifier) = (connection.handle, 1);
    send(&mut network, id, b"news");
    network.turn(20);
    for ticket in [77, 78] {
        let subscribe = Command::Subscribe {
            ticket,
            socket,
            notifier,
            interest: 1,
        };
        side.say(0, &subscribe, &[]);
        network.turn(2);
        side.say(0, &Command::Unsubscribe { socket, notifier }, &[]);
        network.turn(2);
    }
    assert_eq!(side.heard_by(notifier), [77, 78]);
}

#[test]
fn a_worker_sleeps_while_many_wait_for_chunks() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let mut pairs = Vec::new();
    for number in 0..12 {
        let (id, connection) = accepted(&mut network, &mut side, listener);
        // The first two take all chunks.
        for _ in 0..if number < 2 { 60 } else { 1 } {
            send(&mut network, id, &[5; 8_192]);
            network.turn(20);
        }
        pairs.push((id, connection));
    }
    // Some chunk may have come back.
    let socket = pairs[0].1.handle;
    side.say(0, &Command::GiveBack { socket, filled: 0 }, &[]);
    network.turn(10);
    let applications = &mut network.server.workers[0].applications;
    let is_quiet = applications.prepare_sleep();
    applications.wake();
    assert!(is_quiet, "there is nothing to do before chunks come back");
    // Then all of them go on.
    for _ in 0..100 {
        for (_, connection) in &mut pairs {
            side.read(connection);
            network.turn(1);
        }
        network.turn(5);
        side.listen_to_events();
    }
    for (_, connection) in &pairs {
        let received = side.look(connection.handle).expect("open").received;
        assert!(received >= 8_192, "{received}");
    }
}

#[test]
fn one_who_came_when_sockets_had_run_out_is_offered_as_soon_as_there_is_one() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let first = accepted(&mut network, &mut side, listener).1;
    let mut others = Vec::new();
    while let Ok((Some(socket), _)) = side.ask(&mut network, 0, |ticket| Command::Open { ticket }) {
        others.push(socket);
    }
    network.connect(PORT).expect("a connection");
    network.turn(20);
    assert!(side.accept(&mut network, listener).is_none(), "no socket");
    // A connection goes, then a socket that never was one: each makes room for one.
    for socket in [first.handle, others[0]] {
        side.say(0, &Command::Close { socket }, &[]);
        network.turn(2);
        let accepted = side.accept(&mut network, listener);
        assert!(accepted.is_some(), "nobody else came meanwhile");
        network.connect(PORT).expect("a connection");
        network.turn(20);
        assert!(side.accept(&mut network, listener).is_none(), "no socket");
    }
}

#[test]
fn sockets_that_come_free_go_to_all_listeners_in_turn() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let ports = [PORT, PORT + 1, PORT + 2];
    let listeners = ports.map(|port| side.listen(&mut network, port).expect("a listener"));
    let mut others = Vec::new();
    while let Ok((Some(socket), _)) = side.ask(&mut network, 0, |ticket| Command::Open { ticket }) {
        others.push(socket);
    }
    for port in ports {
        network.connect_all(6, port);
    }
    let mut served = [0; 3];
    for _ in 0..6 {
        let socket = others.pop().expect("many");
        side.say(0, &Command::Close { socket }, &[]);
        network.turn(2);
        for (listener, served) in listeners.into_iter().zip(&mut served) {
            *served += usize::from(side.accept(&mut network, listener).is_some());
        }
    }
    assert_eq!(served, [2; 3]);
}

/// What the peers of these connections have received, added to what they had.
fn read_all(network: &mut Network, ends: &[(ConnectionId, Connection)], received: &mut [Vec<u8>]) {
    for ((id, _), bytes) in ends.iter().zip(received) {
        bytes.extend(arrived(network, *id).0);
    }
    network.turn(1);
}

#[test]
fn room_that_was_promised_is_there_when_memory_has_run_out_meanwhile() {
    let mut network = Network::new(1, Vec::new());
    network.server.workers[0].shard = small_shard(1 << 20);
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let mut ends: Vec<_> = (0..HOGS)
        .map(|_| accepted(&mut network, &mut side, listener))
        .collect();
    // Each was told of its room when there was memory for all of that; together it is more than there is.
    let mut received = vec![Vec::new(); ends.len()];
    let mut promises = Vec::new();
    for (_, connection) in &ends {
        let limit = side.look(connection.handle).expect("open").send_limit;
        promises.push(limit / 256);
    }
    assert!(promises.iter().sum::<u64>() * 256 > 1 << 20);
    for place in 0..ends.len() {
        for number in 0..promises[place] {
            let mut tries = 0;
            loop {
                let (_, connection) = &mut ends[place];
                let command = Command::Send {
                    socket: connection.handle,
                    offset: number * 256,
                    read: 0,
                };
                if side.try_to_say(0, &command, &[number as u8; 256]) {
                    break;
                }
                // The ring waits for memory: the peers are deaf for a while, then they read.
                side.announce(0);
                network.server.workers[0].turn();
                tries += 1;
                if tries > 20 {
                    read_all(&mut network, &ends, &mut received);
                }
                assert!(tries < 20_000, "connection {place}, message {number}");
            }
            side.announce(0);
            network.server.workers[0].turn();
        }
    }
    let row = rows(&mut network, 0)[0];
    assert!(row.sends_delayed > 0, "memory lasted: {row:?}");
    for _ in 0..20_000 {
        read_all(&mut network, &ends, &mut received);
        let is_whole = |(bytes, count): (&Vec<u8>, &u64)| bytes.len() as u64 == count * 256;
        if received.iter().zip(&promises).all(is_whole) {
            break;
        }
    }
    for (bytes, count) in received.iter().zip(&promises) {
        assert_eq!(bytes.len() as u64, count * 256);
        for (chunk, number) in bytes.chunks(256).zip(0_u64..) {
            assert!(chunk.iter().all(|byte| *byte == number as u8));
        }
    }
    assert_eq!(side.attachment.violation(), None);
}

/// Connections that are promised an eighth of the memory each.
const HOGS: usize = 16;
