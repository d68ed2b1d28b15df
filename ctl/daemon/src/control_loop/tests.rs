//! Rounds of the control loop with a worker that answers when told to.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream as Peer;

use coremill_engine::command::Command;

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
