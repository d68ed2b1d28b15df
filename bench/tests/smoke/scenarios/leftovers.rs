//! Ten thousand connections opened and closed, by either side, leave nothing behind once TIME-WAIT is over.

use std::time::Duration;

use serde_json::Value;

use crate::command::load;
use crate::configuration::{CHARGEN_SHORT, ECHO};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let closed_by_client = [
        "rpc",
        ECHO,
        "--connections",
        "100",
        "--requests",
        "1",
        "--reopen",
        "49",
        "--timeout",
        "30s",
    ];
    let closed_by_daemon = [
        "stream",
        "down",
        CHARGEN_SHORT,
        "--bytes",
        "1000",
        "--connections",
        "50",
        "--reopen",
        "99",
        "--timeout",
        "30s",
    ];
    let count = |report: Value| report["connections"].as_u64().expect("a number");
    let opened = count(load(&[], &closed_by_client)) + count(load(&[], &closed_by_daemon));
    assert_eq!(opened, 10_000);
    assert!(daemon.counter("PassiveOpens") >= opened);
    // TIME-WAIT and FIN-WAIT-2 are short in this configuration.
    std::thread::sleep(Duration::from_secs(1));
    wait_for("the last record to go", || {
        daemon.rows(&["sockets"]).is_empty()
            && daemon
                .rows(&["workers"])
                .iter()
                .all(|worker| worker["connections"] == 0)
    });
    for service in daemon.rows(&["services"]) {
        assert_eq!(service["connections"], 0, "{service}");
        assert_eq!(service["errors"], 0, "{service}");
    }
    assert_eq!(
        daemon.drops("stray_ring_full"),
        0,
        "packets were lost between workers"
    );
}
