//! A thousand connections at once, spread over the workers, and no stray lost.

use crate::command::load;
use crate::configuration::ECHO;
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let arguments = [
        "rpc",
        ECHO,
        "--connections",
        "1000",
        "--requests",
        "10",
        "--timeout",
        "30s",
    ];
    let report = load(&[], &arguments);
    assert_eq!(report["connections"], 1_000);
    assert_eq!(report["requests"], 10_000);
    let opened = daemon.counter_by_worker("PassiveOpens");
    assert_eq!(opened.len(), workers);
    for (worker, opened) in opened.into_iter().enumerate() {
        // Half of a thousand each; a fair spread strays from that by 16 (one sigma).
        assert!(
            opened as usize > 800 / workers,
            "worker {worker} got {opened} connections only"
        );
    }
    if workers > 1 {
        strays(&daemon);
    }
}

/// The tap has no receive steering, so packets arrive at the wrong worker, and none may be lost.
fn strays(daemon: &Daemon) {
    let sent = daemon.counter("strays_sent");
    let received = daemon.counter("strays_received");
    assert!(
        sent > 0,
        "no packet came to the wrong worker: is there a second queue at all?"
    );
    assert_eq!(
        daemon.drops("stray_ring_full"),
        0,
        "{sent} strays sent, {received} received"
    );
    assert_eq!(sent, received);
}
