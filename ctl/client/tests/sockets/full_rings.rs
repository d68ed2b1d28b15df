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
    daemon.hold(true);
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

#[test]
fn a_large_write_is_done_once_its_bytes_are_sent() {
    let (daemon, stack, mut busy, _other) = pair(1);
    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    let mut client = TcpStream::connect(&stack, address("10.0.0.1:8")).expect("connect");
    let (mut server, _) = listener.accept().expect("accept");
    let data = pattern(40_000);
    // A chunk that is not full stays with the writer.
    client.write_all(&data[..5_000]).expect("write");
    busy.set_nonblocking(true).expect("mode");
    daemon.hold(true);
    let room = (0..).take_while(|_| busy.write(&[0; 8]).is_ok()).count();
    daemon.hold(false);
    client.info().expect("all commands were taken");

    daemon.hold(true);
    for _ in 1..room {
        busy.write_all(&[0; 8]).expect("room");
    }
    // There is room for the bytes, and none to ask for more chunks.
    let written = client.write(&data[5_000..]).expect("they are sent");
    assert!(written < 35_000, "{written}");
    daemon.hold(false);
    client.write_all(&data[5_000 + written..]).expect("write");
    client.shutdown(Shutdown::Write).expect("shutdown");
    let mut bytes = Vec::new();
    server.read_to_end(&mut bytes).expect("read");
    assert!(bytes == data, "{} bytes", bytes.len());
}

#[test]
fn what_was_read_is_given_although_its_worker_cannot_be_told() {
    let (daemon, stack, busy, _other) = pair(1);
    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    let mut client = TcpStream::connect(&stack, address("10.0.0.1:8")).expect("connect");
    let (mut server, _) = listener.accept().expect("accept");
    let data = pattern(40_000);
    client.write_all(&data).expect("write");
    while client.info().expect("info").acknowledged_bytes < 40_000 {
        std::thread::sleep(Duration::from_millis(1));
    }
    fill(&daemon, &busy);
    let begun = Instant::now();
    let mut bytes = vec![0; data.len()];
    server.read_exact(&mut bytes).expect("all is there");
    assert!(bytes == data, "others");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    daemon.counts().is_held.store(false, Ordering::Release);
    // No call of the library from here on: its worker hears of it all the same.
    let told = || daemon.counts().read_told.load(Ordering::Relaxed);
    while told() < 40_000 {
        assert!(begun.elapsed() < Duration::from_secs(8), "{} told", told());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_nobody_could_wait_for_any_longer_is_closed_once_there_is_room() {
    let (daemon, stack, busy, _other) = pair(1);
    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    // More than find room in what a writer leaves of a ring.
    let pairs = [(); 8].map(|()| {
        let client = TcpStream::connect(&stack, address("10.0.0.1:8")).expect("connect");
        (client, listener.accept().expect("accept").0)
    });
    let (leaving, _accepted): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let sockets = || daemon.counts().sockets.load(Ordering::Relaxed);
    fill(&daemon, &busy);
    let held = sockets();
    // They block, and wait as long as any call does.
    std::thread::scope(|scope| {
        for stream in leaving {
            scope.spawn(|| drop(stream));
        }
    });
    daemon.counts().is_held.store(false, Ordering::Release);
    // No call of the library from here on.
    let begun = Instant::now();
    while sockets() > held - 8 {
        assert!(begun.elapsed() < Duration::from_secs(3), "they stay open");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_worker_that_stands_still_holds_up_nobody_of_another() {
    let (daemon, stack, client, server) = pair(2);
    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    let pairs = [(); 4].map(|()| {
        let client = TcpStream::connect(&stack, address("10.0.0.1:8")).expect("connect");
        (client, listener.accept().expect("accept").0)
    });
    // They are opened at each worker in turn; the first of all was at worker 0.
    let [stuck, well, behind, late] = &pairs;
    { &stuck.1 }.write_all(b"bytes").expect("write");
    let mut bytes = [0; 5];
    while { &stuck.0 }.peek(&mut bytes).expect("peek") < 5 {}
    daemon.hold_worker(1, true);
    stuck.0.set_nonblocking(true).expect("mode");
    while { &stuck.0 }.write(&[0; 8]).is_ok() {}
    // More commands than find room in what a writer leaves, and bytes read that the worker cannot be told of.
    { &stuck.0 }.read_exact(&mut bytes).expect("read");
    for _ in 0..10 {
        stuck.0.set_nodelay(true).expect("sent as soon as there is");
    }
    behind.0.set_nonblocking(true).expect("mode");
    behind.0.shutdown(Shutdown::Write).expect("sent as well");

    let begun = Instant::now();
    { &well.0 }.write_all(b"all is well").expect("room");
    let soon = Some(Duration::from_millis(100));
    late.0.set_read_timeout(soon).expect("set");
    let nothing = { &late.0 }.read(&mut [0]).expect_err("nothing is there");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    well.0.set_nodelay(true).expect("an answer");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    daemon.hold_worker(1, false);
    drop((pairs, listener, client, server));
    nothing_is_left(&daemon);
}
