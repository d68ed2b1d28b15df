//! Loss recovery: fast retransmit and NewReno (RFC 5681, RFC 6582), and the retransmission timeout.

use super::deadlines::NEVER;
use super::{Connection, Context};
use crate::congestion::Reason;
use crate::memory::Memory;

impl<Q: Default> Connection<Q> {
    /// An acknowledgment that says nothing new while data is outstanding.
    pub(super) fn duplicate_acknowledgment<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<'_, M>,
    ) {
        self.send.duplicates = self.send.duplicates.saturating_add(1);
        if self.send.is_recovering {
            self.congestion.on_duplicate_ack();
            return;
        }
        // RFC 6582, section 3.2, step 2: not for what was outstanding when the last one ended.
        if self.send.duplicates == DUPLICATES && self.send.unacknowledged > self.send.recover {
            self.send.is_recovering = true;
            self.send.recover = self.send.highest;
            let outstanding = self.send.outstanding();
            self.congestion
                .on_enter_recovery(context.congestion, context.now, outstanding);
            self.due.front = true;
            context.counters.reno_recovery.increment();
        }
    }

    /// New data is acknowledged in recovery: all of it, or up to the next hole.
    pub(super) fn acknowledge_in_recovery(&mut self, bytes: u32) {
        if self.send.unacknowledged >= self.send.recover {
            self.send.is_recovering = false;
            self.send.duplicates = 0;
            self.due.front = false;
            self.congestion.on_exit_recovery(self.send.outstanding());
        } else {
            self.congestion.on_partial_ack(bytes);
            self.due.front = true;
        }
    }

    /// All that is outstanding counts as lost: it is sent again from the oldest on (go back N), as
    /// the window opens again from one segment.
    pub(super) fn go_back<M>(&mut self, context: &mut Context<'_, M>) {
        if self.send.attempts <= 1 {
            let outstanding = self.send.outstanding();
            self.congestion.reduce(
                context.congestion,
                context.now,
                outstanding,
                Reason::Timeout,
            );
        } else {
            self.congestion.set_window(self.congestion.segment());
        }
        self.send.next = self.send.unacknowledged;
        self.send.recover = self.send.highest;
        self.send.is_recovering = false;
        self.send.duplicates = 0;
        self.send.timed_at = NEVER;
        self.due.front = false;
    }
}

/// RFC 5681, section 3.2: the third duplicate means a loss.
const DUPLICATES: u8 = 3;
