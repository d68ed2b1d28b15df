//! What connections count by RFC 4898 holds together, whatever the link does.

use coremill_tcp::snapshot::Cursor;
use coremill_tcp::statistics::{OBJECTS, Objects};
use coremill_tcp::{Instant, Shard};

use super::watched_memory::WatchedMemory;

/// Looks at all connections that count.
pub fn check(shard: &Shard<WatchedMemory>, now: Instant) {
    let mut cursor = Cursor::default();
    let mut look = |row: &coremill_tcp::snapshot::ConnectionRow| {
        if let Some(objects) = &row.statistics {
            holds_together(objects);
        }
    };
    while shard.connection_rows(now, &mut cursor, 64, &mut look) {}
}

fn holds_together(objects: &Objects) {
    let of = |name: &str| {
        let place = OBJECTS.iter().position(|known| *known == name);
        objects[place.expect(name)]
    };
    let ordered = [
        ("PerfDataSegsOut", "PerfSegsOut"),
        ("PerfDataSegsIn", "PerfSegsIn"),
        ("PerfOctetsRetrans", "PerfDataOctetsOut"),
        ("PerfSegsRetrans", "PerfSegsOut"),
        ("PerfDataSegsOut", "PerfDataOctetsOut"),
        ("StackFastRetran", "PerfCongSignals"),
        ("StackSubsequentTimeouts", "PerfTimeouts"),
        ("PathNonRecovDA", "StackDupAcksIn"),
        ("PathNonRecovDAEpisodes", "PathDupAckEpisodes"),
        ("PathMinRTT", "PathMaxRTT"),
        ("PathMinRTO", "PathMaxRTO"),
        ("StackSACKsRcvd", "StackSACKBlocksRcvd"),
        ("StackMinSsthresh", "StackMaxSsthresh"),
        ("StackMinMSS", "StackMaxMSS"),
        ("PathMaxRTT", "PathSumRTT"),
        ("InfoSndbufLimited", "InfoBusyTime"),
        ("InfoTotalRtoRecoveries", "PerfTimeouts"),
    ];
    for (less, more) in ordered {
        assert!(of(less) <= of(more), "{less} is more than {more}");
    }
    let limited = ["Rwin", "Cwnd", "Snd"].map(|by| of(&format!("PerfSndLimTime{by}")));
    let elapsed = of("PerfElapsedSecs") * 1_000_000 + of("PerfElapsedMicroSecs");
    // Each is cut to whole microseconds.
    let sum: u64 = limited.iter().sum();
    assert!(sum <= elapsed, "{limited:?} of {elapsed}");
}
