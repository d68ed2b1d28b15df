//! What a connection does when its deadlines have come.

use std::time::Duration;

use super::hold::Hold;
use super::recovery::Timer;
use super::{Connection, Context};
use crate::connection::{Due, User};
use crate::error::ConnectionError;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::options::sets::Flags;
use crate::state::{Cause, State};
use crate::time::{Deadline, Instant};

impl<Q: Default> Connection<Q> {
    /// Does what is due at `context.now`; nothing when it was woken too early.
    pub(crate) fn wake<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let now = context.now;
        if self.congestion.is_holding() {
            self.congestion.let_go(&context.congestion, now);
        }
        if take(&mut self.deadlines.acknowledge, now) {
            self.due.set(Due::ACKNOWLEDGE);
            let timeout = self.timeout(context);
            self.receive.delayed.ran_out(timeout);
            context.counters.delayed_acks.increment();
        }
        if self.user.has(User::ORPHAN) && take(&mut self.deadlines.patience, now) {
            if self.state == State::FinWait2 {
                // As Linux: the peer is not told. Its FIN will be answered with RST.
                self.enter(context, Cause::Failed);
                self.deadlines.clear();
            } else {
                context.counters.abort_on_linger.increment();
                self.reset(context, ConnectionError::TimedOut);
            }
            return;
        }
        if take(&mut self.deadlines.retransmit, now) {
            let before = self.watch(context);
            match self.send.timer {
                // Whatever was to be sent again: first the handshake.
                _ if self.is_early() && self.state != State::SynSent => {
                    self.syn_ack_timeout(context);
                }
                Timer::Timeout => self.retransmission_timeout(context),
                Timer::Probe => self.probe_tail(context),
                Timer::Reordering => self.reordering_timeout(context),
                Timer::FastOpen => self.retransmission_timeout(context),
            }
            if let Some(before) = before {
                self.count_signals(context, &before);
            }
        }
        if take(&mut self.deadlines.patience, now) {
            self.keep_alive(context);
        }
    }

    /// SYN, data or FIN unanswered (RFC 6298, section 5.4 to 5.7), or a closed window (RFC 9293,
    /// section 3.8.6.1).
    fn retransmission_timeout<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if self.hold(&context.records) == Some(Hold::Cork) && self.send.outstanding() == 0 {
            self.due.set(Due::FORCE);
            return;
        }
        let is_handshake = matches!(self.state, State::SynSent | State::SynReceived);
        let gives_up_at = self.gives_up_at(context);
        self.send.attempts = self.send.attempts.saturating_add(1);
        let is_over = self.is_given_up(context)
            || gives_up_at.is_some_and(|end| end <= context.now)
            || self.is_kept_waiting(context)
            || self.is_syn_overdue(context);
        self.suspect_black_hole(context, is_over);
        if is_over {
            context.counters.abort_on_timeout.increment();
            let error = self.user.soft_error.unwrap_or(ConnectionError::TimedOut);
            self.fail(context, error);
            return;
        }
        let is_linear = self.state == State::SynSent
            && u32::from(self.send.attempts) <= context.limits.opening.syn_linear_timeouts;
        if !is_linear {
            self.round_trip.back_off();
        }
        let timer = self.send.timer;
        self.restart_timeout(context);
        if is_handshake {
            // A user who may write before the handshake is over still may.
            self.send.timer = timer;
            context.counters.timeouts.increment();
            self.due.set(Due::SYN);
        } else if self.send.window == 0 || self.send.outstanding() == 0 {
            self.probe_window(context);
        } else {
            context.counters.timeouts.increment();
            self.doubt_path_mtu(context);
            self.enter_loss(context);
        }
    }

    /// True for a SYN that has been under way for as long as its retries would last if each doubled
    /// the wait: linear timeouts make more of them, not the user wait longer (as Linux).
    fn is_syn_overdue<M>(&self, context: &Context<M>) -> bool {
        if self.state != State::SynSent {
            return false;
        }
        let options = context.option_sets.get(&self.user.options);
        let doublings = 2_u32.saturating_pow(options.syn_retries_doubled(&context.limits) + 1) - 1;
        self.send.last_sent.elapsed(context.now) >= context.bounds.initial.saturating_mul(doublings)
    }

    /// True for an orphan whose peer answers but keeps its window closed: nobody could ever let go of
    /// it (as Linux: when probes are as rare as they get).
    fn is_kept_waiting<M>(&self, context: &Context<M>) -> bool {
        self.user.has(User::ORPHAN)
            && self.send.window == 0
            && self.round_trip.backoff() >= context.limits.orphan_retries
            && self.timeout(context) >= context.bounds.max
    }

    /// The peer's window is closed, or too small to be worth a segment.
    /// RFC 9293, MUST-35, MUST-36, MUST-37, SHLD-29, SHLD-30.
    fn probe_window<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if self.send.window > 0 {
            self.due.set(Due::FORCE);
        } else {
            context.counters.zero_window_probe.increment();
            self.due.set(Due::PROBE);
        }
    }

    /// So many timeouts in a row that the way to the peer may be broken: R1. As Linux, who waits for an answer to a SYN
    /// doubts it from the first one on.
    /// RFC 9293, section 3.8.3, SHLD-10.
    pub(super) fn is_unanswered(&self, limits: &Limits) -> bool {
        let attempts = u32::from(self.send.attempts);
        let r1 = match self.state {
            State::SynSent | State::SynReceived => 1,
            _ => limits.retries1,
        };
        attempts > 0 && attempts >= r1
    }

    /// What is corked leaves after a while all the same (tcp(7): TCP_CORK).
    pub(super) fn await_more(&mut self, now: Instant) {
        if !self.deadlines.retransmit.is_set() {
            self.send.timer = Timer::Timeout;
            self.deadlines.retransmit = Deadline::at(now + CORKED_LONGEST);
        }
    }

    /// Nothing outstanding will bring an acknowledgement: the persist timer must.
    pub(super) fn persist<M>(&mut self, context: &Context<M>) {
        if !self.deadlines.retransmit.is_set() {
            self.restart_timeout(context);
        }
    }

    /// R2: as many timeouts in a row as may be, and for data as long as so many would take, each wait twice the one before.
    /// An answer that acknowledges nothing new, as SACK of what lies behind, ends the back-off: timeouts are dense then.
    /// RFC 9293, section 3.8.3, SHLD-11.
    fn is_given_up<M>(&self, context: &Context<M>) -> bool {
        let most = self.attempts_max(context).min(ATTEMPTS_COUNTED);
        if u32::from(self.send.attempts) <= most {
            return false;
        }
        let is_data = !matches!(self.state, State::SynSent | State::SynReceived)
            && self.send.window > 0
            && self.send.outstanding() > 0;
        // Without a block of the pool, their number has to do.
        let board = context.scoreboards.get(&self.send.scoreboard);
        let since = board.and_then(|board| board.timeouts_since);
        let lasted = since.map(|since| context.now.since(since));
        !is_data || lasted.is_none_or(|lasted| lasted >= doubled(most, context.bounds.max))
    }

    // RFC 9293, MUST-20, MUST-22.
    fn attempts_max<M>(&self, context: &Context<M>) -> u32 {
        let limits = &context.limits;
        match self.state {
            State::SynSent => context
                .option_sets
                .get(&self.user.options)
                .syn_retries(limits),
            State::SynReceived => limits.syn_ack_retries,
            _ if self.user.has(User::ORPHAN) => limits.orphan_retries,
            _ => limits.retries,
        }
    }

    /// Probes a peer that was silent for too long (RFC 1122, section 4.2.3.6).
    /// RFC 9293, MUST-26, MUST-29, MAY-5.
    fn keep_alive<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let options = *context.option_sets.get(&self.user.options);
        let idle = options.keepalive_idle(&context.limits);
        let silence = self.last_received.elapsed(context.now);
        if silence < idle || self.send.outstanding() > 0 || self.send.queued > 0 {
            // What is to be acknowledged, or to be sent once there is a window, has a timer of its own (as Linux).
            let rest = idle.saturating_sub(silence).max(idle / 8);
            self.deadlines.patience = Deadline::within(context.now, rest);
            return;
        }
        let is_over = match self.user_timeout(context) {
            Some(limit) => self.send.keepalive_probes > 0 && silence >= limit,
            None => {
                u32::from(self.send.keepalive_probes) >= options.keepalive_count(&context.limits)
            }
        };
        if is_over {
            context.counters.abort_on_timeout.increment();
            self.reset(context, ConnectionError::TimedOut);
            return;
        }
        self.send.keepalive_probes = self.send.keepalive_probes.saturating_add(1);
        context.counters.keepalive.increment();
        self.due.set(Due::PROBE);
        let interval = options.keepalive_interval(&context.limits);
        self.deadlines.patience = Deadline::within(context.now, interval);
    }

    /// Starts or stops the keepalive timer as the user's options say.
    pub(crate) fn watch_for_silence<M: Memory<Queue = Q>>(&mut self, context: &Context<M>) {
        if self.user.has(User::ORPHAN) {
            // Its patience is bounded already.
            return;
        }
        let is_open = !matches!(self.state, State::SynSent | State::Closed | State::TimeWait);
        let is_kept_alive = self.user.options.flags.contains(Flags::KEEPALIVE);
        self.deadlines.patience = if is_kept_alive && is_open {
            let options = context.option_sets.get(&self.user.options);
            Deadline::within(context.now, options.keepalive_idle(&context.limits))
        } else {
            Deadline::NEVER
        };
    }
}

/// True, once, when the deadline has come.
#[inline]
fn take(deadline: &mut Deadline, now: Instant) -> bool {
    let is_due = deadline.is_due(now);
    if is_due {
        *deadline = Deadline::NEVER;
    }
    is_due
}

/// How long `retries` retransmissions and the wait for an answer to the last take where each wait is twice the one
/// before, from the usual least timeout on (as Linux, whatever the round trip is).
fn doubled(retries: u32, longest: Duration) -> Duration {
    let waits = (0..=retries).map(|retry| {
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(retry));
        wait.min(longest)
    });
    waits.sum()
}

const FIRST_WAIT: Duration = Duration::from_millis(200);
/// What counts timeouts in a row goes one further.
const ATTEMPTS_COUNTED: u32 = u8::MAX as u32 - 1;

/// The ceiling of 200 ms on corked output (tcp(7)).
const CORKED_LONGEST: Duration = Duration::from_millis(200);
