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
        let mut daemon = Daemon::start(workers);
        // At the first attempt: a socket file that another one left is in nobody's way.
        drop(Stack::attach(CONTROL).expect("attach"));
        // Takes connections, as the kernel does, and neither reads nor writes.
        let silent = TcpListener::bind((KERNEL, ECHO)).expect("listen");
        let mut blocked = Mortal::start(&["blocked"]);
        assert_eq!(blocked.line().as_deref(), Some("blocked"));
        for signal in signals {
            daemon.signal(signal);
        }
        let mut gone_us = now_us();
        daemon.wait_for_end();
        if signals.contains(&"TERM") {
            // Until then it says goodbye to its peers.
            gone_us = now_us();
        }
        let mut calls = Vec::new();
        while let Some(line) = blocked.line() {
            let words: Vec<&str> = line.split(' ').collect();
            let [call, at_us, error] = words.as_slice() else {
                panic!("{line}");
            };
            let at_us: u128 = at_us.parse().expect("a time");
            let late_us = at_us.saturating_sub(gone_us);
            eprintln!("{signals:?}: {call} failed with {error} after {late_us} us");
            assert_eq!(*error, ECONNRESET, "{call}");
            assert!(late_us < NOTICED_US, "{call} after {late_us} us");
            calls.push((*call).to_owned());
        }
        calls.sort_unstable();
        assert_eq!(calls, ["accept", "connect", "poll", "read", "write"]);
        assert!(blocked.wait().success());
        drop(silent);
    }
}

fn now_us() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or(Duration::ZERO).as_micros()
}

const CONTROL: &str = "/run/coremill/control.sock";
const ECONNRESET: &str = "104";
/// Calls fail within this time.
const NOTICED_US: u128 = 100_000;
