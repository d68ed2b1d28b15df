//! What a seed stands for: the shards' limits, the link, the connections and what they do.

use std::time::Duration;

use coremill_tcp::congestion::Algorithm;
use coremill_tcp::ecn::{EcnMode, EcnOption};
use coremill_tcp::fast_open::FastOpenSettings;
use coremill_tcp::limits::{MtuProbingMode, Secrets};
use coremill_tcp::options::SocketOptions;
use coremill_tcp::{Instant, Limits};

use super::choices::Signs;
use super::link::{LinkPlan, MTU_LEAST, MtuChange};
use super::random::Random;

/// Everything about one run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub limits: [Limits; 2],
    pub secrets: [Secrets; 2],
    pub links: [LinkPlan; 2],
    pub mtu: u16,
    /// IPv6.
    pub is_wide: bool,
    /// The ports cut segments.
    pub is_cut: bool,
    /// Connections that a SYN may make, of each listener, before they are confirmed; 0: none (RFC 7413).
    pub fast_opens: u16,
    /// All segments are signed.
    pub signs: Option<Signs>,
    /// Bound of the accept queues.
    pub backlogs: [usize; 2],
    /// The time at which it begins.
    pub origin: Instant,
    /// Decides what the rest of the plan leaves open: which packet is lost, and the like.
    pub chance: u64,
    pub connections: Vec<ConnectionPlan>,
}

/// One connection: who opens it, when, and what each end does.
#[derive(Clone, Debug)]
pub struct ConnectionPlan {
    /// The side that opens it.
    pub opener: usize,
    /// Both sides open it, with these ports.
    pub simultaneous: Option<[u16; 2]>,
    pub opens_after: Duration,
    /// By side.
    pub ends: [EndPlan; 2],
}

/// What one end of a connection does.
#[derive(Clone, Debug)]
pub struct EndPlan {
    /// Bytes it sends in all.
    pub send_bytes: usize,
    /// Largest piece given to `send` at once.
    pub send_piece: usize,
    /// Largest piece consumed at once.
    pub receive_piece: usize,
    /// Now and then it looks away for this long.
    pub pause: Option<Duration>,
    pub no_delay: bool,
    /// Its SYN waits for its first bytes, where the peer's cookie is known.
    pub opens_early: bool,
    /// Writes say now and then that more follows (MSG_MORE).
    pub says_more: bool,
    /// Some writes end with an urgent byte.
    pub is_urgent: bool,
    /// In the midst of it another key of TCP-AO signs.
    pub changes_key: bool,
    /// Options besides those above.
    pub socket: SocketOptions,
    pub ending: Ending,
}

/// How an end leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Sends all, shuts its direction, reads to the end of the stream, closes.
    Orderly,
    /// Reads to the end of the stream first, then sends all and closes at once.
    Last,
    /// Sends all and closes, read or not.
    Careless,
    /// Aborts after this long.
    Abort(Duration),
}

impl Plan {
    pub fn random(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let mtu = *pick(random, &[576, 1_280, 1_500, 1_500, 1_500, 9_000]);
        let mut links = [LinkPlan::random(random, mtu), LinkPlan::random(random, mtu)];
        if random.chance(1, 3) {
            links[1] = links[0].clone();
        }
        let count = if random.chance(1, 8) {
            random.between(9, 40)
        } else {
            random.between(1, 8)
        };
        // What one connection may send keeps a run short, on a slow link too.
        let slowest = links[0].bits_per_second.min(links[1].bits_per_second);
        let bytes_max = (1_500_000 / count).min(slowest / 4 / count).max(1_000);
        let memory_bytes = if random.chance(1, 10) {
            random.of_magnitude(65_536, 524_288) as usize
        } else {
            MEMORY_BYTES
        };
        let mut plan = Self {
            limits: [limits(random, memory_bytes), limits(random, memory_bytes)],
            secrets: [secrets(random), secrets(random)],
            links,
            mtu,
            is_wide: random.chance(1, 4),
            is_cut: seed % 5 == 4,
            fast_opens: 0,
            signs: None,
            backlogs: [0, 1].map(|_| random.between(1, 64) as usize),
            origin: Instant::from_micros(random.of_magnitude(1, 1 << 45)),
            chance: random.next(),
            connections: (0..count)
                .map(|index| ConnectionPlan::random(random, index as u16, bytes_max))
                .collect(),
        };
        // After all else, so that it leaves all else as it was.
        for link in &mut plan.links {
            if random.chance(1, 2) {
                link.gathers = random.micros(20, 2_000);
            }
        }
        if seed % 3 == 2 {
            plan.open_early(random);
        }
        if seed % 2 == 1 {
            plan.use_marks(random);
        }
        if seed % 4 == 3 {
            plan.swallow_large(random);
        }
        plan.choose(seed);
        plan
    }

    /// Listeners take data with SYNs, and connections send it so.
    fn open_early(&mut self, random: &mut Random) {
        self.fast_opens = random.between(1, 16) as u16;
        // With cookies, or without.
        let settings = FastOpenSettings::of_bits(*pick(random, &[3, 3, 0x207]));
        for limits in &mut self.limits {
            limits.opening.fast_open = settings;
            limits.saves_threshold = random.chance(1, 2);
        }
        for plan in &mut self.connections {
            let end = &mut plan.ends[plan.opener];
            // Who says nothing first would never open.
            let speaks = end.send_bytes > 0 && end.ending == Ending::Orderly;
            end.opens_early = speaks && plan.simultaneous.is_none() && random.chance(3, 4);
        }
    }

    /// The sides agree on AccECN, or on the classic kind, or on neither.
    fn use_marks(&mut self, random: &mut Random) {
        for limits in &mut self.limits {
            let mode = *pick(random, &[1, 2, 3, 3, 3, 3, 4, 5]);
            limits.ecn = EcnMode::from_number(mode).unwrap_or_default();
            let option = random.between(0, 3);
            limits.ecn_option = EcnOption::from_number(option).unwrap_or_default();
            limits.ecn_option_beacon = random.between(0, 3) as u32;
        }
        for link in &mut self.links {
            link.marks_after = Some(random.micros(20, 5_000));
        }
    }

    /// The path swallows large packets and says nothing, from the beginning or from some time on; both sides search for what
    /// it carries (RFC 4821).
    fn swallow_large(&mut self, random: &mut Random) {
        for limits in &mut self.limits {
            limits.mtu_probing.mode =
                *pick(random, &[MtuProbingMode::BlackHole, MtuProbingMode::Always]);
        }
        for link in &mut self.links {
            let after = *pick(random, &[0, 10_000, 1_000_000]);
            let (least, most) = (u64::from(MTU_LEAST), u64::from(self.mtu));
            link.mtu_change = (least < most).then(|| MtuChange {
                after: Duration::from_micros(after),
                mtu: random.between(least, most) as u16,
                is_silent: true,
            });
            // Heavy loss, of acknowledgements too, looks like such a path, and segments of 48 bytes would take hours (as
            // Linux's).
            for share in [
                &mut link.trouble.loss,
                &mut link.trouble.ack_loss,
                &mut link.trouble.corrupt,
            ] {
                *share = (*share).min(20_000);
            }
            link.trouble.burst = None;
        }
        // A search needs much to send, and a window that grows.
        let mut links = self.links.iter();
        if links.all(|link| link.bits_per_second >= 10_000_000) {
            let end = &mut self.connections[0].ends[0];
            end.send_bytes += 300_000;
            end.send_piece = 50_000;
        }
    }

    /// Bytes of the IP header.
    pub fn header_bytes(&self) -> usize {
        if self.is_wide { 40 } else { 20 }
    }

    /// True when link and memory are good enough that no connection may fail by itself.
    pub fn is_gentle(&self) -> bool {
        let is_roomy = self
            .limits
            .iter()
            .all(|limits| limits.memory_bytes == MEMORY_BYTES);
        // A signed segment for a flow that has ended is answered by listeners at its port alone, and between two ports of their
        // own there is none: what it says fills the link again and again, perhaps always when another wants it.
        let mut connections = self.connections.iter();
        let is_answered =
            self.signs.is_none() || connections.all(|connection| connection.simultaneous.is_none());
        let is_gentle = self.links.iter().all(|link| link.trouble.is_gentle());
        is_roomy && is_answered && is_gentle && self.is_repaired_in_time()
    }

    /// Where no SACK tells what arrived, each retransmission that is lost costs a timeout, which Karn's rule lets grow to minutes:
    /// too many where the queue takes less than the two segments that leave once a timeout is over, or with BBR, whose
    /// flights are as large whatever they lose.
    fn is_repaired_in_time(&self) -> bool {
        let is_selective = self.limits.iter().all(|limits| limits.sack);
        let mut connections = self.connections.iter();
        let uses_bbr = |end: &EndPlan| end.socket.congestion == Algorithm::Bbr as u8;
        let has_bbr = connections.any(|connection| connection.ends.iter().any(uses_bbr));
        let least = 2 * u128::from(self.mtu);
        let is_roomy = self.links.iter().all(|link| link.queue_bytes() >= least);
        is_selective || (is_roomy && !has_bbr)
    }
}

impl ConnectionPlan {
    fn random(random: &mut Random, index: u16, bytes_max: u64) -> Self {
        let ports = [10_000 + index, 20_000 + index];
        let mut ends = [
            EndPlan::random(random, bytes_max),
            EndPlan::random(random, bytes_max),
        ];
        if ends[0].ending == Ending::Last && ends[1].ending == Ending::Last {
            // Each would wait for the other's end of stream.
            ends[0].ending = Ending::Orderly;
        }
        Self {
            opener: random.between(0, 1) as usize,
            simultaneous: random.chance(1, 10).then_some(ports),
            opens_after: random.micros(1, 500_000),
            ends,
        }
    }

    /// True when neither end leaves before all is said: then all bytes must arrive.
    pub fn is_orderly(&self) -> bool {
        self.ends.iter().all(|end| {
            let is_patient = end.socket.user_timeout_millis == 0;
            is_patient && matches!(end.ending, Ending::Orderly | Ending::Last)
        })
    }
}

impl EndPlan {
    fn random(random: &mut Random, bytes_max: u64) -> Self {
        let send_bytes = match random.between(0, 5) {
            0 => 0,
            _ => random.of_magnitude(1, bytes_max) as usize,
        };
        let ending = match random.between(0, 9) {
            0..=5 => Ending::Orderly,
            6 | 7 => Ending::Last,
            8 => Ending::Careless,
            _ => Ending::Abort(random.micros(10, 2_000_000)),
        };
        Self {
            send_bytes,
            send_piece: random.of_magnitude(1 + send_bytes as u64 / 200, 65_536) as usize,
            receive_piece: random.of_magnitude(1 + bytes_max / 200, 65_536) as usize,
            pause: random.chance(1, 3).then(|| random.micros(50, 3_000_000)),
            no_delay: random.chance(1, 2),
            opens_early: false,
            says_more: false,
            is_urgent: false,
            changes_key: false,
            socket: SocketOptions::default(),
            ending,
        }
    }
}

fn limits(random: &mut Random, memory_bytes: usize) -> Limits {
    Limits {
        connections_max: 64,
        requests_max: 64,
        time_wait_max: 64,
        listeners_max: 4,
        orphans_max: 64,
        memory_bytes,
        send_buffer_bytes: random.of_magnitude(2_048, 262_144) as usize,
        receive_buffer_bytes: random.of_magnitude(2_048, 262_144) as usize,
        reassembly_ranges_max: random.between(1, 32) as usize,
        rto_min: random.micros(10_000, 200_000),
        delayed_ack: random.micros(1_000, 40_000),
        fin_wait_2: random.micros(1_000_000, 20_000_000),
        // Longer than a peer that saw no acknowledgment of its FIN waits before it says it again.
        time_wait: random.micros(10_000_000, 60_000_000),
        // A peer that gave up and was not heard of is found out.
        keepalive_idle: Duration::from_secs(20),
        keepalive_interval: Duration::from_secs(2),
        window_scaling: random.chance(3, 4),
        timestamps: random.chance(3, 4),
        sack: random.chance(3, 4),
        abort_on_overflow: random.chance(1, 4),
        ..Limits::default()
    }
}

fn secrets(random: &mut Random) -> Secrets {
    let mut key = || {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&random.next().to_ne_bytes());
        key[8..].copy_from_slice(&random.next().to_ne_bytes());
        key
    };
    Secrets {
        initial_sequence: key(),
        timestamp_offset: key(),
        ephemeral_port: key(),
        table: key(),
        syn_cookie: key(),
        fast_open: key(),
    }
}

fn pick<'a, T>(random: &mut Random, choices: &'a [T]) -> &'a T {
    &choices[random.between(0, choices.len() as u64 - 1) as usize]
}

/// Enough for every buffer of a run. With less, two sides may hold each other up until they give up.
pub const MEMORY_BYTES: usize = 48 << 20;
