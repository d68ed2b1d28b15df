//! An application attached to a host: served, forwarded between workers, dead at any point, caught lying.

mod ao_keys;
mod ending;
mod fairness;
mod hostile;
mod keys;
mod leaving;
mod options;
mod serving;
mod shortage;
mod side;
mod sleeping;

use std::time::Duration;

use coremill_ring::handle::Handle;
use coremill_tcp::ConnectionId;
use coremill_tcp::error::ReceiveError;

use super::hosts::Network;
use crate::clock::Clock;
use crate::snapshot::ApplicationRow;
use side::{Connection, Side};

const PORT: u16 = 8_000;

/// What has arrived at the client; the error at the end of it, if it is there.
fn arrived(network: &mut Network, id: ConnectionId) -> (Vec<u8>, Option<ReceiveError>) {
    let now = network.clock.now();
    let shard = network.client.shard();
    let mut bytes = Vec::new();
    loop {
        let piece = match shard.receive_slice(id) {
            Ok([]) => return (bytes, None),
            Ok(piece) => piece.to_vec(),
            Err(error) => return (bytes, Some(error)),
        };
        shard.consume(now, id, piece.len());
        bytes.extend(piece);
    }
}

fn send(network: &mut Network, id: ConnectionId, bytes: &[u8]) -> usize {
    let now = network.clock.now();
    network
        .client
        .shard()
        .send(now, id, bytes)
        .expect("a connection")
}

fn close(network: &mut Network, id: ConnectionId) {
    let now = network.clock.now();
    network.client.shard().close(now, id);
}

/// A connection from the client that the application has accepted.
fn accepted(
    network: &mut Network,
    side: &mut Side,
    listener: (Handle, u32),
) -> (ConnectionId, Connection) {
    let id = network.connect(PORT).expect("a connection");
    network.turn(20);
    let connection = side.accept(network, listener).expect("an offer");
    side.subscribe(connection.handle);
    network.turn(2);
    (id, connection)
}

fn nothing_is_left(rows: &[ApplicationRow]) {
    for row in rows {
        assert_eq!(
            (row.connections, row.listeners, row.unconnected),
            (0, 0, 0),
            "{row:?}"
        );
        assert_eq!(
            (row.receive_chunks_lent, row.send_chunks_lent, row.offered),
            (0, 0, 0),
            "{row:?}"
        );
    }
}

fn no_record_is_left(network: &mut Network) {
    network.pass(Duration::from_secs(2));
    for worker in &network.server.workers {
        assert_eq!(worker.live_records(), 0);
        let mut listeners = 0;
        worker.shard.listener_rows(&mut |_| listeners += 1);
        assert_eq!(listeners, 0);
    }
}
