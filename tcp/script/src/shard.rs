//! The machine under test: a shard on virtual time, the sockets of a script, and what it has sent.
//!
//! `sockets` maps system calls to its verbs, with `opening`, `listening`, `transfer`, `choices`, `keys` and `readiness`.

mod choices;
mod closing;
mod keys;
mod listening;
mod opening;
mod readiness;
mod refusals;
mod sockets;
mod transfer;

use std::collections::VecDeque;
use std::time::Duration;

use coremill_tcp::address::Flow;
use coremill_tcp::congestion::AlgorithmInfo;
use coremill_tcp::limits::Secrets;
use coremill_tcp::packet::{Inbound, Outgoing, Quoted};
use coremill_tcp::statistics::OBJECTS;
use coremill_tcp::{ChunkPool, Instant, Shard, TcpCounters};

use crate::info::Info;
use crate::language::Call;
use crate::settings::Settings;
use crate::subject::{Progress, START, Sent, Subject, Tried};
use crate::verdict::Trouble;
use crate::wanted::Wanted;
use sockets::Sockets;

/// A shard, the time it is told, its sockets, and its segments that nobody has looked at yet.
pub struct Machine {
    stack: Stack,
    sockets: Sockets,
    sent: VecDeque<Sent>,
    /// The port cuts segments.
    is_cut: bool,
}

/// The shard and its time.
pub struct Stack {
    shard: Shard,
    now: Instant,
}

impl Machine {
    /// A machine with the limits of `settings`.
    pub fn new(settings: &Settings) -> Self {
        let secrets = Secrets {
            initial_sequence: [1; 16],
            timestamp_offset: [2; 16],
            ephemeral_port: [3; 16],
            table: [4; 16],
            syn_cookie: [5; 16],
            fast_open: [6; 16],
        };
        let memory = ChunkPool::new(settings.limits.memory_bytes);
        Self {
            stack: Stack {
                shard: Shard::new(settings.limits.clone(), secrets, memory),
                now: START,
            },
            sockets: Sockets::default(),
            sent: VecDeque::new(),
            is_cut: settings.is_cut,
        }
    }
}

impl Stack {
    /// The next segment to leave, at the front of `out`.
    fn next_segment(&mut self, out: &mut [u8], is_cut: bool) -> Option<Outgoing> {
        match is_cut {
            true => self.shard.next_segments(self.now, out),
            false => self.shard.next_segment(self.now, out),
        }
    }

    /// What goes to our own address comes back, and never leaves the machine.
    fn loop_back(&mut self, outgoing: &Outgoing, bytes: &[u8]) {
        let inbound = Inbound {
            source: outgoing.source,
            destination: outgoing.destination,
            bytes,
            checksum_verified: true,
            ecn: outgoing.ecn,
            ttl: outgoing.ttl,
            mtu: LOOPBACK_MTU,
        };
        self.shard.receive(self.now, &inbound);
    }
}

impl Subject for Machine {
    fn now(&self) -> Instant {
        self.stack.now
    }

    fn collect(&mut self) -> Result<(), Trouble> {
        let mut out = vec![0; SEGMENT_BYTES_MAX];
        let (now, stack) = (self.stack.now, &mut self.stack);
        stack.shard.advance(now, usize::MAX);
        let mut looped = 0;
        while let Some(outgoing) = stack.next_segment(&mut out, self.is_cut) {
            let bytes = out.get(..outgoing.length).unwrap_or(&out).to_vec();
            if outgoing.destination == outgoing.source {
                stack.loop_back(&outgoing, &bytes);
                looped += 1;
                if looped > SENT_MAX {
                    return Err(Trouble::Difference(
                        "it never stops answering itself".to_owned(),
                    ));
                }
                continue;
            }
            self.sent.push_back(Sent {
                at: now,
                source: outgoing.source,
                destination: outgoing.destination,
                ecn: outgoing.ecn,
                dscp: outgoing.dscp,
                ttl: outgoing.ttl,
                bytes,
            });
            if self.sent.len() > SENT_MAX {
                return Err(Trouble::Difference("it never stops sending".to_owned()));
            }
        }
        // Nobody waits for events here; they must not pile up.
        while stack.shard.next_event().is_some() {}
        Ok(())
    }

    fn step(&mut self, end: Instant) -> Result<(), Trouble> {
        let now = self.stack.now;
        let deadline = self.stack.shard.next_deadline().unwrap_or(end);
        // A deadline is a lower bound: go on by a little at least.
        let least = (now + TICK).min(end);
        self.stack.now = deadline.min(end).max(now).max(least);
        self.collect()
    }

    fn sent(&mut self) -> &mut VecDeque<Sent> {
        &mut self.sent
    }

    fn is_at_rest(&self) -> bool {
        self.stack.shard.next_deadline().is_none()
    }

    fn inject(&mut self, inbound: &Inbound<'_>) -> Result<(), Trouble> {
        self.stack.shard.receive(self.stack.now, inbound);
        Ok(())
    }

    fn inject_error(&mut self, quoted: &Quoted) -> Result<(), Trouble> {
        self.stack.shard.unreachable(self.stack.now, quoted);
        Ok(())
    }

    fn attempt(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Tried, Trouble> {
        progress.waited = self.stack.now.since(progress.started);
        self.sockets
            .attempt(&mut self.stack, settings, call, progress)
    }

    fn info(&self, flow: Flow, wanted: Wanted) -> Option<Info> {
        let id = self.sockets.connection_of(&self.stack, flow)?;
        let (now, shard) = (self.stack.now, &self.stack.shard);
        let mut info = Info::of_machine(&shard.tcp_info(now, id)?);
        if let Some(memory) = shard.memory_info(id).filter(|_| wanted.memory) {
            info = info.with_memory(&memory.to_array());
        }
        if let Some(own) = shard.congestion_info(id).filter(|_| wanted.congestion) {
            let name = match own {
                AlgorithmInfo::None => "",
                AlgorithmInfo::Bbr { .. } => "bbr",
                AlgorithmInfo::Dctcp { .. } => "dctcp",
            };
            info = info.with_congestion(name, &own.to_words());
        }
        if let Some(values) = shard.statistics(now, id).filter(|_| wanted.statistics) {
            let objects = OBJECTS.into_iter().zip(values);
            info = objects.fold(info, |info, (name, value)| info.with(name, value));
        }
        Some(info)
    }

    fn counters(&self) -> Vec<(String, u64)> {
        let counters = self.stack.shard.counters();
        let names = TcpCounters::TABLE
            .iter()
            .map(|(name, _)| (*name).to_owned());
        names.zip(counters.values()).collect()
    }
}

/// How far time goes on where the shard does not tell.
const TICK: Duration = Duration::from_micros(20);
/// As most.
const LOOPBACK_MTU: u16 = 65_535;
/// Larger than any MTU.
const SEGMENT_BYTES_MAX: usize = 65_536;
/// More than any script expects: a machine that never stops sending is not waited for.
const SENT_MAX: usize = 100_000;
