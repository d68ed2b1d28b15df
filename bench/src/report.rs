//! What a load has found, as text for people or JSON for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::failure::Failures;
use crate::histogram::{Latencies, Summary};

/// The result of one load. Field names are the keys of `--json`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `rpc`, `http`, `connect`, `stream up`, `stream down` or `stream both`.
    pub load: String,
    /// The server.
    pub target: String,
    /// Wall time of the whole load.
    pub seconds: f64,
    /// Connections that stood.
    pub connections: u64,
    /// Connections that stood, per second.
    pub connections_per_second: f64,
    /// Connections, or requests on them, that failed.
    pub failures: u64,
    /// Requests answered completely and rightly.
    pub requests: u64,
    /// Answered requests per second.
    pub requests_per_second: f64,
    /// Payload bytes given to the stack.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Payload in both directions, in units of 2^20 bytes per second.
    pub mebibytes_per_second: f64,
    /// Received bytes that were wrong.
    pub mismatches: u64,
    /// HTTP responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Time to connect, in microseconds.
    pub connect_micros: Option<Summary>,
    /// Time from a request's first byte sent to its answer's last, in microseconds.
    pub request_micros: Option<Summary>,
    /// Failures by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// The first failure of each kind in words.
    pub first_errors: BTreeMap<&'static str, String>,
}

/// What a load counts while it runs; parts from several threads are merged.
#[derive(Debug)]
pub struct Tally {
    /// Connections that stood.
    pub connections: u64,
    /// Requests answered.
    pub requests: u64,
    /// Payload bytes given to the stack.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Received bytes that were wrong.
    pub mismatches: u64,
    /// HTTP responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Time to connect.
    pub connect: Latencies,
    /// Time of a request.
    pub request: Latencies,
    /// What failed.
    pub failures: Failures,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            connections: 0,
            requests: 0,
            bytes_sent: 0,
            bytes_received: 0,
            mismatches: 0,
            statuses: BTreeMap::new(),
            connect: Latencies::new()?,
            request: Latencies::new()?,
            failures: Failures::default(),
        })
    }

    /// The report of a load that took `elapsed`.
    pub fn report(&self, load: String, target: String, elapsed: Duration) -> Report {
        let seconds = elapsed.as_secs_f64().max(1e-9);
        let mebibytes = (self.bytes_sent + self.bytes_received) as f64 / f64::from(1 << 20);
        Report {
            load,
            target,
            seconds,
            connections: self.connections,
            connections_per_second: self.connections as f64 / seconds,
            failures: self.failures.total(),
            requests: self.requests,
            requests_per_second: self.requests as f64 / seconds,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            mebibytes_per_second: mebibytes / seconds,
            mismatches: self.mismatches,
            statuses: self.statuses.clone(),
            connect_micros: self.connect.summary(),
            request_micros: self.request.summary(),
            errors: self
                .failures
                .iter()
                .map(|(kind, count, _)| (kind.word(), count))
                .collect(),
            first_errors: self
                .failures
                .iter()
                .map(|(kind, _, detail)| (kind.word(), detail.to_owned()))
                .collect(),
        }
    }
}

impl Report {
    /// Whether nothing failed and no byte was wrong.
    pub fn succeeded(&self) -> bool {
        self.failures == 0 && self.mismatches == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} {}: {:.2} s, {} connections ({:.0} per second)",
            self.load, self.target, self.seconds, self.connections, self.connections_per_second
        )?;
        if ["rpc", "http"].contains(&self.load.as_str()) {
            writeln!(
                f,
                "  requests  {} ({:.0} per second)",
                self.requests, self.requests_per_second
            )?;
        }
        for (status, count) in &self.statuses {
            writeln!(f, "  status    {status}: {count}")?;
        }
        writeln!(
            f,
            "  payload   {} bytes sent, {} received ({:.1} MiB/s both ways), {} wrong",
            self.bytes_sent, self.bytes_received, self.mebibytes_per_second, self.mismatches
        )?;
        if let Some(summary) = &self.connect_micros {
            writeln!(f, "  connect   {}", Micros(summary))?;
        }
        if let Some(summary) = &self.request_micros {
            writeln!(f, "  request   {}", Micros(summary))?;
        }
        if self.errors.is_empty() {
            return writeln!(f, "  errors    none");
        }
        for (word, count) in &self.errors {
            let detail = self.first_errors.get(word).map_or("", String::as_str);
            writeln!(f, "  errors    {word} {count} (first: {detail})")?;
        }
        Ok(())
    }
}

struct Micros<'a>(&'a Summary);

impl fmt::Display for Micros<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            p50,
            p90,
            p99,
            p99_9,
            max,
            ..
        } = self.0;
        write!(
            f,
            "p50 {p50:.1} us, p90 {p90:.1}, p99 {p99:.1}, p99.9 {p99_9:.1}, max {max:.1}"
        )
    }
}
