//! How sockets and applications end, and what their peers see of it.

use coremill_ring::command::Command;
use coremill_tcp::ConnectionId;
use coremill_tcp::error::{ConnectionError, ReceiveError};

use super::side::Side;
use super::{PORT, accepted, arrived, close, no_record_is_left, nothing_is_left, send};
use crate::worker::tests::hosts::{Network, SERVER};

#[test]
fn unread_bytes_reset_the_peer() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (id, connection) = accepted(&mut network, &mut side, listener);
    send(&mut network, id, b"nobody reads this");
    network.turn(20);
    side.say(
        0,
        &Command::Close {
            socket: connection.handle,
        },
        &[],
    );
    network.turn(20);
    assert_eq!(
        network.client.shard().error(id),
        Some(ConnectionError::Reset)
    );
    nothing_is_left(&side.detach(&mut network));
}

/// Does `steps` of what an application does in its life; gives the connections that the peer has.
fn live(network: &mut Network, side: &mut Side, steps: usize) -> Vec<ConnectionId> {
    let listener = (steps > 0).then(|| side.listen(network, PORT).expect("a listener"));
    let Some(listener) = listener.filter(|_| steps > 1) else {
        return Vec::new();
    };
    let id = network.connect(PORT).expect("a connection");
    let another = network.connect(PORT).expect("a connection");
    network.turn(20);
    if steps > 2 {
        let mut connection = side.accept(network, listener).expect("an offer");
        send(network, id, &[1; 5_000]);
        network.turn(if steps > 3 { 20 } else { 0 });
        if steps > 4 {
            side.read(&mut connection);
        }
        if steps > 5 {
            side.send(&mut connection, b"these are on their way");
        }
        if steps > 6 {
            side.fill(network, &mut connection, &[3; 40_000]);
        }
        if steps > 7 {
            side.say(
                0,
                &Command::Close {
                    socket: connection.handle,
                },
                &[],
            );
        }
        if steps > 8 {
            let socket = side.open(network, 0);
            let remote = (SERVER, PORT).into();
            let connect = |ticket| Command::Connect {
                ticket,
                socket,
                remote,
            };
            side.ask(network, 0, connect).expect("a way");
        }
    }
    vec![id, another]
}

#[test]
fn death_at_any_point_leaves_nothing() {
    for workers in [1, 2] {
        for steps in 0..10 {
            let mut network = Network::new(workers, Vec::new());
            let mut side = Side::attach(&mut network, 1);
            let peers = live(&mut network, &mut side, steps);
            nothing_is_left(&side.detach(&mut network));
            // Until the peer closes too, what was closed in order waits for its FIN.
            for id in peers {
                close(&mut network, id);
            }
            no_record_is_left(&mut network);
            let mut next = Side::attach(&mut network, 2);
            next.listen(&mut network, PORT).expect("the port is free");
            next.detach(&mut network);
        }
    }
}

#[test]
fn what_was_written_before_a_death_arrives() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (id, mut connection) = accepted(&mut network, &mut side, listener);
    // Said, and not carried out when it dies.
    side.send(&mut connection, b"famous last words");
    nothing_is_left(&side.detach(&mut network));
    network.turn(20);
    let end = Some(ReceiveError::EndOfStream);
    assert_eq!(
        arrived(&mut network, id),
        (b"famous last words".to_vec(), end)
    );
}
