//! One direction of a link: rate, delay, jitter, a bounded queue, and what goes wrong with packets.

use std::time::Duration;

use coremill_tcp::Instant;

use super::random::Random;

/// What a link does. Shares are in thousandths of the packets.
#[derive(Clone, Debug)]
pub struct LinkPlan {
    pub bits_per_second: u64,
    pub delay: Duration,
    pub jitter: Duration,
    /// How long a packet may wait for those before it; others are lost.
    pub queue: Duration,
    pub loss: u64,
    pub reorder: u64,
    pub duplicate: u64,
    pub corrupt: u64,
}

impl LinkPlan {
    /// Anything from a clean local network to a bad long-distance line.
    pub fn random(random: &mut Random) -> Self {
        let trouble = |random: &mut Random, most: u64| match random.between(0, 3) {
            0 | 1 => 0,
            2 => random.between(1, 20),
            _ => random.between(20, most),
        };
        let delay = random.micros(5, 100_000);
        Self {
            bits_per_second: random.of_magnitude(1_000_000, 10_000_000_000),
            delay,
            jitter: delay * random.between(0, 2) as u32 / 2,
            queue: random.micros(2_000, 200_000),
            loss: trouble(random, 200),
            reorder: trouble(random, 100),
            duplicate: trouble(random, 50),
            corrupt: trouble(random, 50),
        }
    }

    /// How much of what is sent does not arrive whole, in thousandths.
    pub fn harm(&self) -> u64 {
        self.loss + self.corrupt
    }
}

/// A direction at work.
#[derive(Debug)]
pub struct Link {
    plan: LinkPlan,
    random: Random,
    /// When the last packet accepted has left the sender.
    idle_at: Instant,
    /// When the last packet in order arrives: jitter alone reorders nothing.
    last_arrival: Instant,
}

impl Link {
    pub fn new(plan: LinkPlan, random: Random) -> Self {
        Self {
            plan,
            random,
            idle_at: Instant::default(),
            last_arrival: Instant::default(),
        }
    }

    /// Takes a packet; calls `deliver` with each copy that arrives, and when.
    pub fn carry(&mut self, now: Instant, bytes: &[u8], deliver: &mut dyn FnMut(Instant, Vec<u8>)) {
        let start = self.idle_at.max(now);
        if start.since(now) > self.plan.queue {
            return;
        }
        let bits = (bytes.len() as u64 + LOWER_HEADER_BYTES) * 8;
        let nanos = bits * 1_000_000_000 / self.plan.bits_per_second;
        self.idle_at = start + Duration::from_nanos(nanos);
        if self.random.chance(self.plan.loss, 1_000) {
            return;
        }
        let copies = 1 + u64::from(self.random.chance(self.plan.duplicate, 1_000));
        for _ in 0..copies {
            let mut bytes = bytes.to_vec();
            if self.random.chance(self.plan.corrupt, 1_000) {
                // One bit: the checksum sees each of them.
                let bit = self.random.between(0, bytes.len() as u64 * 8 - 1) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let jitter = self.random.between(0, self.plan.jitter.as_nanos() as u64);
            let mut arrival = self.idle_at + self.plan.delay + Duration::from_nanos(jitter);
            if self.random.chance(self.plan.reorder, 1_000) {
                arrival = arrival + self.plan.delay * self.random.between(1, 4) as u32 / 2;
            } else {
                arrival = arrival.max(self.last_arrival);
                self.last_arrival = arrival;
            }
            deliver(arrival, bytes);
        }
    }
}

/// Ethernet and IPv4 headers.
const LOWER_HEADER_BYTES: u64 = 34;
