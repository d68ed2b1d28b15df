//! A segment arrives: RFC 9293, section 3.10.7, with the checks of RFC 5961 and RFC 7323.

use super::stamps::millis;
use super::{Connection, Context};
use crate::connection::{Due, Facts};
use crate::drop_reason::DropReason;
use crate::error::ConnectionError;
use crate::header::{Flags, Segment};
use crate::header_options::{Options, Timestamps};
use crate::memory::Memory;
use crate::packet::Verdict;
use crate::state::{Cause, State};
use crate::time::Past;

impl<Q: Default> Connection<Q> {
    /// Takes a segment whose checksum is right and whose flow is this one's.
    pub(crate) fn segment_arrives<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Verdict {
        let before = self.watch(context);
        let result = match self.state {
            State::SynSent => self.arrives_in_syn_sent(context, segment, options),
            State::Closed | State::Listen | State::TimeWait => Err(DropReason::NoSocket),
            _ => self.arrives_synchronized(context, segment, options),
        };
        if let Some(before) = before {
            self.count_arrival(context, &before, segment, options);
        }
        match result {
            Ok(progress) => Verdict::Accepted { progress },
            Err(reason) => Verdict::Dropped(reason),
        }
    }

    /// The order of checks of section 3.10.7.4.
    /// RFC 7323, sections 3.2 and 5.3.
    fn arrives_synchronized<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Result<bool, DropReason> {
        let header = &segment.header;
        self.check_sequence(context, segment, options)?;
        let idle = self.last_received.elapsed(context.now);
        if header.flags.contains(Flags::RST) {
            return self.check_reset(context, segment);
        }
        self.check_syn(context, segment)?;
        if !header.flags.contains(Flags::ACK) {
            return Err(DropReason::BadFlags);
        }
        if self.awaits_handshake_ack() {
            self.hear_handshake_ack(context, segment, options);
        }
        if self.is_early() {
            self.confirm(context, segment)?;
        } else if self.state == State::SynReceived {
            self.complete_simultaneous_open(context, segment)?;
        }
        let progress = self.acknowledge(context, segment, options)?;
        // Not before: whoever cannot guess the ACK shall not make a dead peer look alive (as Linux: tcp_ack, which
        // leaves out an older ACK, too).
        self.last_received = Past::at(context.now);
        self.send.keepalive_probes = 0;
        // RFC 7323, section 4.3; not before the ACK is believed: whoever cannot guess it shall not
        // make the peer's own timestamps look old.
        if let Some(stamp) = options.timestamps
            && self.stamps.is_on
            && header.sequence <= self.receive.acknowledged
        {
            self.stamps.remember(stamp, idle);
        }
        if self.state == State::Closed || self.state == State::TimeWait {
            return Ok(progress);
        }
        if self.receive.ecn.is_accurate() {
            self.count_marks(context, segment);
        }
        if self.receive.facts.has(Facts::URGENT) || header.flags.contains(Flags::URG) {
            self.urgent_arrives(context, segment);
        }
        if segment.payload.is_empty() && !header.flags.contains(Flags::FIN) {
            context.counters.pure_acks.increment();
            return Ok(progress);
        }
        if header.flags.contains(Flags::SYN) {
            // Data beside the SYN of a simultaneous open comes again without it.
            return Ok(progress);
        }
        self.deliver(context, segment)?;
        Ok(progress)
    }

    /// First check: PAWS, then the window. What fails is answered with an ACK, unless it is a RST.
    #[inline]
    fn check_sequence<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Result<(), DropReason> {
        let header = &segment.header;
        let is_reset = header.flags.contains(Flags::RST);
        let is_stale = match options.timestamps {
            _ if is_reset || !self.stamps.is_on => false,
            Some(stamp) => {
                self.stamps
                    .is_stale(stamp, self.last_received.elapsed(context.now))
                    && !self.is_overtaken_ack(context, segment, stamp)
            }
            // RFC 7323, section 3.2: once agreed on, every segment must carry them.
            None => return self.check_bare(header.flags),
        };
        if is_stale {
            context.counters.paws_estab.increment();
            self.correct(context, segment);
            return Err(DropReason::PawsRejected);
        }
        // As Linux: from what we acknowledged last up to our right edge. A pure ACK may stand at
        // the edge, so that a sender facing a closed window is still heard.
        let end = header.sequence + segment.sequence_length();
        if end < self.receive.acknowledged || header.sequence > self.receive.edge {
            if is_reset {
                return Err(DropReason::OutOfWindow);
            }
            if header.flags.contains(Flags::SYN) {
                return self.check_syn(context, segment);
            }
            self.correct(context, segment);
            if end < self.receive.acknowledged {
                let last = header.sequence + segment.payload.len() as u32;
                self.came_again(context, header.sequence, last.earlier(self.receive.next));
                context.counters.delayed_ack_lost.increment();
                return Err(DropReason::OldDuplicate);
            }
            return Err(DropReason::OutOfWindow);
        }
        Ok(())
    }

    /// A duplicate acknowledgement that others of its flight have overtaken. It changes no number, and what it selects must
    /// not be lost to PAWS, which is there for data (Linux: tcp_disordered_ack). One that is older than a timeout may be
    /// of another time.
    #[cold]
    fn is_overtaken_ack<M: Memory<Queue = Q>>(
        &self,
        context: &Context<M>,
        segment: &Segment<'_>,
        stamp: Timestamps,
    ) -> bool {
        let header = &segment.header;
        let oldest = self.timeout(context).as_millis() * 6 / 5;
        segment.sequence_length() == 0
            && header.flags.contains(Flags::ACK)
            && header.sequence == self.receive.next
            && header.acknowledgment == self.send.unacknowledged
            && self.send.window_of(header) == self.send.window
            && u128::from(self.stamps.age(stamp).unsigned_abs()) <= oldest
    }

    /// A segment without the timestamps agreed on: only a SYN, which is challenged anyway.
    fn check_bare(&self, flags: Flags) -> Result<(), DropReason> {
        if flags.contains(Flags::SYN) {
            Ok(())
        } else {
            Err(DropReason::PawsRejected)
        }
    }

    /// Second check, RFC 5961, section 3: only the very next number resets.
    /// RFC 9293, MUST-66, SHLD-2.
    #[cold]
    fn check_reset<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
    ) -> Result<bool, DropReason> {
        if segment.header.sequence != self.receive.next {
            self.challenge(context);
            return Err(DropReason::ChallengedRst);
        }
        let error = match self.state {
            State::SynReceived if !self.is_early() => ConnectionError::Refused,
            _ => ConnectionError::Reset,
        };
        self.fail(context, error);
        Ok(false)
    }

    /// Fourth check, RFC 5961, section 4: a SYN is challenged in every synchronized state.
    fn check_syn<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
    ) -> Result<(), DropReason> {
        if !segment.header.flags.contains(Flags::SYN) {
            return Ok(());
        }
        if self.is_early() && self.is_first_syn_again(context, segment) {
            self.due.set(Due::SYN);
            return Err(DropReason::OldDuplicate);
        }
        if self.state == State::SynReceived && segment.header.sequence + 1 == self.receive.next {
            if segment.header.flags.contains(Flags::ACK) {
                // The peer's SYN-ACK of a simultaneous open: its ACK is what counts.
                self.due.set(Due::ACKNOWLEDGE);
                return Ok(());
            }
            self.due.set(Due::SYN);
            return Err(DropReason::OldDuplicate);
        }
        context.counters.syn_challenge.increment();
        if self.receive.ecn.is_accurate() {
            self.reflect_again(context, segment);
        }
        self.challenge(context);
        Err(DropReason::ChallengedSyn)
    }

    /// Fifth check in SYN-RECEIVED: our SYN must be acknowledged.
    fn complete_simultaneous_open<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let header = &segment.header;
        if header.acknowledgment <= self.send.unacknowledged
            || header.acknowledgment > self.send.next
        {
            self.refuse(context, segment);
            return Err(DropReason::BadHandshakeAck);
        }
        self.send.unacknowledged += 1;
        self.send.attempts = 0;
        self.due.unset(Due::SYN);
        let window = self.send.window_of(header);
        self.send.window_sequence = header.sequence;
        self.send.window = window;
        self.send.window_largest = window;
        self.establish(context);
        if self.send.is_shut {
            self.enter(context, Cause::ShutDown);
        }
        Ok(())
    }

    /// An ACK for what cannot be accepted: at once for data, whose acknowledgement was lost.
    fn correct<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>, segment: &Segment<'_>) {
        if segment.sequence_length() > 0 {
            self.receive.be_quick();
            self.due.set(Due::ACKNOWLEDGE);
        } else if self.may_disagree(context) {
            self.due.set(Due::ACKNOWLEDGE);
        } else {
            context.counters.ack_skipped_seq.increment();
        }
    }

    /// False when we disagreed just now: two ends would acknowledge each other's acknowledgements
    /// for ever, and a forger could have us send as much as he does.
    fn may_disagree<M>(&mut self, context: &Context<M>) -> bool {
        let now = millis(context.now);
        let may = now.wrapping_sub(self.answered_millis) >= QUIET_MILLIS;
        if may {
            self.answered_millis = now;
        }
        may
    }

    /// An ACK that tells an honest peer where we stand (RFC 5961), within the rate limits.
    pub(super) fn challenge<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if self.may_disagree(context)
            && context
                .challenges
                .take(context.now, context.limits.challenge_acks_per_second)
        {
            context.counters.challenge_ack.increment();
            self.due.set(Due::ACKNOWLEDGE);
        } else {
            context.counters.ack_skipped_challenge.increment();
        }
    }
}

/// As Linux has it (tcp_invalid_ratelimit).
pub(super) const QUIET_MILLIS: u32 = 500;
