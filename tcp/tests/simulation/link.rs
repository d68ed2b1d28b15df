//! One direction of a link: rate, delay, a bounded queue with marks, changes of its MTU, and what
//! goes wrong with packets (`trouble`). Two directions have plans of their own: asymmetry is free.

use std::time::Duration;

use coremill_tcp::Instant;

use super::random::Random;
use super::trouble::{Trouble, Troubled};

/// What a link does.
#[derive(Clone, Debug)]
pub struct LinkPlan {
    pub bits_per_second: u64,
    pub delay: Duration,
    pub jitter: Duration,
    /// Packets arrive together, once in this long, as a busy or sleeping worker finds them; zero: each by itself.
    pub gathers: Duration,
    /// How long a packet may wait for those before it; others are lost.
    pub queue: Duration,
    /// A packet that waits longer than this is marked, if it may be (RFC 3168).
    pub marks_after: Option<Duration>,
    pub mtu_change: Option<MtuChange>,
    pub trouble: Trouble,
}

/// From some time on, packets longer than this do not pass: the route has changed.
#[derive(Clone, Copy, Debug)]
pub struct MtuChange {
    pub after: Duration,
    pub mtu: u16,
    /// Nobody hears of it: they vanish (RFC 2923, section 2.1).
    pub is_silent: bool,
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The TCP segment.
    pub bytes: Vec<u8>,
    /// The two ECN bits of its IP header.
    pub ecn: u8,
}

/// What becomes of a packet that is given to the link.
#[derive(Debug)]
pub enum Fate {
    /// Copies that arrive, and when; none when it is lost.
    Carried(Vec<(Instant, Packet)>),
    /// It is too long for the path since it changed; its sender hears of it at that time.
    TooBig { heard_at: Instant, mtu: u16 },
    /// The same, and its sender hears nothing.
    Swallowed,
}

impl LinkPlan {
    /// Anything from a clean local network to a bad long-distance line.
    pub fn random(random: &mut Random, mtu: u16) -> Self {
        let delay = random.micros(5, 100_000);
        let queue = random.micros(2_000, 200_000);
        Self {
            bits_per_second: random.of_magnitude(1_000_000, 10_000_000_000),
            delay,
            jitter: delay * random.between(0, 2) as u32 / 2,
            gathers: Duration::ZERO,
            queue,
            marks_after: random
                .chance(1, 4)
                .then(|| queue * random.between(1, 8) as u32 / 16),
            mtu_change: (mtu > MTU_LEAST && random.chance(1, 8)).then(|| MtuChange {
                after: random.micros(1_000, 5_000_000),
                mtu: random.between(u64::from(MTU_LEAST), u64::from(mtu)) as u16,
                is_silent: false,
            }),
            trouble: Trouble::random(random),
        }
    }

    /// What may wait.
    pub fn queue_bytes(&self) -> u128 {
        u128::from(self.bits_per_second) * self.queue.as_micros() / 8_000_000
    }
}

/// A direction at work.
#[derive(Debug)]
pub struct Link {
    plan: LinkPlan,
    random: Random,
    troubled: Troubled,
    began: Instant,
    /// When the last packet accepted has left the sender.
    idle_at: Instant,
    /// When the last packet in order arrives: jitter alone reorders nothing.
    last_arrival: Instant,
}

impl Link {
    pub fn new(plan: LinkPlan, random: Random, began: Instant) -> Self {
        Self {
            troubled: Troubled::default(),
            plan,
            random,
            began,
            idle_at: Instant::default(),
            last_arrival: Instant::default(),
        }
    }

    /// Takes a packet with an IP header of `header_bytes`.
    pub fn carry(&mut self, now: Instant, mut packet: Packet, header_bytes: usize) -> Fate {
        let length = packet.bytes.len() + header_bytes;
        if let Some(change) = self.plan.mtu_change
            && now >= self.began + change.after
            && length > usize::from(change.mtu)
        {
            if change.is_silent {
                return Fate::Swallowed;
            }
            let heard_at = now + self.plan.delay;
            return Fate::TooBig {
                heard_at,
                mtu: change.mtu,
            };
        }
        let start = self.idle_at.max(now);
        let wait = start.since(now);
        if wait > self.plan.queue {
            return Fate::Carried(Vec::new());
        }
        let bits = (length as u64 + LINK_HEADER_BYTES) * 8;
        let nanos = bits * 1_000_000_000 / self.plan.bits_per_second;
        self.idle_at = start + Duration::from_nanos(nanos);
        if packet.ecn != 0 && self.plan.marks_after.is_some_and(|after| wait > after) {
            packet.ecn = CONGESTION_EXPERIENCED;
        }
        let trouble = &self.plan.trouble;
        let copies = self.troubled.copies(trouble, &mut self.random, packet);
        let arrivals = copies.into_iter().map(|packet| (self.arrival(), packet));
        Fate::Carried(arrivals.collect())
    }

    fn arrival(&mut self) -> Instant {
        let jitter = self.random.between(0, self.plan.jitter.as_nanos() as u64);
        let arrival = self.idle_at + self.plan.delay + Duration::from_nanos(jitter);
        if self.random.per_million(self.plan.trouble.reorder) {
            let late = self.plan.delay * self.random.between(1, 4) as u32 / 2;
            return self.gathered(arrival + late);
        }
        self.last_arrival = arrival.max(self.last_arrival);
        self.gathered(self.last_arrival)
    }

    /// The first moment from `arrival` on at which packets are looked for.
    fn gathered(&self, arrival: Instant) -> Instant {
        let step = self.plan.gathers.as_nanos().max(1) as u64;
        let since = arrival.since(self.began).as_nanos() as u64;
        self.began + Duration::from_nanos(since.next_multiple_of(step))
    }
}

/// Ethernet's.
const LINK_HEADER_BYTES: u64 = 14;
/// CE of RFC 3168, section 5.
const CONGESTION_EXPERIENCED: u8 = 3;
/// Paths of IPv6 carry as much (RFC 8200, section 5); smaller ones are below what IPv4's senders believe.
pub const MTU_LEAST: u16 = 1_280;
