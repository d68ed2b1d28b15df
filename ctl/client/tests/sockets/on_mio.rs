//! A poller in an event loop of somebody else's: to mio it is one descriptor, which says only what is new.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use coremill_client::{Interest, Poller, Readiness, Stack, TcpListener, TcpStream};
use mio::unix::SourceFd;

use super::{FakeDaemon, address, nothing_is_left, pattern};

/// One connection of the echo, and what it could not write yet.
struct Echo {
    stream: TcpStream,
    rest: Vec<u8>,
    has_ended: bool,
}

/// The loop's side of it.
struct Server<'a> {
    listener: &'a TcpListener,
    poller: Poller,
    echoes: HashMap<usize, Echo>,
    accepted: usize,
}

#[test]
fn a_poller_is_a_descriptor_of_another_event_loop_and_nothing_is_lost() {
    for workers in [1, 2] {
        let daemon = FakeDaemon::start(workers);
        let stack = Stack::attach(daemon.path()).expect("attach");
        let listener = TcpListener::bind(&stack, address("10.0.0.1:7")).expect("listen");
        listener.set_nonblocking(true).expect("set");
        std::thread::scope(|scope| {
            for number in 0..CONNECTIONS {
                let stack = &stack;
                scope.spawn(move || ask(stack, number));
            }
            serve(&stack, &listener);
        });
        drop((listener, stack));
        nothing_is_left(&daemon);
    }
}

/// Sends and gets back; sometimes so late that the loop sleeps, sometimes more than there is room for.
fn ask(stack: &Stack, number: usize) {
    let mut stream = TcpStream::connect(stack, address("10.0.0.1:7")).expect("connect");
    for round in 0..ROUNDS {
        let sent = pattern(1 + round * round * (number + 1) / 20);
        stream.write_all(&sent).expect("write");
        let mut back = vec![0; sent.len()];
        stream.read_exact(&mut back).expect("read");
        assert!(back == sent, "round {round}");
        let micros = (round * 37 + number * 11) % 100;
        std::thread::sleep(Duration::from_micros(micros as u64));
    }
    let large = pattern(1 << 20);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            { &stream }.write_all(&large).expect("write");
            stream.shutdown(Shutdown::Write).expect("end");
        });
        let mut back = Vec::new();
        { &stream }.read_to_end(&mut back).expect("read");
        assert!(back == large);
    });
}

fn serve(stack: &Stack, listener: &TcpListener) {
    let mut server = Server {
        listener,
        poller: Poller::new(stack).expect("poller"),
        echoes: HashMap::new(),
        accepted: 0,
    };
    let listening = server
        .poller
        .register(listener, LISTENER, Interest::READABLE);
    listening.expect("register");
    let mut mio = mio::Poll::new().expect("mio");
    let descriptor = server.poller.as_fd().as_raw_fd();
    let registered = mio.registry().register(
        &mut SourceFd(&descriptor),
        mio::Token(0),
        mio::Interest::READABLE,
    );
    registered.expect("register with mio");
    let (mut told, mut ready) = (mio::Events::with_capacity(4), Vec::new());
    while server.accepted < CONNECTIONS || !server.echoes.is_empty() {
        if server.poller.arm().expect("arm") {
            mio.poll(&mut told, Some(PATIENCE)).expect("mio's poll");
            assert!(!told.is_empty(), "not told within {PATIENCE:?}");
        }
        let waited = server.poller.wait(&mut ready, Some(Duration::ZERO));
        waited.expect("look");
        for (token, readiness) in ready.drain(..) {
            server.turn(token, readiness);
        }
    }
}

impl Server<'_> {
    fn turn(&mut self, token: usize, readiness: Readiness) {
        if token == LISTENER {
            return self.accept();
        }
        let echo = self.echoes.get_mut(&token).expect("one of ours");
        assert!(!readiness.error, "{readiness:?}");
        echo.go_on();
        if echo.has_ended && echo.rest.is_empty() {
            self.poller.deregister(&echo.stream).expect("deregister");
            self.echoes.remove(&token);
            return;
        }
        let interest = Interest {
            readable: !echo.has_ended,
            writable: !echo.rest.is_empty(),
            urgent: false,
        };
        let changed = self.poller.register(&echo.stream, token, interest);
        changed.expect("register again");
    }

    fn accept(&mut self) {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            };
            stream.set_nonblocking(true).expect("set");
            let token = self.accepted;
            self.accepted += 1;
            let registered = self.poller.register(&stream, token, Interest::READABLE);
            registered.expect("register");
            let echo = Echo {
                stream,
                rest: Vec::new(),
                has_ended: false,
            };
            self.echoes.insert(token, echo);
        }
    }
}

impl Echo {
    /// Reads once, writes what it can: what more there is the next look tells. It reads also while it cannot write: bytes
    /// unread on all connections would use up the few chunks that there are.
    fn go_on(&mut self) {
        if !self.has_ended {
            let mut bytes = [0; 20_000];
            match self.stream.read(&mut bytes) {
                Ok(0) => self.has_ended = true,
                Ok(count) => self.rest.extend_from_slice(&bytes[..count]),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        while !self.rest.is_empty() {
            match self.stream.write(&self.rest) {
                Ok(count) => drop(self.rest.drain(..count)),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return;
                }
            }
        }
    }
}

const CONNECTIONS: usize = 3;
const ROUNDS: usize = 300;
const LISTENER: usize = usize::MAX;
/// Far beyond what an answer takes: a word was lost.
const PATIENCE: Duration = Duration::from_secs(10);
