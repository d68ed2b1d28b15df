//! The machine under test: a shard on virtual time, and what it has sent.
//!
//! `sockets` maps system calls to its verbs (with `transfer`, `choices` and `readiness`), `wire`
//! maps segments between the script's numbers and the shard's.

mod choices;
mod readiness;
mod sockets;
mod transfer;
mod wire;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use coremill_tcp::limits::Secrets;
use coremill_tcp::{ChunkPool, Instant, Shard};

use crate::settings::Settings;

pub use sockets::{Outcome, Progress, Sockets};
pub use wire::{Observed, Wire};

/// A shard, the time it is told, and its segments that nobody has looked at yet.
pub struct Machine {
    /// The machine itself.
    pub shard: Shard,
    /// What it is told the time is.
    pub now: Instant,
    /// Segments sent, oldest first.
    pub sent: VecDeque<Sent>,
}

/// A segment that the shard has sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// ECN bits.
    pub ecn: u8,
    /// Time to live.
    pub ttl: u8,
    /// Header, options, payload.
    pub bytes: Vec<u8>,
}

impl Machine {
    /// A machine with the limits of `settings`.
    pub fn new(settings: &Settings) -> Self {
        let secrets = Secrets {
            initial_sequence: [1; 16],
            timestamp_offset: [2; 16],
            ephemeral_port: [3; 16],
            table: [4; 16],
        };
        let memory = ChunkPool::new(settings.limits.memory_bytes);
        Self {
            shard: Shard::new(settings.limits.clone(), secrets, memory),
            now: START,
            sent: VecDeque::new(),
        }
    }

    /// Time since the script's start.
    pub fn elapsed(&self) -> Duration {
        self.now.since(START)
    }

    /// The point so long after the script's start.
    pub fn point(after: Duration) -> Instant {
        START + after
    }

    /// Goes on to the shard's next deadline, not beyond `end`, and takes what it sends.
    pub fn step(&mut self, end: Instant) {
        let deadline = self.shard.next_deadline().unwrap_or(end);
        let next = deadline.min(end).max(self.now);
        // A deadline is a lower bound: go on by a little at least.
        let least = (self.now + TICK).min(end);
        self.now = next.max(least);
        self.collect();
    }

    /// Does what is due now, and takes what the shard sends.
    pub fn collect(&mut self) {
        let mut out = vec![0; SEGMENT_BYTES_MAX];
        self.shard.advance(self.now, usize::MAX);
        while let Some(outgoing) = self.shard.next_segment(self.now, &mut out) {
            let bytes = out.get(..outgoing.length).unwrap_or(&out).to_vec();
            self.sent.push_back(Sent {
                at: self.now,
                source: outgoing.source,
                destination: outgoing.destination,
                ecn: outgoing.ecn,
                ttl: outgoing.ttl,
                bytes,
            });
            if self.sent.len() > SENT_MAX {
                return;
            }
        }
        // Nobody waits for events here; they must not pile up.
        while self.shard.next_event().is_some() {}
    }
}

/// Scripts begin here, so that timestamps and clocks are not near zero.
const START: Instant = Instant::from_millis(100_000);
/// How far time goes on where the shard does not tell.
const TICK: Duration = Duration::from_micros(20);
/// Larger than any MTU.
const SEGMENT_BYTES_MAX: usize = 65_536;
/// More than any script expects: a machine that never stops sending is not waited for.
const SENT_MAX: usize = 100_000;
