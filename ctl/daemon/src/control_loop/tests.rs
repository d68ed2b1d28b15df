//! Rounds of the control loop with a worker that answers when told to.

use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream as Peer;

use coremill_engine::command::Command;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::clients::REQUESTS_MAX;
use super::*;
use crate::stack::Worker;
use crate::stack::fake::FakeWorker;

fn control_loop(directory: &tempfile::TempDir, worker: &Arc<FakeWorker>) -> ControlLoop {
    let mut config = Config::default();
    config.control.socket = directory.path().join("control.sock");
    let stack = Arc::new(Stack {
        workers: vec![worker.clone()],
        ports: Vec::new(),
        link_up: Box::new(|_| None),
        started: Instant::now(),
        metrics_address: None,
        config_file: directory.path().join("coremill.toml"),
        applications: Arc::default(),
    });
    let socket = ControlSocket::bind(&config.control).unwrap();
    let options = crate::applications::Options::new(&config.applications, 1).unwrap();
    let applications = Applications::new(options, Arc::clone(&stack.applications)).unwrap();
    let signals = Signals::new().unwrap();
    let ends = Ends {
        socket,
        signals,
        metrics: None,
        applications,
    };
    ControlLoop::new(&config, stack, ends).unwrap()
}

#[test]
fn a_session_that_never_stops_asking_has_its_share_of_a_round() {
    let directory = tempfile::tempdir().unwrap();
    let mut control = control_loop(&directory, &FakeWorker::new());
    let mut peer = Peer::connect(directory.path().join("control.sock")).unwrap();
    peer.set_nonblocking(true).unwrap();
    peer.write_all(b"{\"request\":\"hello\",\"version\":1,\"client\":\"test\"}\n")
        .unwrap();
    let asked = 2 * REQUESTS_MAX;
    for _ in 0..asked {
        peer.write_all(b"{\"request\":\"ports\"}\n").unwrap();
    }
    let mut answers = || {
        let mut bytes = vec![0; 1 << 20];
        let count = peer.read(&mut bytes).unwrap_or(0);
        bytes[..count].iter().filter(|byte| **byte == b'\n').count()
    };
    control.accept();
    let first = answers();
    assert!(first <= REQUESTS_MAX, "{first} in one round");
    assert_eq!(control.timeout(Instant::now()), Duration::ZERO);
    control.serve_eager();
    control.serve_eager();
    assert_eq!(answers(), asked + 1 - first);
    assert!(control.timeout(Instant::now()) > Duration::ZERO);
}

#[test]
fn a_worker_that_was_too_busy_to_drain_is_told_again() {
    let directory = tempfile::tempdir().unwrap();
    let worker = FakeWorker::new();
    let mut control = control_loop(&directory, &worker);
    while worker.submit(Command::Stop).is_ok() {}
    control.stop(true, Duration::from_secs(30), "a test");
    worker.work(FakeWorker::COMMANDS_MAX);
    let drained = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = drained.clone();
    *worker.answer.lock().unwrap() = Box::new(move |command| {
        let drains = matches!(command, Command::Drain);
        seen.fetch_or(drains, std::sync::atomic::Ordering::Relaxed);
        command
    });
    control.order_drain(Instant::now());
    worker.work(1);
    assert!(drained.load(std::sync::atomic::Ordering::Relaxed));
}

/// A connection whose close takes its time, since the peer reads nothing and its owner lingers; and the peer.
fn lingering() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    while ours.write(&[0; 65_536]).is_ok() {}
    set_socket_linger(&ours, Some(LINGER)).unwrap();
    (ours, theirs)
}

/// Sends a line with a descriptor, which the sender then lacks.
fn pass(peer: &Peer, line: &[u8], descriptor: TcpStream) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let given = [descriptor.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&given)));
    sendmsg(
        peer,
        &[IoSlice::new(line)],
        &mut control,
        SendFlags::empty(),
    )
    .unwrap();
}

#[test]
fn a_descriptor_that_lingers_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut control = control_loop(&directory, &FakeWorker::new());
    let connect = || Peer::connect(directory.path().join("control.sock")).unwrap();
    let hello = b"{\"request\":\"hello\",\"version\":1,\"client\":\"test\"}\n";
    // Where it is read, where the session closes, and where it is never begun.
    let (told, left) = (connect(), connect());
    let mut theirs = Vec::new();
    let mut pass_one = |peer: &Peer, line: &[u8]| {
        let (ours, other) = lingering();
        pass(peer, line, ours);
        theirs.push(other);
    };
    pass_one(&told, hello);
    let begun = Instant::now();
    control.accept();
    let mut answer = String::new();
    BufReader::new(&told).read_line(&mut answer).unwrap();
    assert!(answer.contains("takes no descriptors"), "{answer}");
    assert!(begun.elapsed() < LINGER / 2, "{:?}", begun.elapsed());

    pass_one(&left, b"{");
    drop(left);
    control.sessions_max = 0;
    let refused = connect();
    pass_one(&refused, hello);
    let begun = Instant::now();
    let tokens: Vec<_> = control.sessions.keys().copied().collect();
    tokens.into_iter().for_each(|token| control.serve(token));
    control.accept();
    let again = connect();
    control.accept();
    answer.clear();
    BufReader::new(&again).read_line(&mut answer).unwrap();
    assert!(answer.contains("sessions_max"), "{answer}");
    assert!(begun.elapsed() < LINGER / 2, "{:?}", begun.elapsed());
    // They are closed by somebody else, and count until they are.
    assert!(control.closer.pending() > 0);
}

const LINGER: Duration = Duration::from_secs(4);
