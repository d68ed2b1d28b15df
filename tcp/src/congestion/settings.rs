//! What a shard's congestion control is set to.

use super::Algorithm;

/// Defaults of all connections of a shard. They follow Linux.
#[derive(Clone, Copy, Debug)]
pub struct CongestionSettings {
    /// The algorithm of connections that ask for none.
    pub algorithm: Algorithm,
    /// The others that connections may ask for, a bit for each number.
    pub allowed: u8,
    /// Initial window in segments (RFC 6928).
    /// RFC 5681, section 3.1, lets it be larger by RFC 6928.
    pub initial_window_segments: u32,
    /// Connections that can remember more than their windows: blocks reserved for it.
    pub blocks_max: usize,
    /// What counts in slow start and congestion avoidance.
    pub byte_counting: ByteCounting,
    /// How slow start ends before a loss ends it.
    pub hystart: Hystart,
    /// The window shrinks while nothing is sent for longer than the retransmission timeout (Linux:
    /// tcp_slow_start_after_idle; RFC 5681, section 4.1; RFC 2861).
    pub idle_restart: bool,
    /// What becomes of a window that is not used.
    pub validation: Validation,
    /// Segments of all connections are paced; those of BBR are anyway.
    pub pacing: bool,
}

/// How much an acknowledgement may count (RFC 3465, its limit L).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByteCounting {
    /// All that was delivered (as Linux).
    #[default]
    Unlimited,
    /// One segment an acknowledgement, in slow start and congestion avoidance: RFC 5681 without RFC 3465.
    Off,
    /// L = 1: one segment an acknowledgement in slow start.
    One,
    /// L = 2: two, but one after a retransmission timeout.
    Two,
}

/// How slow start ends before a loss ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hystart {
    /// CUBIC by the growing delay or by trains of acknowledgements, others not at all (as Linux).
    #[default]
    Linux,
    /// RFC 9406, HyStart++, with every algorithm whose window it can end.
    PlusPlus,
    /// By loss only.
    Off,
}

/// What becomes of a window that is not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// It does not grow (as Linux).
    #[default]
    Linux,
    /// RFC 7661: it does not grow, stays for five minutes, and is forgotten by a loss.
    Rfc7661,
}

impl CongestionSettings {
    /// True for an algorithm that connections may ask for.
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        algorithm == self.algorithm || self.allowed & 1 << algorithm.number() != 0
    }

    /// These and the default are all that connections may ask for.
    pub fn allow(&mut self, algorithms: &[Algorithm]) {
        self.allowed = algorithms
            .iter()
            .fold(0, |allowed, algorithm| allowed | 1 << algorithm.number());
    }
}

impl Default for CongestionSettings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            allowed: 0b11110,
            initial_window_segments: 10,
            blocks_max: 16_384,
            byte_counting: ByteCounting::default(),
            hystart: Hystart::default(),
            idle_restart: true,
            validation: Validation::default(),
            pacing: false,
        }
    }
}
