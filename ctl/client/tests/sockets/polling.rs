//! Pollers whose sockets wait for what no event announces, and sockets that come and go.

use std::io::{ErrorKind, Write};
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
    held.store(true, Ordering::Release);
    std::thread::sleep(Duration::from_millis(50));
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
