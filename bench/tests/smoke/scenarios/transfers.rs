//! 256 MiB up, down and both ways at once, every byte verified.

use crate::command::load;
use crate::configuration::{CHARGEN, DISCARD, ECHO};
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    for (direction, target, both_ways) in [
        ("up", DISCARD, false),
        ("down", CHARGEN, false),
        ("both", ECHO, true),
    ] {
        let report = load(&[], &["stream", direction, target, "--bytes", "256MiB"]);
        let moved = |field: &str| report[field].as_u64().expect("a number");
        let expected = BYTES * if both_ways { 2 } else { 1 };
        assert_eq!(
            moved("bytes_sent") + moved("bytes_received"),
            expected,
            "{direction}"
        );
        assert_eq!(moved("mismatches"), 0, "{direction}");
    }
    assert_eq!(
        daemon.drops("stray_ring_full"),
        0,
        "packets were lost between workers"
    );
    assert_eq!(daemon.drops("tcp_bad_checksum"), 0);
}

const BYTES: u64 = 256 << 20;
