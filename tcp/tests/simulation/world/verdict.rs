//! What came of a run: everybody is served or was told why not, and nothing stays behind.

use std::time::Duration;

use coremill_tcp::State;
use coremill_tcp::snapshot::{ConnectionRow, Cursor};

use super::World;

impl World {
    pub(super) fn left_over(&self) -> String {
        let records = [0, 1].map(|side: usize| self.sides[side].shard.live_records());
        let open = self
            .applications
            .iter()
            .filter(|end| !end.progress.is_closed);
        format!(
            "{records:?} records, open ends {:#?}",
            open.collect::<Vec<_>>()
        )
    }

    /// No timer is lost: with something unanswered on its way, a side wants to be called some time. Whether each of its
    /// connections does is what the shard's own audit looks at, after each turn as well.
    pub(super) fn check_timers(&self) {
        for side in &self.sides {
            if side.shard.next_deadline().is_some() || side.shard.has_segments() {
                continue;
            }
            let mut cursor = Cursor::default();
            let mut visit = |row: &ConnectionRow| {
                let is_waiting = match row.state {
                    State::Listen | State::Closed => false,
                    State::Established | State::CloseWait | State::FinWait2 => {
                        row.send_queue_bytes > 0
                    }
                    _ => true,
                };
                assert!(!is_waiting, "no timer will ever help {row:?}");
            };
            while side
                .shard
                .connection_rows(self.now, &mut cursor, 64, &mut visit)
            {}
        }
    }

    /// Nothing is left to happen: what came of it?
    pub(super) fn check(&mut self) {
        for application in &self.applications {
            let progress = &application.progress;
            assert!(progress.is_closed, "waits for ever: {application:#?}");
            self.summary.urgent += progress.urgent;
            self.summary.marks_seen += progress.marks_seen;
            self.summary.more += progress.more;
            self.summary.key_changes += progress.key_changes;
            self.summary.marked_low += progress.marked_low;
            self.summary.add_options(&progress.options);
        }
        for side in &mut self.sides {
            side.check(self.now);
            let counters = side.shard.counters();
            self.summary.retransmissions += counters.retrans_segs.get();
            let by_count = counters.reno_recovery.get();
            self.summary.marks += counters.delivered_ce.get();
            self.summary.cookies += counters.syncookies_received.get();
            self.summary.fast_opens += counters.fast_open_passive.get();
            self.summary.paced += counters.pacing_waits.get();
            self.summary.keepalives += counters.keepalive.get();
            self.summary.larger += counters.mtup_success.get();
            self.summary.too_large += counters.mtup_fail.get();
            self.summary.recoveries += by_count + counters.sack_recovery.get();
            self.summary.timeouts += counters.timeouts.get();
        }
        for index in 0..self.plan.connections.len() {
            self.check_connection(index);
        }
        self.check_rates();
    }

    fn check_connection(&mut self, index: usize) {
        let is_gentle = self.plan.is_gentle() && self.answers_cookies();
        let plan = &self.plan.connections[index];
        let end = |side| {
            let mut ends = self.applications.iter();
            ends.find(|end| end.connection == index && end.side == side)
                .map(|end| &end.progress)
        };
        let mut completed = 0;
        for side in 0..2 {
            let (Some(mine), Some(other)) = (end(side), end(1 - side)) else {
                continue;
            };
            self.summary.bytes += mine.received as u64;
            assert!(mine.received <= other.sent, "bytes from nowhere: {plan:#?}");
            if mine.is_at_end {
                let is_complete = mine.received == other.sent;
                assert!(
                    is_complete,
                    "cut short without an error: {mine:?} {other:?} {plan:#?}"
                );
            }
            completed += u32::from(mine.is_at_end && mine.error.is_none());
        }
        let is_established = [0, 1]
            .iter()
            .all(|side| end(*side).is_some_and(|end| end.is_established));
        if plan.is_orderly() && is_gentle && is_established {
            assert_eq!(
                completed,
                2,
                "failed on a good link: {:?} {:?} {plan:#?}",
                end(0),
                end(1)
            );
        }
        self.summary.completed += u64::from(completed == 2);
        self.summary.errors += u64::from(
            [0, 1]
                .iter()
                .any(|side| end(*side).is_some_and(|end| end.error.is_some())),
        );
    }

    /// Without timestamps a cookie comes back in a peer's first segment alone: where that is lost, and a copy of the SYN-ACK is
    /// acknowledged from further on, the answer is RST (as on Linux).
    fn answers_cookies(&self) -> bool {
        let mut sides = self.sides.iter();
        // Nor where a full accept queue makes the answer RST: the next segment brings the cookie again.
        let mut limits = self.plan.limits.iter();
        let is_answered = limits.all(|limits| limits.timestamps && !limits.abort_on_overflow);
        is_answered || sides.all(|side| side.shard.counters().syncookies_sent.get() == 0)
    }

    /// No stream was faster than its sender's rate (SO_MAX_PACING_RATE), but for its beginning.
    fn check_rates(&self) {
        for sender in &self.applications {
            let rate = sender.plan.socket.pacing_rate_max;
            let mut ends = self.applications.iter();
            let Some(receiver) = ends.find(|end| {
                end.connection == sender.connection
                    && end.side != sender.side
                    && end.progress.is_at_end
            }) else {
                continue;
            };
            let elapsed = receiver.progress.ended_at.since(sender.began);
            let elapsed = elapsed + MISSED_LONGEST;
            let unpaced = UNPACED_SEGMENTS * u128::from(self.plan.mtu);
            let most = u128::from(rate) * elapsed.as_micros() / 1_000_000 + unpaced;
            assert!(
                rate == 0 || receiver.progress.received as u128 <= most,
                "faster than {rate} bytes a second: {receiver:#?} {sender:#?}"
            );
        }
    }
}

/// Ten leave at once, as on Linux; and a few more may lie between two times of the pace.
const UNPACED_SEGMENTS: u128 = 12;
/// What was missed is made up for; once for the beginning, once for now.
const MISSED_LONGEST: Duration = Duration::from_millis(2);
