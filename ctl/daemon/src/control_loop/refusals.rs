//! Warns of what was not believed: segments that should be signed and were not, or not rightly, and ICMP errors that connections
//! with TCP-AO ignore (RFC 5925, sections 7.3 and 7.8).
//!
//! Workers count, and write nothing; here the counts are compared now and then, so that there is a line at most for each
//! interval, whatever a peer sends. `coremill counters` has the numbers at any time.

use std::time::{Duration, Instant};

use crate::stack::Stack;

/// What was refused up to the last look.
#[derive(Debug, Default)]
pub struct Refusals {
    looked: Option<Instant>,
    seen: [u64; NAMES.len()],
}

impl Refusals {
    /// What to tell now, if anything: names with how often each occurred since the last time.
    pub fn due(&mut self, now: Instant, stack: &Stack) -> Option<String> {
        let is_early = self
            .looked
            .is_some_and(|looked| now.saturating_duration_since(looked) < INTERVAL);
        if is_early {
            return None;
        }
        self.looked = Some(now);
        let counts = counts(stack);
        let seen = std::mem::replace(&mut self.seen, counts);
        let new = NAMES.iter().zip(counts).zip(seen);
        let told: Vec<String> = new
            .filter(|((_, count), seen)| count > seen)
            .map(|((name, count), seen)| format!("{name} {}", count - seen))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

fn counts(stack: &Stack) -> [u64; NAMES.len()] {
    let mut sums = [0; NAMES.len()];
    for worker in &stack.workers {
        let tcp = worker.tcp_counters();
        let all = [
            &tcp.md5_not_found,
            &tcp.md5_unexpected,
            &tcp.md5_failure,
            &tcp.ao_bad,
            &tcp.ao_key_not_found,
            &tcp.ao_required,
            &tcp.ao_dropped_icmps,
        ];
        for (sum, counter) in sums.iter_mut().zip(all) {
            *sum += counter.get();
        }
    }
    sums
}

/// As Linux names them.
const NAMES: [&str; 7] = [
    "TCPMD5NotFound",
    "TCPMD5Unexpected",
    "TCPMD5Failure",
    "TCPAOBad",
    "TCPAOKeyNotFound",
    "TCPAORequired",
    "TCPAODroppedIcmps",
];
/// Between two lines.
const INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
