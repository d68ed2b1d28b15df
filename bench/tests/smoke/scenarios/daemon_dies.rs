//! The daemon dies or is stopped while every call of an application blocks: each fails at once, and the next daemon
//! takes applications as soon as it is there.

use std::net::TcpListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coremill_client::Stack;

use crate::configuration::KERNEL;
use crate::daemon::Daemon;
use crate::mortal::{ECHO, Mortal};

pub fn run(workers: usize) {
    for signals in [&["KILL"][..], &["TERM", "TERM"]] {
        let daemon = Daemon::start(workers);
        // At the first attempt: a socket file that another one left is in nobody's way.
        drop(Stack::attach(CONTROL).expect("attach"));
        // Takes connections, as the kernel does, and neither reads nor writes.
        let _silent = TcpListener::bind((KERNEL, ECHO)).expect("listen");
        let mut blocked = Mortal::start(&["blocked"]);
        assert_eq!(blocked.line().as_deref(), Some("blocked"));
        calls_fail(daemon, signals, &mut blocked, &BLOCKED);
    }
    let daemon = Daemon::start(workers);
    let _silent = TcpListener::bind((KERNEL, ECHO)).expect("listen");
    let mut unanswered = Mortal::start(&["unanswered"]);
    assert_eq!(unanswered.line().as_deref(), Some("ready"));
    // A daemon that stands still answers nothing and takes nothing from its rings.
    daemon.signal("STOP");
    unanswered.go_on();
    assert_eq!(unanswered.line().as_deref(), Some("blocked"));
    calls_fail(daemon, &["KILL"], &mut unanswered, &UNANSWERED);
}

/// Ends the daemon, and sees all calls fail for that.
fn calls_fail(mut daemon: Daemon, signals: &[&str], program: &mut Mortal, expected: &[&str]) {
    for signal in signals {
        daemon.signal(signal);
    }
    let mut gone_us = now_us();
    daemon.wait_for_end();
    if signals.contains(&"TERM") {
        // Until then it says goodbye to its peers.
        gone_us = now_us();
    }
    // What it says fits into the pipe.
    let has_ended = program.ends_within(Duration::from_secs(5));
    let mut calls = Vec::new();
    while let Some(line) = program.line() {
        let words: Vec<&str> = line.split(' ').collect();
        let [call, at_us, error] = words.as_slice() else {
            panic!("{line}");
        };
        let at_us: u128 = at_us.parse().expect("a time");
        let late_us = at_us.saturating_sub(gone_us);
        eprintln!("{signals:?}: {call} failed with {error} after {late_us} us");
        // Dropping says nothing.
        let expected = if *call == "linger" { "0" } else { ECONNRESET };
        assert_eq!(*error, expected, "{call}");
        assert!(late_us < NOTICED_US, "{call} after {late_us} us");
        calls.push((*call).to_owned());
    }
    calls.sort_unstable();
    assert_eq!(calls, expected);
    assert!(has_ended, "a call is blocked still");
}

fn now_us() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or(Duration::ZERO).as_micros()
}

const CONTROL: &str = "/run/coremill/control.sock";
const ECONNRESET: &str = "104";
/// Calls fail within this time.
const NOTICED_US: u128 = 100_000;
/// What waits for a peer, or for others' connections.
const BLOCKED: [&str; 15] = [
    "accept",
    "connect",
    "fill",
    "linger",
    "peek",
    "poll",
    "read",
    "read_vectored",
    "reserve",
    "tokio_accept",
    "tokio_connect",
    "tokio_read",
    "tokio_write",
    "write",
    "write_vectored",
];
/// What waits for a worker's answer, or for room in its ring.
const UNANSWERED: [&str; 13] = [
    "add_key",
    "bind",
    "connect",
    "info",
    "open",
    "option",
    "push",
    "push",
    "read_urgent",
    "set_option",
    "shutdown",
    "tokio_bind",
    "tokio_connect",
];
