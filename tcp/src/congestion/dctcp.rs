//! DCTCP (RFC 8257): the window shrinks by as much as the network marks, not always by half.
//!
//! What is marked comes with each acknowledgement; growth, and what a loss does, are NewReno's.

use super::{Acknowledged, AlgorithmInfo, Congestion};
use crate::sequence::SequenceNumber;

/// The share of bytes that the network marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dctcp {
    /// DCTCP.Alpha in 1,024ths.
    alpha: u32,
    /// Bytes delivered, and marked of these, in the present window.
    delivered: u32,
    marked: u32,
    /// DCTCP.WindowEnd; None before the first acknowledgement.
    end: Option<SequenceNumber>,
}

impl Dctcp {
    /// RFC 8257, section 4.2 (and Linux): the first mark counts in full.
    pub(super) fn new() -> Self {
        Self {
            alpha: ONE,
            delivered: 0,
            marked: 0,
            end: None,
        }
    }

    /// Takes an acknowledgement in (RFC 8257, section 3.3, steps 2 to 9).
    pub(super) fn observe(&mut self, acknowledged: &Acknowledged) {
        self.delivered = self.delivered.saturating_add(acknowledged.delivered);
        self.marked = self.marked.saturating_add(acknowledged.marked);
        // The first one ends a window too: DCTCP.WindowEnd begins as SND.UNA (RFC 8257, section 3.3, and Linux).
        if self
            .end
            .is_some_and(|end| acknowledged.unacknowledged < end)
        {
            return;
        }
        self.estimate();
        self.end = Some(acknowledged.next);
        self.delivered = 0;
        self.marked = 0;
    }

    /// Alpha = Alpha * (1 - g) + g * M, with g = 1/16.
    fn estimate(&mut self) {
        let forgotten = self.alpha >> GAIN_SHIFT;
        // Small ones do not linger for ever.
        self.alpha -= if forgotten == 0 {
            self.alpha
        } else {
            forgotten
        };
        let marked = u64::from(self.marked) * u64::from(ONE >> GAIN_SHIFT);
        let share = marked / u64::from(self.delivered.max(1));
        let share = u32::try_from(share).unwrap_or(ONE);
        self.alpha = self.alpha.saturating_add(share).min(ONE);
    }

    /// ssthresh after a mark: cwnd * (1 - Alpha / 2) (RFC 8257, section 3.3, step 9).
    pub(super) fn reduced(&self, windows: &Congestion) -> u32 {
        let taken = u64::from(windows.window) * u64::from(self.alpha) / u64::from(2 * ONE);
        windows.window - u32::try_from(taken).unwrap_or(windows.window)
    }

    pub(super) fn info(&self) -> AlgorithmInfo {
        AlgorithmInfo::Dctcp {
            alpha: self.alpha,
            marked_bytes: self.marked,
            delivered_bytes: self.delivered,
        }
    }
}

const ONE: u32 = 1_024;
/// g = 1/16 (RFC 8257, section 4.2).
const GAIN_SHIFT: u32 = 4;

#[cfg(test)]
mod tests;
