//! Rings of commands that are full: nobody waits who must not, and what found no room is as if it had not been tried.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coremill_client::{Interest, Poller, TcpListener, TcpStream};
use rustix::io::Errno;

use super::{FakeDaemon, address, nothing_is_left, pair, pattern};

/// Stops the daemon's worker and fills its ring.
fn fill(daemon: &FakeDaemon, mut busy: &TcpStream) {
    busy.set_nonblocking(true).expect("mode");
    daemon.counts().is_held.store(true, Ordering::Release);
    std::thread::sleep(Duration::from_millis(50));
    while busy.write(&[0; 8]).is_ok() {}
}

fn is_no_room<T>(result: &io::Result<T>) -> bool {
    let error = result.as_ref().err().and_then(Errno::from_io_error);
    error == Some(Errno::NOBUFS)
}

#[test]
fn calls_that_do_not_block_wait_for_nobody_who_waits_for_room() {
    let (daemon, stack, busy, server) = pair(1);
    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    let waiting = TcpStream::connect(&stack, address("10.0.0.1:8")).expect("connect");
    let (mut other, _) = listener.accept().expect("accept");
    let mut poller = Poller::new(&stack).expect("poller");
    poller
        .register(&other, 0, Interest::READABLE)
        .expect("register");
    fill(&daemon, &busy);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            { &waiting }.write_all(b"late").expect("room, in the end");
            is_over.store(true, Ordering::Release);
        });
        std::thread::sleep(Duration::from_millis(50));
        let begun = Instant::now();
        for _ in 0..100 {
            let full = { &busy }.write(&[0; 8]).expect_err("no room");
            assert_eq!(full.kind(), ErrorKind::WouldBlock);
            busy.set_nodelay(true).expect("sent as soon as there is");
            let found = poller.wait(&mut Vec::new(), Some(Duration::ZERO));
            assert_eq!(found.expect("wait"), 0);
        }
        busy.shutdown(Shutdown::Write).expect("sent as well");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(!is_over.load(Ordering::Acquire), "there was room");
        daemon.counts().is_held.store(false, Ordering::Release);
    });
    let mut bytes = [0; 4];
    other.read_exact(&mut bytes).expect("read");
    assert_eq!(&bytes, b"late");
    // What was shut down ends behind all that was written.
    let read = { &server }.read_to_end(&mut Vec::new()).expect("read");
    assert!(read > 0 && read % 8 == 0, "{read}");
    drop((busy, server, waiting, other, listener, poller));
    nothing_is_left(&daemon);
}

#[test]
fn what_found_no_room_is_as_if_it_had_not_been_tried() {
    let (daemon, stack, busy, busy_server) = pair(1);
    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    let connect = || TcpStream::connect(&stack, address("10.0.0.1:8")).expect("connect");
    let [large, small, ending] =
        [(); 3].map(|()| (connect(), listener.accept().expect("accept").0));
    let data = pattern(9_000);
    // A chunk that is not full stays with the writer.
    { &large.0 }.write_all(&data[..5_000]).expect("write");
    { &small.0 }.write_all(&data[..100]).expect("write");
    let late = connect();
    fill(&daemon, &busy);
    std::thread::scope(|scope| {
        let calls = [
            scope.spawn(|| is_no_room(&{ &large.0 }.write(&data[5_000..8_000]))),
            scope.spawn(|| is_no_room(&{ &small.0 }.write(&data[100..200]))),
            scope.spawn(|| is_no_room(&ending.0.shutdown(Shutdown::Write))),
            scope.spawn(|| is_no_room(&listener.accept())),
        ];
        let refused = calls.map(|call| call.join().expect("no panic"));
        assert_eq!(refused, [true; 4]);
    });
    daemon.counts().is_held.store(false, Ordering::Release);

    for ((client, server), (from, to)) in [(&large, (5_000, 9_000)), (&small, (100, 200))] {
        { client }.write_all(&data[from..to]).expect("write");
        client.shutdown(Shutdown::Write).expect("shutdown");
        let mut bytes = Vec::new();
        { server }.read_to_end(&mut bytes).expect("read");
        assert!(bytes == data[..to], "{} bytes", bytes.len());
    }
    { &ending.0 }
        .write_all(b"not yet")
        .expect("it was not shut");
    let (accepted, peer) = listener.accept().expect("it waits still");
    assert_eq!(peer, late.local_addr().expect("local"));
    drop((
        large,
        small,
        ending,
        late,
        accepted,
        listener,
        busy,
        busy_server,
    ));
    nothing_is_left(&daemon);
}
