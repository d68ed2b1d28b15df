//! What the one timer of unacknowledged segments stands for: timeout, tail loss probe or reordering.

use super::super::{Connection, Context};
use crate::congestion::Phase;
use crate::connection::Facts;
use crate::limits::LossDetection;
use crate::send_records::moment;
use crate::time::{Deadline, Instant};

/// Why `Deadlines::retransmit` is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The retransmission timeout, or that of a SYN or of the persist timer.
    #[default]
    Timeout,
    /// RFC 8985, section 7.2: PTO.
    Probe,
    /// RFC 8985, section 6.3.
    Reordering,
    /// The SYN or SYN-ACK of a Fast Open whose user may write before it is answered. What was written has no timer then.
    FastOpen,
}

impl<Q> Connection<Q> {
    /// Something was acknowledged: RFC 6298, section 5.2 and 5.3; RFC 8985, section 7.2.
    /// RFC 8985, section 8.
    #[inline(always)]
    pub(crate) fn restart_timer<M>(&mut self, context: &Context<M>) {
        if self.send.outstanding() == 0 {
            self.send.timer = Timer::Timeout;
            self.deadlines.retransmit = Deadline::NEVER;
            return;
        }
        self.restart_timeout(context);
        if self.may_probe(context) {
            self.schedule_probe(context);
        }
    }

    /// The retransmission timeout, counted from now.
    #[inline(always)]
    pub(crate) fn restart_timeout<M>(&mut self, context: &Context<M>) {
        self.send.timer = Timer::Timeout;
        self.deadlines.retransmit = Deadline::at(if self.extension.is_held() {
            self.user_bounds(context, self.times_out_at(context, context.now))
        } else {
            self.round_trip.deadline(context.now, &context.bounds)
        });
    }

    /// New data was sent. `was_idle`: nothing was outstanding.
    #[inline(always)]
    pub(crate) fn start_timer<M>(&mut self, context: &Context<M>, was_idle: bool) {
        if was_idle
            && self.round_trip.smoothed_micros() != 0
            && !self.extension.is_held()
            && self.send.timer != Timer::FastOpen
            && self.may_probe(context)
        {
            // A request, or its answer: the sooner of timeout and probe, of a single segment.
            let wait = self.round_trip.probe_nanos(&context.bounds);
            self.send.timer = Timer::Probe;
            self.deadlines.retransmit = Deadline::after_nanos(context.now, wait);
            return;
        }
        self.start_any_timer(context, was_idle);
    }

    #[inline(never)]
    fn start_any_timer<M>(&mut self, context: &Context<M>, was_idle: bool) {
        if was_idle || !self.deadlines.retransmit.is_set() {
            if self.send.timer == Timer::FastOpen {
                return;
            }
            self.restart_timeout(context);
        }
        if !matches!(self.send.timer, Timer::Reordering | Timer::FastOpen)
            && self.may_probe(context)
        {
            if self.send.timer == Timer::Probe {
                // The timeout is that of the oldest segment.
                let oldest = context.records.first(&self.send.records);
                let sent_at = oldest.map_or(context.now, |(_, oldest)| {
                    moment(context.now, oldest.sent_at)
                });
                let timeout = self.times_out_at(context, sent_at);
                self.deadlines.retransmit = Deadline::at(timeout);
            }
            self.schedule_probe(context);
        }
    }

    /// RFC 8985, section 7.2: nothing is suspicious, and the peer will tell by SACK.
    #[inline(always)]
    fn may_probe<M>(&self, context: &Context<M>) -> bool {
        self.receive.facts.has(Facts::SACK)
            && matches!(self.send.phase, Phase::Open | Phase::Reducing)
            && context.limits.tail_loss_probe
            && context.limits.loss_detection == LossDetection::Rack
            && !self.has_probed(context)
    }

    #[inline]
    fn has_probed<M>(&self, context: &Context<M>) -> bool {
        self.send.scoreboard.is_held() && self.has_probe_out(context)
    }

    #[inline(never)]
    fn has_probe_out<M>(&self, context: &Context<M>) -> bool {
        let board = context.scoreboards.get(&self.send.scoreboard);
        board.is_some_and(|board| board.probe != crate::scoreboard::Probe::None)
    }

    /// PTO: two round trips, with the delay of an acknowledgement where only one segment is outstanding; never later
    /// than the timeout, which `deadlines.retransmit` holds.
    #[inline(always)]
    fn schedule_probe<M>(&mut self, context: &Context<M>) {
        let at = match self.round_trip.smoothed_micros() {
            0 => context.now + context.bounds.initial,
            smoothed => {
                // In whole nanoseconds, as each segment sent needs it.
                let delay = if context.records.is_single(&self.send.records) {
                    context.bounds.min_nanos
                } else {
                    PROBE_SLACK_NANOS
                };
                let wait = 2_000 * u64::from(smoothed) + delay;
                Instant::from_nanos(context.now.as_nanos().saturating_add(wait))
            }
        };
        self.send.timer = Timer::Probe;
        let probe = Deadline::at(at);
        self.deadlines.retransmit = self.deadlines.retransmit.earlier(probe);
    }
}

/// As Linux: two ticks of its clock (TCP_TIMEOUT_MIN).
const PROBE_SLACK_NANOS: u64 = 2_000_000;
