//! What loss recovery tells congestion control.

use std::time::Duration;

use super::RateSample;
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// What an acknowledgement says. One is passed in for each that delivers something, in every phase.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// When it arrived.
    pub now: Instant,
    /// Bytes that it says have arrived, cumulatively or selectively, and that none before said.
    pub delivered: u32,
    /// Of these, bytes that the network marked (RFC 3168, RFC 8257).
    pub marked: u32,
    /// Bytes in flight before it arrived.
    pub in_flight: u32,
    /// The window may grow: it acknowledged something cumulatively, or the path reorders so much that what SACK
    /// tells counts as much (as Linux).
    pub may_grow: bool,
    /// Where loss recovery stands after it.
    pub phase: Phase,
    /// SND.UNA after it.
    pub unacknowledged: SequenceNumber,
    /// SND.NXT.
    pub next: SequenceNumber,
    /// The round trip that it measured, in microseconds, where it did: never of a segment sent twice.
    pub sample_micros: Option<u32>,
    /// The present retransmission timeout.
    pub timeout: Duration,
    /// The rate at which data was delivered, where it was measured.
    pub rate: Option<RateSample>,
}

/// Where loss recovery stands, as Linux names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is suspicious.
    #[default]
    Open,
    /// Duplicate or selective acknowledgements, no loss yet.
    Disorder,
    /// The window shrinks because of a mark (Linux: CWR).
    Reducing,
    /// The window shrinks because of a loss, and what was lost is sent again.
    Recovery,
    /// After a retransmission timeout.
    Loss,
}

impl Phase {
    /// The word that operators see, as `ss` prints it.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Open => "open",
            Phase::Disorder => "disorder",
            Phase::Reducing => "cwr",
            Phase::Recovery => "recovery",
            Phase::Loss => "loss",
        }
    }

    /// True where the window is moved by proportional rate reduction, not by the algorithm.
    #[inline]
    pub fn is_reduction(self) -> bool {
        matches!(self, Phase::Reducing | Phase::Recovery)
    }

    /// True while what was lost is sent again.
    pub(crate) fn is_repair(self) -> bool {
        matches!(self, Phase::Recovery | Phase::Loss)
    }

    /// True where a signal of congestion was answered.
    pub(crate) fn is_reaction(self) -> bool {
        self.is_repair() || self == Phase::Reducing
    }
}

/// Why the window is reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A loss, found by acknowledgements.
    Loss,
    /// The retransmission timer ran out, for the first time on this data.
    Timeout,
    /// A mark (RFC 3168, section 6.1.2).
    Mark,
}
