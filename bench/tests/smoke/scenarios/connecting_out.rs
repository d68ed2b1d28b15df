//! An application that connects: to servers of the kernel's, from addresses of its choice, to where nobody answers, to
//! another application and to itself.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use coremill_client::{Stack, TcpListener, TcpStream};

use crate::application::{CONTROL, Program};
use crate::command;
use crate::configuration::{self, DAEMON, KERNEL};
use crate::conversation::{Turn, converse};
use crate::daemon::{Daemon, wait_for};
use crate::isolation::is_long;

pub fn run(workers: usize) {
    let toml = configuration::toml(workers)
        .replace("10.99.0.2/24\"", "10.99.0.2/24\", \"10.99.0.3/24\"")
        .replace(
            "[tcp]",
            "[neighbors]\nretry = \"300ms\"\n\n[tcp]\nsyn_retries = 1",
        );
    let daemon = Daemon::start_with(&toml);
    let stack = Stack::attach(CONTROL).expect("attach");
    to_the_kernel(&stack);
    std::thread::scope(|scope| {
        // These wait for seconds.
        scope.spawn(|| nobody_answers(&stack));
        scope.spawn(|| refused(&stack));
        scope.spawn(|| with_itself(&stack));
    });
    to_another_application(&stack);
    wait_for("its connections to go", || {
        let rows = daemon.rows(&["apps"]);
        rows.len() == 1 && rows[0]["sockets"]["used"] == 0
    });
}

/// Many connections to several servers, from both of our addresses; who accepts sees the address that we say is ours.
fn to_the_kernel(stack: &Stack) {
    let count = if is_long() { 1_500 } else { 200 };
    let servers: Vec<_> = (0..4)
        .map(|_| std::net::TcpListener::bind((KERNEL, 0)).expect("listen"))
        .collect();
    let mut sources = HashSet::new();
    let mut pairs = Vec::new();
    for number in 0..count {
        let server = &servers[number % servers.len()];
        let target = server.local_addr().expect("its address");
        let source: IpAddr = [DAEMON, SECOND][number / 2 % 2]
            .parse()
            .expect("an address");
        let stream = match number % 3 {
            0 => TcpStream::connect(stack, target),
            1 => TcpStream::connect_timeout(stack, target, Duration::from_secs(5)),
            _ => TcpStream::connect_from(stack, SocketAddr::new(source, 0), target),
        };
        let stream = stream.expect("connect");
        let (accepted, peer) = server.accept().expect("accept");
        assert_eq!(stream.local_addr().expect("its address"), peer);
        if number % 3 == 2 {
            assert_eq!(peer.ip(), source);
        }
        assert!(sources.insert((peer, target)), "{peer} twice");
        pairs.push((stream, accepted));
    }
    // All are open at once; a few of them talk.
    let every = pairs.len() / TALKING;
    std::thread::scope(|scope| {
        for (stream, accepted) in pairs.iter().step_by(every) {
            scope.spawn(|| converse(stream, Turn::First, 1 << 20));
            scope.spawn(|| converse(accepted, Turn::Second, 1 << 20));
        }
    });
}

/// The errors are Linux's.
fn nobody_answers(stack: &Stack) {
    let server = std::net::TcpListener::bind((KERNEL, 0)).expect("listen");
    let silent = server.local_addr().expect("its address");
    let rules = format!(
        "table ip silence {{ chain input {{ type filter hook input priority 0; tcp dport {} drop; }}; }}",
        silent.port()
    );
    command::run(&["nft", &rules]);
    let absent: SocketAddr = "10.99.0.99:80".parse().expect("an address");
    std::thread::scope(|scope| {
        let silent = scope.spawn(move || TcpStream::connect(stack, silent).expect_err("silence"));
        let absent = scope.spawn(move || TcpStream::connect(stack, absent).expect_err("nobody"));
        let error = |thread: std::thread::ScopedJoinHandle<'_, std::io::Error>| {
            thread.join().expect("an error").raw_os_error()
        };
        assert_eq!(error(silent), Some(ETIMEDOUT));
        assert_eq!(error(absent), Some(EHOSTUNREACH));
    });
    let soon = TcpStream::connect_timeout(stack, silent, Duration::from_millis(50));
    assert_eq!(soon.expect_err("silence").kind(), ErrorKind::TimedOut);
}

fn refused(stack: &Stack) {
    let closed = std::net::TcpListener::bind((KERNEL, 0)).expect("listen");
    let address = closed.local_addr().expect("its address");
    drop(closed);
    for _ in 0..10 {
        let error = TcpStream::connect(stack, address).expect_err("nobody listens");
        assert_eq!(error.raw_os_error(), Some(ECONNREFUSED));
    }
    // A port of ours at which nobody listens.
    let own = configuration::CLOSED.parse().expect("an address");
    let error = TcpStream::connect(stack, own).expect_err("nobody listens");
    assert_eq!(error.raw_os_error(), Some(ECONNREFUSED));
    let foreign = "192.0.2.77:0".parse().expect("an address");
    let error = TcpStream::connect_from(stack, foreign, address).expect_err("not ours");
    assert_eq!(error.raw_os_error(), Some(EADDRNOTAVAIL));
}

/// Both ends are in this process, of one worker and across two.
fn with_itself(stack: &Stack) {
    let any = SocketAddr::new(DAEMON.parse().expect("an address"), 0);
    let listener = TcpListener::bind(stack, any).expect("listen");
    let address = listener.local_addr().expect("its address");
    let pairs: Vec<_> = (0..TALKING)
        .map(|_| {
            let stream = TcpStream::connect(stack, address).expect("connect");
            let (accepted, peer) = listener.accept().expect("accept");
            assert_eq!(stream.local_addr().expect("its address"), peer);
            (stream, accepted)
        })
        .collect();
    std::thread::scope(|scope| {
        for (stream, accepted) in &pairs {
            scope.spawn(|| converse(stream, Turn::First, 1 << 20));
            scope.spawn(|| converse(accepted, Turn::Second, 1 << 20));
        }
    });
}

/// An echo in a process of its own.
fn to_another_application(stack: &Stack) {
    use std::io::{Read, Write};
    let _echo = Program::start("echo", &[ECHO]);
    let sent = crate::application::pattern(9, 1 << 20);
    std::thread::scope(|scope| {
        for _ in 0..TALKING {
            scope.spawn(|| {
                let address = ECHO.parse().expect("an address");
                let stream = TcpStream::connect(stack, address).expect("connect");
                let mut back = Vec::new();
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        { &stream }.write_all(&sent).expect("write");
                        stream.shutdown(std::net::Shutdown::Write).expect("end");
                    });
                    { &stream }.read_to_end(&mut back).expect("read");
                });
                assert!(back == sent, "{} bytes came back", back.len());
            });
        }
    });
}

const SECOND: &str = "10.99.0.3";
const ECHO: &str = "10.99.0.2:7000";
const TALKING: usize = 8;
const EADDRNOTAVAIL: i32 = 99;
const ETIMEDOUT: i32 = 110;
const ECONNREFUSED: i32 = 111;
const EHOSTUNREACH: i32 = 113;
