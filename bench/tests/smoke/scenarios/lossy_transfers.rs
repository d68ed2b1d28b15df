//! 64 MiB each way with one packet in a hundred lost each way on the path.

use crate::command::load;
use crate::configuration::{CHARGEN, DISCARD, ECHO};
use crate::daemon::Daemon;
use crate::topology::{IN_CLIENT, LossyPath, Share};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let path = LossyPath::build();
    for (direction, target) in [("up", DISCARD), ("down", CHARGEN), ("both", ECHO)] {
        let client_before = path.client_retransmissions();
        let daemon_before = daemon.counter("RetransSegs");
        let arguments = [
            "stream",
            direction,
            target,
            "--bytes",
            "64MiB",
            "--timeout",
            "60s",
        ];
        let report = load(&IN_CLIENT, &arguments);
        assert_eq!(report["mismatches"], 0, "{direction}");
        let client = path.client_retransmissions() - client_before;
        let ours = daemon.counter("RetransSegs") - daemon_before;
        eprintln!("{direction}: {client} segments sent again by the client, {ours} by the daemon");
        // Whoever sends data through the loss has to repeat about one segment in a hundred of it.
        if direction != "down" {
            assert!(
                client > RETRANSMISSIONS_MIN,
                "{direction}: the client repeated {client} only"
            );
        }
        if direction != "up" {
            assert!(
                ours > RETRANSMISSIONS_MIN,
                "{direction}: the daemon repeated {ours} only"
            );
        }
    }
    for (way, Share { seen, dropped }) in ["up", "down"].into_iter().zip(path.shares()) {
        let percent = dropped as f64 * 100.0 / seen as f64;
        eprintln!("{way}: {dropped} of {seen} packets dropped ({percent:.2} %)");
        assert!(
            seen > PACKETS_MIN,
            "{way}: {seen} packets: was segmentation offload on?"
        );
        assert!(
            (0.7..=1.3).contains(&percent),
            "{way}: {percent:.2} % dropped"
        );
    }
    assert_eq!(
        daemon.drops("stray_ring_full"),
        0,
        "packets were lost between workers"
    );
}

/// 64 MiB are 46,000 segments of 1,460 bytes, of which some 460 are lost.
const RETRANSMISSIONS_MIN: u64 = 200;
/// Two of the three transfers send 46,000 segments each in either direction.
const PACKETS_MIN: u64 = 90_000;
