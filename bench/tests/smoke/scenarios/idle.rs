//! A daemon without work leaves the cores alone, and wakes up soon when something comes.

use std::time::Duration;

use crate::command;
use crate::configuration::{DAEMON, ECHO};
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    std::thread::sleep(Duration::from_secs(1));
    let before = daemon.processor_ticks();
    std::thread::sleep(WATCHED);
    let ticks = daemon.processor_ticks() - before;
    // A tick is a hundredth of a second (USER_HZ, the same on all Linux ports).
    let percent = ticks as f64 / WATCHED.as_secs_f64();
    eprintln!("idle with {workers} workers: {percent:.1} % of a core");
    assert!(percent < PERCENT_MAX, "{percent:.1} % of a core while idle");

    let pings = command::run(&["ping", "-q", "-c", "50", "-i", "0.02", DAEMON]);
    eprintln!("{}", pings.lines().last().unwrap_or_default());
    let arguments = ["rpc", ECHO, "--requests", "200", "--pause", "5ms"];
    let report = command::load(&[], &arguments);
    let p50 = report["request_micros"]["p50"].as_f64().expect("a number");
    assert!(
        p50 < WAKE_MICROS_MAX,
        "half of the requests to an idle daemon took {p50} us or more"
    );
}

const WATCHED: Duration = Duration::from_secs(5);
/// Two hundredths of one core, for all workers and the control thread together.
const PERCENT_MAX: f64 = 2.0;
/// Generous, since tests share their machine: some tens of microseconds are usual.
const WAKE_MICROS_MAX: f64 = 2_000.0;
