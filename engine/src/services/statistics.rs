//! What a service counts of itself; one worker's part.

use crate::snapshot::ServiceRow;

/// Plain numbers: only the service's own worker reads them, when asked for a row.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Connections accepted or opened so far.
    pub connections_total: u64,
    /// Connections that ended with an error.
    pub errors: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Requests answered or completed.
    pub requests: u64,
    /// Bytes that differed from what was expected.
    pub mismatches: u64,
}

impl Statistics {
    /// A row with these numbers; name, kind, address and latencies are the caller's.
    pub fn row(&self, connections: usize) -> ServiceRow {
        ServiceRow {
            connections: connections as u64,
            connections_total: self.connections_total,
            errors: self.errors,
            received_bytes: self.received_bytes,
            sent_bytes: self.sent_bytes,
            requests: self.requests,
            mismatches: self.mismatches,
            ..ServiceRow::default()
        }
    }
}
