//! A reader that takes bytes where they arrive.

use super::pair::{Pair, inbound, pass};
use crate::event::{ConnectionId, Subject};
use crate::packet::{Reader, Verdict};

/// Takes up to so many bytes in all.
#[derive(Default)]
struct Taker {
    room: usize,
    asked: usize,
    taken: Vec<u8>,
    cookies: Vec<u64>,
}

impl Reader for Taker {
    fn take(&mut self, cookie: u64, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room);
        self.room -= count;
        self.asked += 1;
        self.taken.extend(&bytes[..count]);
        self.cookies.push(cookie);
        count
    }
}

/// The client's segments arrive at the server, all but the first `lost`, with a reader that has `room`.
fn arrive(pair: &mut Pair, lost: usize, room: usize) -> Taker {
    let mut taker = Taker {
        room,
        ..Taker::default()
    };
    let (mut out, mut number) = ([0; 2_048], 0);
    while let Some(outgoing) = pair.client.next_segment(pair.now, &mut out) {
        number += 1;
        if number > lost {
            let inbound = inbound(&outgoing, &out);
            let verdict = pair.server.receive_for(pair.now, &inbound, &mut taker);
            assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
        }
    }
    taker
}

fn events_of(pair: &mut Pair, server: ConnectionId) -> usize {
    let events = std::iter::from_fn(|| pair.server.next_event());
    events
        .filter(|event| event.subject == Subject::Connection(server))
        .count()
}

fn opened() -> (Pair, ConnectionId, ConnectionId) {
    let mut pair = Pair::new(|_| {});
    let (client, server) = pair.established();
    pair.server.set_cookie(server, 7);
    events_of(&mut pair, server);
    (pair, client, server)
}

#[test]
fn what_a_reader_takes_is_acknowledged_and_neither_queued_nor_told() {
    let (mut pair, client, server) = opened();
    for round in 0..10 {
        assert_eq!(pair.client.send(pair.now, client, &[round; 64]), Ok(64));
        let taker = arrive(&mut pair, 0, 64);
        assert_eq!((taker.taken, taker.cookies), (vec![round; 64], vec![7]));
        assert_eq!(pair.server.receive_slice(server), Ok(&[][..]));
        assert_eq!(events_of(&mut pair, server), 0);
        pass(pair.now, &mut pair.server, &mut pair.client);
    }
    pair.wait(std::time::Duration::from_millis(200));
    assert_eq!(pair.client.send_queue_bytes(client), 0, "all acknowledged");
    assert_eq!(pair.server.counters().in_bytes.get(), 640);
}

#[test]
fn what_a_reader_leaves_is_queued_and_comes_before_what_follows() {
    let (mut pair, client, server) = opened();
    assert_eq!(pair.client.send(pair.now, client, b"one two"), Ok(7));
    assert_eq!(arrive(&mut pair, 0, 4).taken, b"one ");
    assert_eq!(pair.server.receive_slice(server), Ok(&b"two"[..]));
    assert_eq!(events_of(&mut pair, server), 1);
    pair.exchange();
    // The reader is not asked while older bytes wait.
    assert_eq!(pair.client.send(pair.now, client, b" three"), Ok(6));
    assert_eq!(arrive(&mut pair, 0, 100).asked, 0);
    assert_eq!(pair.server.receive_slice(server), Ok(&b"two three"[..]));
    assert_eq!(events_of(&mut pair, server), 1);
}

#[test]
fn bytes_beyond_a_hole_are_not_offered() {
    let (mut pair, client, server) = opened();
    pair.client.send(pair.now, client, &[1; 4_000]).unwrap();
    let taker = arrive(&mut pair, 1, 10_000);
    assert_eq!(taker.asked, 0);
    pair.exchange();
    pair.wait(std::time::Duration::from_secs(2));
    let mut read = 0;
    while let Ok(piece) = pair.server.receive_slice(server)
        && !piece.is_empty()
    {
        let count = piece.len();
        pair.server.consume(pair.now, server, count);
        read += count;
    }
    assert_eq!(read, 4_000);
}
