//! Where segments are cut in what an application writes: at the end of a write, and nowhere else, however the client
//! library and its worker hand the bytes over.

#[expect(
    dead_code,
    reason = "what plays requests and replies is not needed here"
)]
mod attached;
#[path = "attached/meanwhile.rs"]
mod meanwhile;

use std::io::{ErrorKind, Read, Write};

use attached::Attached;
use coremill_client::TcpStream;
use coremill_engine::WorkerHandle;
use meanwhile::{meanwhile, patiently};

/// Payload of a full segment: 1,500 bytes less the headers and timestamps.
const FULL: usize = 1_448;

/// Data segments that one write leaves as, by `write`, which is given all that is to be sent.
fn segments(bytes: usize, mut write: impl FnMut(&TcpStream, &[u8])) -> usize {
    let mut attached = Attached::start(1).expect("a worker and its application");
    let handle = attached.handle.clone();
    meanwhile(&mut attached, |near, far| {
        // As a busy application: without this, each write's tail would wait for an acknowledgement and be filled up.
        near.set_nodelay(true).expect("an option");
        // A chunk of 2 KiB is left of it, so that the next write crosses from one into another.
        write(near, &[0; 300]);
        expect(near, far, &[0; 300]);
        let before = data_segments(&handle);
        let written: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
        write(near, &written);
        expect(near, far, &written);
        data_segments(&handle) - before
    })
}

/// Reads just these, and waits until all is acknowledged.
fn expect(near: &TcpStream, mut far: &TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    let mut count = 0;
    while count < bytes.len() {
        count += patiently(|| far.read(&mut read[count..])).expect("bytes");
    }
    assert!(read == bytes, "other bytes");
    patiently(|| match near.info()?.send_queue_bytes {
        0 => Ok(()),
        _ => Err(ErrorKind::WouldBlock.into()),
    })
    .expect("all is acknowledged");
}

fn data_segments(handle: &WorkerHandle) -> usize {
    let counters = handle.tcp_counters();
    (counters.in_segs.get() - counters.pure_acks.get()) as usize
}

/// Writes all, as `write_all` on a socket that does not block.
fn write_all(mut stream: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let count = patiently(|| stream.write(bytes)).expect("room");
        bytes = &bytes[count..];
    }
}

/// What was sent by now has left if it is to.
fn a_turn(stream: &TcpStream) {
    for _ in 0..2 {
        stream.info().expect("open");
    }
}

#[test]
fn a_write_leaves_as_full_segments_and_one_rest() {
    for full in [1, 7, 30] {
        for rest in [0, 1, FULL - 1] {
            let found = segments(full * FULL + rest, write_all);
            assert_eq!(found, full + usize::from(rest > 0), "{full} and {rest}");
        }
    }
}

#[test]
fn what_more_follows_fills_segments_with_it_however_long_it_is() {
    let found = segments(9 * FULL, |stream, bytes| {
        let (mut head, body) = bytes.split_at(bytes.len() / 2);
        while !head.is_empty() {
            let count = patiently(|| stream.write_more(head)).expect("room");
            head = &head[count..];
            a_turn(stream);
        }
        write_all(stream, body);
    });
    assert_eq!(found, 9);
}

#[test]
fn room_filled_in_place_fills_segments_with_what_follows() {
    let found = segments(9 * FULL, |stream, mut bytes| {
        while !bytes.is_empty() {
            let mut reserved = patiently(|| stream.reserve(bytes.len().min(2_000))).expect("room");
            let count = reserved.len();
            let (head, rest) = bytes.split_at(count);
            reserved.copy_from_slice(head);
            let committed = match rest {
                [] => reserved.commit(count),
                _ => reserved.commit_more(count),
            };
            committed.expect("room");
            bytes = rest;
            a_turn(stream);
        }
    });
    assert_eq!(found, 9);
}
