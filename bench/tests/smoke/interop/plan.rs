//! What one connection does, by chance with a seed.

use super::impairment::{Impairment, PERCENT, Random};
use super::pair::Opener;

/// A connection's life.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Who opens.
    pub opener: Opener,
    /// Bytes from the kernel to us.
    pub up: usize,
    /// Bytes from us to the kernel.
    pub down: usize,
    /// How it ends.
    pub ending: Ending,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// One ends; the other says so many bytes more, and ends.
    First(Opener, usize),
    /// Both end at once.
    AtOnce,
    /// One resets it (SO_LINGER of zero), having sent and received so much of it at least.
    Reset(Opener),
    /// One closes it with bytes unread.
    Unread(Opener),
    /// The path loses everything from a moment on: both give up.
    Vanishes,
}

impl Plan {
    /// That of a connection by its number.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = Random::new(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        let opener = Opener::ALL[random.below(2) as usize];
        let other = Opener::ALL[random.below(2) as usize];
        let [up, down] = [size(&mut random), size(&mut random)];
        let ending = match random.below(16) {
            0..7 => Ending::First(other, size(&mut random)),
            7..9 => Ending::AtOnce,
            9..12 => Ending::Reset(other),
            12..15 => Ending::Unread(other),
            _ => Ending::Vanishes,
        };
        Self {
            opener,
            up,
            down,
            ending,
        }
    }
}

/// What the path does for a while.
pub fn weather(random: &mut Random) -> Impairment {
    let mut share = || random.below(4).saturating_sub(1) * PERCENT / 2;
    Impairment {
        lost: share(),
        reordered: share(),
        doubled: share(),
        marked: share(),
    }
}

/// Small ones as often as large ones: up to 256 KiB, and nothing at all.
fn size(random: &mut Random) -> usize {
    let bits = random.below(19);
    random.below(1 << bits) as usize
}
