//! The window is reduced after a loss or a mark, or gets back what it lost by a mistake.

use super::block::{Before, Block, Private, Validity};
use super::{Congestion, CongestionPool, Reason, new_reno};
use crate::time::Instant;

impl Congestion {
    /// Something was lost or marked, for the first time in this window of data: ssthresh falls, and what
    /// [`Self::undo`] needs is remembered. After a timeout the window is one segment; else it stays,
    /// and recovery brings it down to ssthresh. `in_flight` is FlightSize, the bytes sent and not
    /// acknowledged.
    /// RFC 5681, sections 3.1 and 4.3.
    pub fn reduce(
        &mut self,
        pool: &mut CongestionPool,
        now: Instant,
        in_flight: u32,
        reason: Reason,
    ) {
        self.end_deferral();
        let (block, _) = pool.ensure(self, now);
        let threshold = match block {
            Some(block) => self.reduced(block, in_flight, reason),
            None => new_reno::reduced(self, in_flight),
        };
        self.threshold = threshold.max(2 * self.segment());
        if reason == Reason::Timeout {
            self.window = self.segment();
        }
    }

    /// The last reduction was a mistake: the windows are again what they were, or more.
    /// RFC 9438, section 4.9.2.
    pub fn undo(&mut self, pool: &mut CongestionPool) {
        let Some(block) = pool.get_mut(&self.block) else {
            return;
        };
        let before = std::mem::take(&mut block.before);
        if before.window > 0 {
            self.window = self.window.max(before.window);
            self.threshold = self.threshold.max(before.threshold);
            match (&mut block.private, before.cubic) {
                (Private::Cubic(cubic), Some(before)) => *cubic = before,
                (Private::Bbr(bbr), _) => bbr.on_undo(),
                _ => {}
            }
        }
    }

    /// ssthresh after a reduction.
    fn reduced(&mut self, block: &mut Block, in_flight: u32, reason: Reason) -> u32 {
        block.counted = 0;
        block.before = Before {
            window: self.window,
            threshold: self.threshold,
            cubic: block.cubic_mut().copied(),
        };
        let threshold = match &mut block.private {
            Private::Bbr(bbr) => {
                bbr.on_loss(self, reason == Reason::Timeout);
                return self.threshold;
            }
            Private::Cubic(cubic) => cubic.reduced(self),
            Private::Dctcp(dctcp) if reason == Reason::Mark => dctcp.reduced(self),
            _ => new_reno::reduced(self, in_flight),
        };
        if reason == Reason::Timeout {
            block.on_timeout();
        }
        match &block.validity {
            Validity::Rfc7661(pipe_ack) => match pipe_ack.reduced(in_flight) {
                Some(unused) => {
                    let used = unused.max(2 * self.segment());
                    self.window = self.window.min(used);
                    used
                }
                None => threshold,
            },
            Validity::Linux(_) => threshold,
        }
    }
}
