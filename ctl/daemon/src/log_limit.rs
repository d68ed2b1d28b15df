//! Bounds what a peer can make the log grow by.

use std::time::{Duration, Instant};

/// Lets a few lines through per interval and counts the rest.
#[derive(Debug)]
pub struct LogLimit {
    since: Instant,
    lines: u32,
    withheld: u64,
}

impl LogLimit {
    /// Nothing written yet.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            lines: 0,
            withheld: 0,
        }
    }

    /// Whether a line may be written now, with the number withheld before it.
    pub fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.saturating_duration_since(self.since) >= INTERVAL {
            self.since = now;
            self.lines = 0;
        }
        if self.lines >= LINES_MAX {
            self.withheld += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.withheld))
    }
}

const INTERVAL: Duration = Duration::from_secs(10);
const LINES_MAX: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_bound_are_counted_until_the_next_interval() {
        let start = Instant::now();
        let mut limit = LogLimit::new(start);
        let admitted = (0..100).filter_map(|_| limit.admit(start)).count();
        assert_eq!(admitted, LINES_MAX as usize);
        assert_eq!(
            limit.admit(start + INTERVAL),
            Some(100 - u64::from(LINES_MAX))
        );
        assert_eq!(limit.admit(start + INTERVAL), Some(0));
    }
}
