//! What is counted of attachments. The control thread writes, a scrape reads.

use coremill_ring::untrusted::Violation;
use coremill_tcp::counters::Counter;

use super::entry::Reason;

/// Since the daemon's start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Attachments made.
    pub attached: Counter,
    /// Requests to attach that were refused.
    pub refused: Counter,
    detached: [Counter; Reason::ALL.len()],
    violations: [Counter; Violation::ALL.len()],
}

impl Counters {
    /// An attachment came to its end.
    pub fn count_detached(&self, reason: Reason) {
        if let Some(counter) = self.detached.get(reason as usize) {
            counter.increment();
        }
    }

    /// An application lied.
    pub fn count_violation(&self, name: &str) {
        let index = Violation::ALL
            .iter()
            .position(|violation| violation.name() == name);
        if let Some(counter) = index.and_then(|index| self.violations.get(index)) {
            counter.increment();
        }
    }

    /// Attachments that ended, by reason.
    pub fn detached(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = Reason::ALL.iter().map(|reason| reason.name());
        names.zip(self.detached.iter().map(Counter::get))
    }

    /// Lies, by name.
    pub fn violations(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = Violation::ALL.iter().map(|violation| violation.name());
        names.zip(self.violations.iter().map(Counter::get))
    }
}
