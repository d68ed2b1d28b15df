//! A session on the control socket that stays open: faster than a program for each question.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::daemon::Daemon;

/// A session.
pub struct Control {
    stream: BufReader<UnixStream>,
}

/// What the daemon's process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Open descriptors.
    pub descriptors: usize,
    /// Mapped memories of applications.
    pub memories: usize,
}

impl Control {
    /// Connects and says hello.
    pub fn open() -> Self {
        let stream = UnixStream::connect(SOCKET).expect("control socket");
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).expect("time-out");
        let mut control = Self {
            stream: BufReader::new(stream),
        };
        control.ask(&json!({"request": "hello", "version": 1, "client": "test"}));
        control
    }

    /// The rows of a request that has no further fields.
    pub fn rows(&mut self, request: &str) -> Vec<Value> {
        let mut answer = self.ask(&json!({"request": request}));
        match answer[request].take() {
            Value::Array(rows) => rows,
            other => panic!("{request} gives no rows: {other} in {answer}"),
        }
    }

    fn ask(&mut self, request: &Value) -> Value {
        let line = format!("{request}\n");
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .expect("ask");
        let mut answer = String::new();
        self.stream.read_line(&mut answer).expect("an answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert!(answer.get("error").is_none(), "{request}: {answer}");
        answer
    }

    /// Waits until nothing is left of any application: no attachment, no listener but the services', no connection
    /// that somebody has.
    pub fn wait_for_nothing(&mut self, services: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.left(services);
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {left:#?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn left(&mut self, services: usize) -> Vec<Value> {
        let mut left = self.rows("apps");
        let listeners = self.rows("listeners");
        if listeners.len() > services {
            left.extend(listeners);
        }
        // One page holds them all; there may be many more orphans and TIME-WAIT records.
        for state in ["ESTABLISHED", "CLOSE-WAIT", "SYN-SENT"] {
            let mut answer = self.ask(&json!({"request": "sockets", "state": state}));
            let rows = answer["sockets"].as_array_mut().map(std::mem::take);
            let owned = |row: &Value| row["orphan"] == false;
            left.extend(rows.unwrap_or_default().into_iter().filter(owned));
        }
        left
    }

    /// Waits until no worker has a record, a byte or an entry of a shared pool of any connection or listener: send records,
    /// ranges, scoreboards, extensions, keys, blocks of congestion control.
    pub fn wait_for_no_entry(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.rows("workers");
            if rows.iter().all(has_no_entry) {
                return;
            }
            assert!(Instant::now() < deadline, "stayed behind: {rows:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until there is no connection at all, orphans and TIME-WAIT included.
    pub fn wait_for_no_connection(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.rows("sockets");
            if rows.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {rows:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn has_no_entry(worker: &Value) -> bool {
    let pools = worker["pools"].as_array().expect("pools of a worker");
    assert!(!pools.is_empty(), "a worker without pools: {worker}");
    worker["connections"] == 0
        && worker["held_bytes"] == 0
        && pools.iter().all(|pool| pool["entries"] == 0)
}

/// What a daemon holds now.
pub fn held(process: &str) -> Held {
    let folder = format!("/proc/{process}");
    let maps = fs::read_to_string(format!("{folder}/maps")).expect("its maps");
    let descriptors = fs::read_dir(format!("{folder}/fd")).expect("its descriptors");
    Held {
        descriptors: descriptors.count(),
        memories: maps.matches("/memfd:coremill").count(),
    }
}

/// Waits until a daemon holds no more than it did.
pub fn wait_for_held(daemon: &Daemon, before: Held) {
    let process = daemon.outer_process();
    let deadline = Instant::now() + PATIENCE;
    while held(&process) != before {
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("its descriptors");
        let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        assert!(
            Instant::now() < deadline,
            "{:?} where there was {before:?}: {:?}",
            held(&process),
            targets.collect::<Vec<_>>()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

const SOCKET: &str = "/run/coremill/control.sock";
const PATIENCE: Duration = Duration::from_secs(15);
