//! Calls beyond those of `std`: bytes in place, several pieces at once, options, what a connection has come to, and
//! calls that wait for nothing.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use coremill_client::{
    Interest, Poller, Stack, TcpListener, TcpSocket, TcpState, TcpStream, option,
};

use super::{FakeDaemon, address, nothing_is_left, pair, pattern, settle};

#[test]
fn several_pieces_go_in_one_command_and_come_into_several() {
    let (daemon, _stack, mut client, mut server) = pair(1);
    settle(&client);
    settle(&server);
    let before = daemon.counts().commands.load(Ordering::Relaxed);
    let pieces = [&b"one "[..], b"", b"two ", b"three"].map(IoSlice::new);
    assert_eq!(client.write_vectored(&pieces).expect("write"), 13);
    let mut bytes = [0; 13];
    while server.peek(&mut bytes).expect("peek") < 13 {}
    let (mut head, mut tail) = ([0; 5], [0; 20]);
    let mut out = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
    assert_eq!(server.read_vectored(&mut out).expect("read"), 13);
    assert_eq!((&head, &tail[..8]), (b"one t", &b"wo three"[..]));
    let commands = daemon.counts().commands.load(Ordering::Relaxed) - before;
    assert_eq!(commands, 1);

    let data = pattern(20_000);
    let pieces: Vec<_> = data.chunks(333).map(IoSlice::new).collect();
    let sent = client.write_vectored(&pieces).expect("write");
    assert!(sent >= 2_000, "{sent}");
    let mut bytes = vec![0; sent];
    server.read_exact(&mut bytes).expect("read");
    assert!(bytes == data[..sent]);
    drop((client, server));
    nothing_is_left(&daemon);
}

#[test]
fn bytes_are_written_and_read_in_place() {
    let (daemon, _stack, client, server) = pair(2);
    let data = pattern(300_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sent = 0;
            while sent < data.len() {
                let mut room = client.reserve(data.len() - sent).expect("reserve");
                let count = room.len();
                room.copy_from_slice(&data[sent..sent + count]);
                room.commit(count).expect("commit");
                sent += count;
            }
            client.shutdown(std::net::Shutdown::Write).expect("end");
        });
        let mut got = Vec::new();
        loop {
            let received = server.fill().expect("fill");
            if received.is_empty() {
                break;
            }
            // Not all at once, so that the rest is shown again.
            let count = received.len().min(5_000);
            got.extend_from_slice(&received[..count]);
            received.release(count).expect("release");
        }
        assert!(got == data);
    });
    let reserved = client.reserve(1).expect_err("it has ended");
    assert_eq!(reserved.kind(), ErrorKind::BrokenPipe);
    drop((client, server));
    nothing_is_left(&daemon);
}

#[test]
fn what_is_dropped_is_neither_sent_nor_taken() {
    let (_daemon, _stack, mut client, server) = pair(1);
    drop(client.reserve(100).expect("reserve"));
    client.write_all(b"abc").expect("write");
    drop(server.fill().expect("fill"));
    let received = server.fill().expect("fill");
    assert_eq!(received.first(), Some(&b'a'));
}

#[test]
fn connecting_waits_for_nothing_and_the_poller_tells() {
    let daemon = FakeDaemon::start(2);
    let stack = Stack::attach(daemon.path()).expect("attach");
    let listener = TcpListener::bind(&stack, address("10.0.0.1:7")).expect("listen");
    let mut poller = Poller::new(&stack).expect("poller");
    let good = TcpStream::connect_nonblocking(&stack, address("10.0.0.1:7")).expect("begin");
    let bad = TcpStream::connect_nonblocking(&stack, address("10.0.0.1:9")).expect("begin");
    for (token, stream) in [(0, &good), (1, &bad)] {
        poller
            .register(stream, token, Interest::WRITABLE)
            .expect("register");
    }
    let (mut ready, mut seen) = (Vec::new(), [false; 2]);
    while seen != [true; 2] {
        let count = poller.wait(&mut ready, Some(Duration::from_secs(5)));
        assert!(count.expect("wait") > 0, "{seen:?}");
        ready.iter().for_each(|(token, _)| seen[*token] = true);
    }
    assert!(good.take_error().expect("look").is_none());
    let refused = bad.take_error().expect("look").expect("refused");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let (server, _) = listener.accept().expect("accept");
    (&good).write_all(b"x").expect("write");
    (&server).read_exact(&mut [0; 1]).expect("read");
    // One that is dropped before its worker has answered leaves nothing.
    drop(TcpStream::connect_nonblocking(&stack, address("10.0.0.1:7")).expect("begin"));
    let (late, _) = listener.accept().expect("accept");
    good.info().expect("events are taken");
    drop((late, server, good, bad, listener, poller));
    nothing_is_left(&daemon);
}

#[test]
fn a_socket_has_options_before_it_connects() {
    let daemon = FakeDaemon::start(2);
    let stack = Stack::attach(daemon.path()).expect("attach");
    let listener = TcpListener::bind(&stack, address("10.0.0.1:7")).expect("listen");
    let socket = TcpSocket::new(&stack).expect("open");
    socket.bind(address("10.0.0.2:0")).expect("bind");
    socket.set_option(option::NO_DELAY, 1).expect("set");
    assert_eq!(socket.option(option::NO_DELAY).expect("asked for"), 1);
    let refused = socket.set_option(option::RECEIVE_BUFFER, 1).err();
    assert_eq!(refused.and_then(|error| error.raw_os_error()), Some(92));
    let good = socket.connect(address("10.0.0.1:7")).expect("connect");
    assert_eq!(good.option(option::NO_DELAY).expect("it stays"), 1);
    let (mut server, _) = listener.accept().expect("accept");
    (&good).write_all(b"x").expect("write");
    server.read_exact(&mut [0; 1]).expect("read");
    // Who does not wait is told at once what its worker knows at once.
    let bound = TcpSocket::new(&stack).expect("open");
    let later = bound.connect_nonblocking(address("10.0.0.1:7"));
    let later = later.expect("begin");
    let (other, _) = listener.accept().expect("accept");
    let nothing = (&later).read(&mut [0; 1]).expect_err("nothing is there");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    // One that is never connected leaves nothing.
    drop(TcpSocket::new(&stack).expect("open"));
    good.info().expect("events are taken");
    drop((later, other, server, good, listener));
    nothing_is_left(&daemon);
}

#[test]
fn options_are_set_or_refused_and_later_for_who_does_not_wait() {
    let (_daemon, _stack, client, _server) = pair(1);
    client.set_linger(Some(Duration::ZERO)).expect("linger");
    assert_eq!(client.linger().expect("kept"), Some(Duration::ZERO));
    client
        .set_keepalive_time(Duration::from_secs(60))
        .expect("idle");
    let idle = client.keepalive_time().expect("asked for");
    assert_eq!(idle, Duration::from_secs(60));
    client.set_linger2(None).expect("below zero");
    let number = client.option(coremill_client::option::FIN_WAIT_2);
    assert_eq!(number.expect("with its sign"), -1);
    let refused = client.set_recv_buffer_size(1).expect_err("not yet");
    assert_eq!(refused.raw_os_error(), Some(92));
    client.set_nonblocking(true).expect("set");
    client.set_recv_buffer_size(1).expect("sent off");
    let error = loop {
        if let Some(error) = client.take_error().expect("look") {
            break error;
        }
    };
    assert_eq!(error.raw_os_error(), Some(92));
    assert!(client.take_error().expect("look").is_none(), "told once");
}

#[test]
fn a_connection_tells_what_it_has_come_to() {
    let (_daemon, _stack, mut client, mut server) = pair(1);
    client.write_all(&[7; 1000]).expect("write");
    server.read_exact(&mut [0; 1000]).expect("read");
    let info = client.info().expect("info");
    assert_eq!((info.state, info.sent_bytes), (TcpState::Established, 1000));
    assert_eq!(info.round_trip, Some(Duration::from_micros(42)));
    assert_eq!(info.slow_start_threshold_bytes, None);
    assert_eq!((info.backoff, info.ecn.received.marked_bytes), (3, 9));
}
