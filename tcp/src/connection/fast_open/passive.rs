//! Who listens: a SYN with a good cookie makes a connection at once, which the handshake's ACK only confirms
//! (RFC 7413, section 4.2.2).

use super::super::recovery::Timer;
use super::super::{Connection, Context, Due};
use crate::drop_reason::DropReason;
use crate::error::ConnectionError;
use crate::fast_open::{Marks, Opening};
use crate::header::{Flags, Segment};
use crate::memory::Memory;
use crate::reply::Reply;
use crate::state::{Cause, State};
use crate::time::Deadline;

impl<Q: Default> Connection<Q> {
    /// This connection of `accepted` has not seen the handshake's ACK: its SYN-ACK is still to be sent. The SYN's data is
    /// the user's already.
    /// RFC 7413, section 4.2.2: the initial window is RFC 5681's.
    pub(crate) fn begin_early<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        syn: &Segment<'_>,
    ) {
        self.user.fast_open.set(Marks::PENDING);
        self.be_early();
        self.begin_transfer(context);
        self.due.set(Due::SYN);
        if syn.payload.is_empty() {
            return;
        }
        let mut data = *syn;
        data.header.flags = data.header.flags.without(Flags::SYN);
        data.header.sequence += 1;
        // What finds no memory is not acknowledged, and comes again.
        if self.deliver(context, &data).is_ok() {
            self.user.fast_open.set(Marks::SYN_DATA);
        }
        // The SYN-ACK tells of it.
        self.due.unset(Due::ACKNOWLEDGE);
        self.deadlines.acknowledge = Deadline::NEVER;
        self.receive.acknowledged = self.receive.next;
    }

    /// A SYN-ACK leaves; the first starts the clock.
    pub(crate) fn count_syn_ack<M>(&mut self, context: &mut Context<M>) {
        if let Some(opening) = context.fast_opens.openings.get_mut(&self.flow) {
            opening.sent = opening.sent.saturating_add(1);
            if opening.sent == 1 {
                self.deadlines.retransmit =
                    Deadline::within(context.now, context.limits.rto_initial);
            }
        }
    }

    /// A SYN on a connection that a SYN made: the same one has not heard our answer.
    pub(crate) fn is_first_syn_again<M>(
        &self,
        context: &Context<M>,
        segment: &Segment<'_>,
    ) -> bool {
        let flags = segment.header.flags;
        flags.contains(Flags::SYN)
            && !flags.contains(Flags::ACK)
            && self
                .pending_opening(context)
                .is_some_and(|opening| opening.theirs == segment.header.sequence)
    }

    /// An ACK: it must acknowledge our SYN, and then the handshake is over. The state moves on, unless the user has shut
    /// down already.
    pub(crate) fn confirm<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let header = &segment.header;
        if header.acknowledgment < self.send.unacknowledged
            || header.acknowledgment > self.send.next
        {
            context.replies.push(Reply::reset_for(self.flow, segment));
            return Err(DropReason::BadHandshakeAck);
        }
        if let Some(opening) = self.close_opening(context) {
            self.measure_opening(context, &opening);
            if let Some(listener) = opening.listener {
                context.fast_opens.ended(context.now, listener, false);
            }
        }
        let window = self.send.window_of(header);
        self.send.window_sequence = header.sequence;
        self.send.window = window;
        self.send.window_largest = self.send.window_largest.max(window);
        self.send.attempts = 0;
        self.due.unset(Due::SYN);
        self.deadlines.retransmit = Deadline::NEVER;
        if self.state == State::SynReceived {
            self.enter(context, Cause::HandshakeCompleted);
        }
        self.recall_destination(context);
        self.restart_timer(context);
        self.watch_for_silence(context);
        Ok(())
    }

    fn measure_opening<M>(&mut self, context: &Context<M>, opening: &Opening) {
        let elapsed = context.now.since(opening.started);
        if opening.sent <= 1 {
            self.round_trip.measure(elapsed);
        }
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        context.counters.handshake_micros.record(micros);
    }

    /// The SYN-ACK was not answered in time. As Linux, nothing else is sent again before it is, and there is one attempt
    /// more than for requests, since a user may have the connection already.
    pub(crate) fn syn_ack_timeout<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        context.counters.timeouts.increment();
        self.send.attempts = self.send.attempts.saturating_add(1);
        let attempts = u32::from(self.send.attempts);
        if attempts > context.limits.syn_ack_retries + 1 {
            context.counters.abort_on_timeout.increment();
            let error = self.user.soft_error.unwrap_or(ConnectionError::TimedOut);
            self.fail(context, error);
            return;
        }
        if attempts == 2 {
            // RFC 6928, section 2: the first may have been spurious.
            self.congestion.on_handshake_loss();
        }
        let limits = &context.limits;
        let backoff = limits.rto_initial.saturating_mul(1 << attempts.min(16));
        self.deadlines.retransmit = Deadline::within(context.now, backoff.min(limits.rto_max));
        self.send.timer = Timer::FastOpen;
        self.due.set(Due::SYN);
    }
}
