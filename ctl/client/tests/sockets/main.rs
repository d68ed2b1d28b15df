//! The library against a daemon in this process.

mod calls;
mod fake;
mod full_rings;
mod on_mio;
#[cfg(feature = "tokio")]
mod on_tokio;
mod polling;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coremill_client::{AttachError, Interest, Options, Poller, Stack, TcpListener, TcpStream};
use fake::FakeDaemon;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A daemon of `workers` workers, an attachment, and a pair of connected streams.
fn pair(workers: u32) -> (FakeDaemon, Stack, TcpStream, TcpStream) {
    pair_with(workers, Options::default())
}

fn pair_with(workers: u32, options: Options) -> (FakeDaemon, Stack, TcpStream, TcpStream) {
    let daemon = FakeDaemon::start(workers);
    let stack = Stack::attach_with(daemon.path(), options).expect("attach");
    let listener = TcpListener::bind(&stack, address("10.0.0.1:7")).expect("listen");
    let client = TcpStream::connect(&stack, address("10.0.0.1:7")).expect("connect");
    let (server, peer) = listener.accept().expect("accept");
    assert_eq!(peer, client.local_addr().expect("local address"));
    assert_eq!(client.peer_addr().expect("peer"), address("10.0.0.1:7"));
    assert_eq!(server.local_addr().expect("local"), address("10.0.0.1:7"));
    (daemon, stack, client, server)
}

fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// Nothing is on its way any more: an end says once that it waits, when it first does, and its worker has answered what
/// was asked behind all of that.
fn settle(stream: &TcpStream) {
    let soon = Some(Duration::from_millis(1));
    stream.set_read_timeout(soon).expect("set");
    let nothing = { stream }.read(&mut [0]).expect_err("nothing is there");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(None).expect("set");
    stream.info().expect("an answer");
}

/// Nothing was a lie, and once everything is dropped nothing is held.
fn nothing_is_left(daemon: &FakeDaemon) {
    let counts = daemon.counts();
    let deadline = Instant::now() + Duration::from_secs(5);
    let held = || {
        let sockets = counts.sockets.load(Ordering::Relaxed);
        (sockets, counts.chunks_lent.load(Ordering::Relaxed))
    };
    while held() != (0, 0) {
        assert!(Instant::now() < deadline, "sockets, chunks: {:?}", held());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(counts.violations.load(Ordering::Relaxed), 0);
}

#[test]
fn small_messages_go_there_and_back() {
    for workers in [1, 2] {
        let (daemon, _stack, mut client, mut server) = pair(workers);
        for round in 0..200_u32 {
            let message = round.to_le_bytes();
            client.write_all(&message).expect("write");
            let mut bytes = [0; 4];
            server.read_exact(&mut bytes).expect("read");
            server.write_all(&bytes).expect("write");
            client.read_exact(&mut bytes).expect("read");
            assert_eq!(bytes, message);
        }
        drop((client, server));
        nothing_is_left(&daemon);
    }
}

#[test]
fn an_exchange_of_small_messages_costs_one_command_each_way() {
    // None sleeps: who is about to tells what it has read before.
    let options = Options {
        spin: Duration::from_secs(10),
        ..Options::default()
    };
    let (daemon, _stack, client, server) = pair_with(1, options);
    let mut bytes = [0; 64];
    let mut exchange = |count: u32| {
        let (mut client, mut server) = (&client, &server);
        for _ in 0..count {
            client.write_all(&[1; 64]).expect("write");
            server.read_exact(&mut bytes).expect("read");
            server.write_all(&bytes).expect("write");
            client.read_exact(&mut bytes).expect("read");
        }
    };
    exchange(10);
    settle(&client);
    settle(&server);
    let before = daemon.counts().commands.load(Ordering::Relaxed);
    exchange(100);
    let commands = daemon.counts().commands.load(Ordering::Relaxed) - before;
    assert_eq!(commands, 200);
}

#[test]
fn megabytes_arrive_whole_in_both_directions_at_once() {
    for workers in [1, 2] {
        let (daemon, _stack, client, server) = pair(workers);
        let data = pattern(3 << 20);
        let send = |mut stream: TcpStream, data: &[u8]| {
            for piece in data.chunks(100_000) {
                stream.write_all(piece).expect("write");
            }
            stream.shutdown(Shutdown::Write).expect("shutdown");
        };
        let receive = |mut stream: TcpStream| {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).expect("read");
            bytes
        };
        let (up, down) = std::thread::scope(|scope| {
            scope.spawn(|| send(client.clone(), &data));
            scope.spawn(|| send(server.clone(), &data));
            let up = scope.spawn(|| receive(server.clone()));
            let down = scope.spawn(|| receive(client.clone()));
            (up.join().expect("up"), down.join().expect("down"))
        });
        assert!(up == data && down == data);
        drop((client, server));
        nothing_is_left(&daemon);
    }
}

#[test]
fn what_was_written_before_a_drop_arrives() {
    let (daemon, _stack, mut client, mut server) = pair(2);
    let data = pattern(50_000);
    client.write_all(&data).expect("write");
    drop(client);
    let mut bytes = Vec::new();
    server.read_to_end(&mut bytes).expect("read");
    assert!(bytes == data);
    drop(server);
    nothing_is_left(&daemon);
}

#[test]
fn a_drop_with_unread_bytes_resets_and_one_with_all_read_does_not() {
    let (_daemon, stack, mut client, server) = pair(1);
    client.write_all(b"never read").expect("write");
    server.peek(&mut [0; 4]).expect("peek");
    drop(server);
    let error = client.read(&mut [0; 4]).expect_err("reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read(&mut [0; 4]).expect("then the end"), 0);
    let error = client.write(b"more").expect_err("over");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);

    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    let mut client = TcpStream::connect(&stack, address("10.0.0.1:8")).expect("connect");
    let (mut server, _) = listener.accept().expect("accept");
    client.write_all(b"read").expect("write");
    server.read_exact(&mut [0; 4]).expect("read");
    drop(server);
    assert_eq!(client.read(&mut [0; 4]).expect("the end"), 0);
}

#[test]
fn peeking_takes_nothing() {
    let (_daemon, _stack, mut client, mut server) = pair(1);
    client.write_all(b"abcdef").expect("write");
    let mut bytes = [0; 6];
    while server.peek(&mut bytes).expect("peek") < 6 {}
    assert_eq!(&bytes, b"abcdef");
    let mut bytes = [0; 6];
    server.read_exact(&mut bytes).expect("read");
    assert_eq!(&bytes, b"abcdef");
}

#[test]
fn calls_give_up_at_their_time_and_do_not_wait_where_they_must_not() {
    let (_daemon, stack, mut client, server) = pair(1);
    client
        .set_read_timeout(Some(Duration::from_millis(50)))
        .expect("set");
    let begun = Instant::now();
    let error = client.read(&mut [0; 1]).expect_err("time-out");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(begun.elapsed() >= Duration::from_millis(50));

    client.set_nonblocking(true).expect("set");
    let would_block = |result: io::Result<usize>| {
        assert_eq!(result.expect_err("nothing").kind(), ErrorKind::WouldBlock);
    };
    would_block(client.read(&mut [0; 1]));
    // It would block when the ring of commands is full, and for good when the connection is.
    let (mut written, mut refusals) = (0, 0);
    while refusals < 20 {
        match client.write(&[0; 5000]) {
            Ok(count) => (written, refusals) = (written + count, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                refusals += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
    assert!(written >= 64 << 10, "{written}");
    let listener = TcpListener::bind(&stack, address("10.0.0.1:0")).expect("listen");
    assert_ne!(listener.local_addr().expect("local").port(), 0);
    listener.set_nonblocking(true).expect("set");
    assert_eq!(
        listener.accept().expect_err("nobody").kind(),
        ErrorKind::WouldBlock
    );
    drop(server);
}

#[test]
fn errors_are_those_of_linux() {
    let (daemon, stack, client, _server) = pair(1);
    let refused = TcpStream::connect(&stack, address("10.0.0.1:9")).expect_err("nobody");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let used = TcpListener::bind(&stack, address("10.0.0.1:7"));
    // The pair's listener is closed already, its port free again.
    drop(used.expect("free again"));
    let one = TcpListener::bind(&stack, address("10.0.0.1:70")).expect("first");
    let other = TcpListener::bind(&stack, address("10.0.0.1:70")).expect_err("second");
    assert_eq!(other.kind(), ErrorKind::AddrInUse);
    drop(one);
    client.set_nodelay(true).expect("known");
    assert!(client.nodelay().expect("kept"));
    let refused = client
        .set_recv_buffer_size(1 << 20)
        .expect_err("not to be had");
    assert_eq!(refused.raw_os_error(), Some(92));
    let missing = Stack::attach(daemon.path().with_extension("not-there"));
    assert!(matches!(missing, Err(AttachError::Connect { .. })));
}

#[test]
fn a_poller_tells_of_many_sockets_and_again_until_they_are_served() {
    let daemon = FakeDaemon::start(2);
    let stack = Stack::attach(daemon.path()).expect("attach");
    let listener = TcpListener::bind(&stack, address("10.0.0.1:7")).expect("listen");
    listener.set_nonblocking(true).expect("set");
    let mut poller = Poller::new(&stack).expect("poller");
    poller
        .register(&listener, 1000, Interest::READABLE)
        .expect("register");
    let mut ready = Vec::new();
    assert_eq!(
        poller
            .wait(&mut ready, Some(Duration::from_millis(5)))
            .expect("wait"),
        0
    );
    let mut clients = Vec::new();
    let mut servers: Vec<TcpStream> = Vec::new();
    for _ in 0..40 {
        clients.push(TcpStream::connect(&stack, address("10.0.0.1:7")).expect("connect"));
        poller.wait(&mut ready, None).expect("wait");
        assert_eq!(ready[0].0, 1000);
        let (server, _) = listener.accept().expect("accept");
        poller
            .register(&server, servers.len(), Interest::READABLE)
            .expect("register");
        servers.push(server);
    }
    for number in [3, 17, 39] {
        clients[number].write_all(b"x").expect("write");
    }
    for look in 0..3 {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut found = Vec::new();
        while found.len() < 3 {
            assert!(Instant::now() < deadline, "{found:?} at look {look}");
            poller
                .wait(&mut ready, Some(Duration::from_secs(1)))
                .expect("wait");
            found = ready.iter().map(|(token, _)| *token).collect();
            found.sort_unstable();
        }
        assert_eq!(found, [3, 17, 39]);
    }
    for number in [3, 17, 39] {
        servers[number].read_exact(&mut [0; 1]).expect("read");
    }
    assert_eq!(
        poller
            .wait(&mut ready, Some(Duration::from_millis(5)))
            .expect("wait"),
        0
    );
    assert!(poller.arm().expect("arm"));
    drop((clients, servers, listener, poller));
    nothing_is_left(&daemon);
}

#[test]
fn calls_that_sleep_fail_at_once_when_the_daemon_dies() {
    let (daemon, stack, mut client, _server) = pair(1);
    let listener = TcpListener::bind(&stack, address("10.0.0.1:8")).expect("listen");
    let mut poller = Poller::new(&stack).expect("poller");
    poller
        .register(&listener, 0, Interest::READABLE)
        .expect("register");
    let (writer, listener) = (client.clone(), &listener);
    std::thread::scope(|scope| {
        let failed = |call: io::Result<()>| (call.expect_err("the daemon is dead"), Instant::now());
        let calls = [
            scope.spawn(move || failed(client.read(&mut [0; 1]).map(drop))),
            // Nobody reads it.
            scope.spawn(move || failed({ &writer }.write_all(&vec![0; 64 << 20]))),
            scope.spawn(move || failed(listener.accept().map(drop))),
            scope.spawn(move || failed(poller.wait(&mut Vec::new(), None).map(drop))),
        ];
        std::thread::sleep(Duration::from_millis(50));
        let killed = Instant::now();
        drop(daemon);
        for (number, call) in calls.into_iter().enumerate() {
            let (error, at) = call.join().expect("thread");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "call {number}");
            let late = at.saturating_duration_since(killed);
            assert!(late < DEATH_NOTICED, "call {number} after {late:?}");
        }
    });
    let late = TcpStream::connect(&stack, address("10.0.0.1:8")).expect_err("no daemon");
    assert_eq!(late.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_attachment_ends_with_its_last_socket() {
    let (daemon, stack, client, server) = pair(1);
    drop((stack, client));
    assert_eq!(daemon.detached(), 0);
    drop(server);
    assert_eq!(daemon.detached(), 1);
}

/// Each call that sleeps fails within this time when the daemon dies.
const DEATH_NOTICED: Duration = Duration::from_millis(100);
