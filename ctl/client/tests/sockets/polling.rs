//! Pollers whose sockets wait for what no event announces, and sockets that come and go.

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};

use super::{FakeDaemon, address, nothing_is_left, pair};

/// Connected pairs.
fn pairs(stack: &Stack, count: usize) -> Vec<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(stack, address("10.0.0.1:9")).expect("listen");
    let pair = |_| {
        let client = TcpStream::connect(stack, address("10.0.0.1:9")).expect("connect");
        (client, listener.accept().expect("accept").0)
    };
    (0..count).map(pair).collect()
}

#[test]
fn who_waits_for_chunks_is_not_told_of_room_that_it_cannot_use() {
    let (daemon, stack, mut client, server) = pair(1);
    // All chunks are with writers that do not go on.
    let others = pairs(&stack, 88);
    let reserved: Vec<_> = others
        .iter()
        .map(|(writer, _)| writer.reserve(16 << 10).expect("a chunk"))
        .collect();

    client.set_nonblocking(true).expect("mode");
    let mut poller = Poller::new(&stack).expect("poller");
    poller
        .register(&client, 0, Interest::WRITABLE)
        .expect("register");
    let mut ready = Vec::new();
    let begun = Instant::now();
    let mut refused = 0;
    let sent = loop {
        let found = poller.wait(&mut ready, Some(Duration::from_secs(5)));
        assert_eq!(found.expect("wait"), 1, "after {refused} refusals");
        match client.write(&[7; 10_000]) {
            Ok(sent) => break sent,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        refused += 1;
    };
    // It waited a while for chunks, asleep, and then did without.
    assert!(sent <= 256, "{sent}");
    assert!(refused <= 3, "{refused} refusals");
    assert!(begun.elapsed() >= Duration::from_millis(50));
    drop(reserved);
    drop((client, server, others));
    nothing_is_left(&daemon);
}

#[test]
fn what_found_no_room_in_a_ring_is_sent_by_a_poller_that_sleeps() {
    let (daemon, stack, mut busy, _busy_server) = pair(1);
    // More than find room in what a writer leaves of a ring.
    let (leaving, servers): (Vec<_>, Vec<_>) = pairs(&stack, 10).into_iter().unzip();
    for stream in leaving.iter().chain([&busy]) {
        stream.set_nonblocking(true).expect("mode");
    }
    let mut poller = Poller::new(&stack).expect("poller");
    poller
        .register(&servers[9], 3, Interest::READABLE)
        .expect("register");

    let held = &daemon.counts().is_held;
    daemon.hold(true);
    while busy.write(&[0; 8]).is_ok() {}
    drop(leaving);
    let mut ready = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            held.store(false, Ordering::Release);
        });
        let found = poller.wait(&mut ready, Some(Duration::from_secs(3)));
        assert_eq!(found.expect("wait"), 1, "its peer is never closed");
    });
    assert!(ready[0].0 == 3 && ready[0].1.read_closed, "{ready:?}");
}

#[test]
fn sources_that_were_dropped_are_forgotten() {
    let daemon = FakeDaemon::start(1);
    let stack = Stack::attach(daemon.path()).expect("attach");
    let mut poller = Poller::new(&stack).expect("poller");
    let mut ready = Vec::new();
    for (client, server) in pairs(&stack, 120) {
        poller
            .register(&client, 0, Interest::READABLE)
            .expect("register");
        let found = poller.wait(&mut ready, Some(Duration::ZERO));
        assert_eq!(found.expect("wait"), 0);
        drop(client);
        drop(server);
    }
    let kept = format!("{poller:?}").matches("Source {").count();
    assert!(kept <= 64, "{kept} kept");
}

#[test]
fn a_source_that_is_registered_again_is_told_of_once() {
    let (_daemon, stack, client, _server) = pair(1);
    let mut poller = Poller::new(&stack).expect("poller");
    for _ in 0..3 {
        poller
            .register(&client, 5, Interest::WRITABLE)
            .expect("register");
        poller.deregister(&client).expect("deregister");
    }
    poller
        .register(&client, 5, Interest::WRITABLE)
        .expect("register");
    let mut ready = Vec::new();
    let found = poller.wait(&mut ready, Some(Duration::from_secs(5)));
    assert_eq!(found.expect("wait"), 1, "{ready:?}");
}

#[test]
fn what_found_no_room_in_a_ring_is_sent_whatever_the_program_does_next() {
    let (daemon, stack, mut busy, _busy_server) = pair(1);
    let (leaving, _servers): (Vec<_>, Vec<_>) = pairs(&stack, 10).into_iter().unzip();
    for stream in leaving.iter().chain([&busy]) {
        stream.set_nonblocking(true).expect("mode");
    }
    let counts = daemon.counts();
    let before = counts.sockets.load(Ordering::Relaxed);
    daemon.hold(true);
    while busy.write(&[0; 8]).is_ok() {}
    drop(leaving);
    counts.is_held.store(false, Ordering::Release);
    // No call of the library from here on.
    let deadline = Instant::now() + Duration::from_secs(3);
    while counts.sockets.load(Ordering::Relaxed) > before - 10 {
        assert!(Instant::now() < deadline, "they are never closed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn registering_never_waits_for_a_worker() {
    let (daemon, stack, mut busy, mut server) = pair(1);
    busy.set_nonblocking(true).expect("mode");
    let mut poller = Poller::new(&stack).expect("poller");
    let held = &daemon.counts().is_held;
    daemon.hold(true);
    while busy.write(&[0; 8]).is_ok() {}
    let begun = Instant::now();
    for token in 0..100 {
        poller
            .register(&busy, token, Interest::READABLE)
            .expect("register");
    }
    assert!(begun.elapsed() < Duration::from_millis(500));
    held.store(false, Ordering::Release);
    server.write_all(b"x").expect("write");
    let mut ready = Vec::new();
    let found = poller.wait(&mut ready, Some(Duration::from_secs(5)));
    assert_eq!(found.expect("wait"), 1, "the last registration counts");
    assert_eq!(ready[0].0, 99);
}

#[test]
fn one_watcher_too_many_is_told_so_at_once() {
    let (_daemon, stack, mut client, mut server) = pair(1);
    let mut pollers: Vec<_> = (0..3)
        .map(|_| Poller::new(&stack).expect("poller"))
        .collect();
    // The connection was waited for, and is no more: two pollers find a place.
    for poller in &mut pollers[..2] {
        poller
            .register(&client, 0, Interest::READABLE)
            .expect("a place");
    }
    let error = pollers[2]
        .register(&client, 0, Interest::READABLE)
        .expect_err("no place");
    assert_eq!(error.kind(), ErrorKind::StorageFull, "ENOSPC: {error}");
    // So is a call that would have to wait.
    let error = client.read(&mut [0; 8]).expect_err("no place");
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    server.write_all(b"x").expect("write");
    let mut ready = Vec::new();
    for poller in &mut pollers[..2] {
        let found = poller.wait(&mut ready, Some(Duration::from_secs(5)));
        assert_eq!(found.expect("wait"), 1);
    }
    let found = pollers[2].wait(&mut ready, Some(Duration::from_millis(20)));
    assert_eq!(found.expect("wait"), 0, "what was refused is not watched");
    // One that leaves makes room for another, or for calls that wait.
    pollers[0].deregister(&client).expect("deregister");
    client.read_exact(&mut [0; 1]).expect("read");
    pollers.remove(1);
    pollers[1]
        .register(&client, 7, Interest::READABLE)
        .expect("a place");
    server.write_all(b"y").expect("write");
    let found = pollers[1].wait(&mut ready, Some(Duration::from_secs(5)));
    assert_eq!(found.expect("wait"), 1);
}

#[test]
fn calls_that_waited_leave_no_subscription_behind() {
    let (daemon, stack, client, server) = pair(1);
    let mut poller = Poller::new(&stack).expect("poller");
    poller
        .register(&client, 0, Interest::READABLE)
        .expect("register");
    let mut ready = Vec::new();
    let events = || daemon.counts().events.load(Ordering::Relaxed);
    let mut round = |reads_blocked: bool| {
        if reads_blocked {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(30));
                    { &server }.write_all(b"x").expect("write");
                });
                { &client }.read_exact(&mut [0]).expect("read");
            });
            poller.wait(&mut ready, Some(Duration::ZERO)).expect("wait");
        }
        // What subscribing and unsubscribing told of is over.
        std::thread::sleep(Duration::from_millis(50));
        poller.wait(&mut ready, Some(Duration::ZERO)).expect("wait");
        let before = events();
        { &server }.write_all(b"x").expect("write");
        let found = poller.wait(&mut ready, Some(Duration::from_secs(5)));
        assert_eq!(found.expect("wait"), 1);
        { &client }.read_exact(&mut [0]).expect("read");
        std::thread::sleep(Duration::from_millis(20));
        events() - before
    };
    assert_eq!(round(false), 1, "it was connected by a call that waited");
    assert_eq!(round(true), 1, "it was read by one");
}

#[test]
fn lingering_is_waited_for_also_by_one_that_does_not_block() {
    let (daemon, _stack, client, _server) = pair(1);
    client.set_nonblocking(true).expect("mode");
    client
        .set_linger(Some(Duration::from_secs(5)))
        .expect("linger");
    client.info().expect("an answer");
    let held = &daemon.counts().is_held;
    daemon.hold(true);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            held.store(false, Ordering::Release);
        });
        drop(client);
        // As close(2) on Linux.
        assert!(begun.elapsed() >= Duration::from_millis(190));
    });
}

/// RFC 9293, SHLD-3: the peer is reset, so that there is nothing to wait for.
#[test]
fn one_with_something_unread_does_not_linger() {
    let (daemon, _stack, client, server) = pair(1);
    client
        .set_linger(Some(Duration::from_secs(5)))
        .expect("linger");
    { &server }.write_all(b"unread").expect("write");
    assert_eq!(client.peek(&mut [0; 6]).expect("bytes"), 6);
    // Whoever asked the daemon for anything would wait.
    let held = &daemon.counts().is_held;
    daemon.hold(true);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(500));
            held.store(false, Ordering::Release);
        });
        drop(client);
        assert!(begun.elapsed() < Duration::from_millis(400));
    });
}

#[test]
fn one_that_lingers_sleeps_until_it_is_told() {
    let (daemon, stack, client, server) = pair(1);
    client.set_nonblocking(true).expect("mode");
    client
        .set_linger(Some(Duration::from_secs(20)))
        .expect("linger");
    // Its pollers have all places of it.
    let mut pollers = [(); 2].map(|()| Poller::new(&stack).expect("poller"));
    for poller in &mut pollers {
        poller
            .register(&client, 0, Interest::READABLE)
            .expect("register");
    }
    // So much that not all of it arrives as long as nobody reads.
    let mut sent = 0;
    while sent < 100_000 {
        match { &client }.write(&[7; 8_192]) {
            Ok(count) => sent += count,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    let commands = || daemon.counts().commands.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        let lingering = scope.spawn(move || {
            let begun = Instant::now();
            drop(client);
            begun.elapsed()
        });
        std::thread::sleep(Duration::from_millis(100));
        let before = commands();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(commands() - before, 0, "it asks again and again");
        assert!(!lingering.is_finished());
        std::io::copy(&mut { &server }.take(sent as u64), &mut std::io::sink()).expect("read");
        let waited = lingering.join().expect("it ends");
        assert!(waited < Duration::from_secs(10), "{waited:?}");
    });
}
