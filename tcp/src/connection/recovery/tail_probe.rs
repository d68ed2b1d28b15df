//! Tail loss probes: RFC 8985, section 7.

use super::super::hold::{Hold, Plan};
use super::super::{Connection, Context};
use super::Findings;
use crate::congestion::Phase;
use crate::connection::Due;
use crate::memory::Memory;
use crate::scoreboard::{Probe, Scoreboard};
use crate::send_records::{Marks, SendRecordPool};

impl<Q: Default> Connection<Q> {
    /// The probe timeout: a probe is due, unless one is on its way.
    /// RFC 8985, section 7.3.
    #[cold]
    pub(crate) fn probe_tail<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let board = self.board(context);
        self.restart_timeout(context);
        if board.probe == Probe::None && self.send.outstanding() > 0 {
            self.due.set(Due::TAIL);
        }
    }

    /// The probe has been sent: new data when `record` is None, else that record again.
    #[cold]
    pub(crate) fn probe_sent<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        kind: Probe,
    ) {
        let mut board = self.board(context);
        self.due.unset(Due::TAIL);
        board.probe = kind;
        board.probe_end = self.send.next;
        context.counters.loss_probes.increment();
        self.restart_timeout(context);
        self.keep(context, &board);
    }

    /// Section 7.4.2: whether the probe has repaired a loss, of which congestion control must hear.
    /// RFC 8985, section 7.4.2.
    pub(super) fn judge_probe<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &Findings,
    ) {
        if self.send.unacknowledged < board.probe_end {
            return;
        }
        if board.probe == Probe::New || found.tells_probe_duplicate {
            // New data was acknowledged, or both copies have arrived.
            board.probe = Probe::None;
        } else if self.send.unacknowledged > board.probe_end {
            // The acknowledgement went on without telling of a second copy: the first was lost.
            board.probe = Probe::None;
            self.start_reduction(
                context,
                board,
                found.delivered,
                crate::congestion::Reason::Loss,
            );
            self.send.phase = Phase::Reducing;
            self.end_reduction(board);
            self.keep_open(board);
            context.counters.loss_probe_recovery.increment();
        } else if found.is_duplicate && !found.sacks {
            // A duplicate, from before D-SACK: both copies have arrived.
            board.probe = Probe::None;
        }
    }
}

impl<Q> Connection<Q> {
    /// The last segment again, where no new data can be the probe.
    pub(crate) fn plan_tail(&self, records: &SendRecordPool, full: u32) -> Result<Plan, Hold> {
        let Some((index, last)) = records.last(&self.send.records) else {
            return Err(Hold::Idle);
        };
        if last.marks.any(Marks::SACKED) || self.send.window == 0 {
            return Err(Hold::Idle);
        }
        let start = last.start.later(self.send.unacknowledged);
        let offset = start.since(self.send.unacknowledged);
        let payload = last
            .end
            .since(start)
            .min(self.send.queued.saturating_sub(offset));
        // A segment from before the path's MTU shrank: its end.
        let cut = payload.saturating_sub(full);
        Ok(Plan {
            sequence: start + cut,
            payload: payload - cut,
            segment: payload - cut,
            fin: last.end.since(start) > payload,
            record: index,
        })
    }
}
