//! What goes wrong with packets on a link: single losses, bursts of them (Gilbert's model), lost
//! acknowledgements, copies, changed bits. Shares are in millionths of the packets.

use coremill_tcp::header::Segment;

use super::link::Packet;
use super::random::Random;

/// How often what happens.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    pub loss: u64,
    pub burst: Option<Burst>,
    /// Of the segments without payload, besides `loss`.
    pub ack_loss: u64,
    pub reorder: u64,
    pub duplicate: u64,
    pub corrupt: u64,
}

/// A link that turns bad now and then: bad begins and ends with each packet by chance.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    pub begin: u64,
    pub end: u64,
    /// While it is bad.
    pub loss: u64,
}

impl Trouble {
    pub fn random(random: &mut Random) -> Self {
        let share = |random: &mut Random, most: u64| match random.between(0, 3) {
            0 | 1 => 0,
            2 => random.between(1_000, 20_000),
            _ => random.between(20_000, most),
        };
        let burst = |random: &mut Random| Burst {
            begin: random.of_magnitude(100, 20_000),
            end: random.of_magnitude(50_000, 500_000),
            loss: random.between(300_000, 1_000_000),
        };
        Self {
            loss: share(random, 200_000),
            burst: random.chance(1, 6).then(|| burst(random)),
            ack_loss: if random.chance(1, 6) {
                random.between(10_000, 400_000)
            } else {
                0
            },
            reorder: share(random, 100_000),
            duplicate: share(random, 50_000),
            corrupt: share(random, 50_000),
        }
    }

    /// True when so little of what is sent is harmed that no connection may fail of it. A burst may swallow
    /// each of a segment's retransmissions.
    pub fn is_gentle(&self) -> bool {
        self.burst.is_none() && self.ack_loss <= 60_000 && self.loss + self.corrupt <= 60_000
    }
}

/// What has to be remembered from packet to packet.
#[derive(Debug, Default)]
pub struct Troubled {
    is_bad: bool,
}

impl Troubled {
    /// What is left of a packet.
    pub fn copies(&mut self, plan: &Trouble, random: &mut Random, packet: Packet) -> Vec<Packet> {
        if self.is_lost(plan, random, &packet) {
            return Vec::new();
        }
        let count = 1 + usize::from(random.per_million(plan.duplicate));
        let mut copies = vec![packet; count];
        for copy in &mut copies {
            if random.per_million(plan.corrupt) {
                // One bit: the checksum sees each of them.
                let bit = random.between(0, copy.bytes.len() as u64 * 8 - 1) as usize;
                copy.bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        copies
    }

    fn is_lost(&mut self, plan: &Trouble, random: &mut Random, packet: &Packet) -> bool {
        if random.per_million(plan.loss) {
            return true;
        }
        if let Some(burst) = plan.burst {
            let turn = if self.is_bad { burst.end } else { burst.begin };
            self.is_bad ^= random.per_million(turn);
            if self.is_bad && random.per_million(burst.loss) {
                return true;
            }
        }
        let is_empty =
            || Segment::parse(&packet.bytes).is_ok_and(|segment| segment.payload.is_empty());
        plan.ack_loss > 0 && random.per_million(plan.ack_loss) && is_empty()
    }
}
