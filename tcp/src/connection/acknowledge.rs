//! The peer acknowledges: RFC 9293, section 3.10.7.4, fifth check, and RFC 5961, section 5.

use super::deadlines::NEVER;
use super::{Connection, Context};
use crate::congestion::{Acknowledged, Phase};
use crate::drop_reason::DropReason;
use crate::header::{Flags, Segment};
use crate::header_options::Options;
use crate::memory::Memory;
use crate::sequence::SequenceNumber;
use crate::state::{Cause, State};

impl<Q: Default> Connection<Q> {
    /// Takes SEG.ACK and SEG.WND; true when it acknowledges something new.
    #[inline]
    pub(super) fn acknowledge<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<'_, M>,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Result<bool, DropReason> {
        let header = &segment.header;
        let acknowledgment = header.acknowledgment;
        if acknowledgment > self.send.highest
            || acknowledgment + self.send.window_largest < self.send.unacknowledged
        {
            self.challenge(context);
            return Err(DropReason::AckOutOfRange);
        }
        if acknowledgment < self.send.unacknowledged {
            return Ok(false);
        }
        let window = self.send.window_of(header);
        let window_before = self.send.window;
        self.send
            .update_window(header.sequence, acknowledgment, window);
        if self.send.outstanding() == 0 || self.send.window == 0 {
            // The answer to a probe: the peer lives.
            self.send.attempts = 0;
        }
        if self.send.window > 0 && window_before == 0 {
            self.window_opens(context);
        }
        if acknowledgment > self.send.unacknowledged {
            self.acknowledge_new(context, acknowledgment, options);
            return Ok(true);
        }
        // RFC 5681, section 2: what makes an acknowledgment a duplicate.
        if self.send.outstanding() > 0
            && segment.payload.is_empty()
            && !header.flags.intersects(Flags::FIN | Flags::SYN)
            && window_before == window
            && window != 0
        {
            self.duplicate_acknowledgment(context);
        }
        Ok(false)
    }

    /// The back-off of probes ends; what the closed window has swallowed is sent again in time.
    #[cold]
    fn window_opens<M: Memory<Queue = Q>>(&mut self, context: &mut Context<'_, M>) {
        self.trouble_ends(context);
        self.round_trip.end_back_off();
        if self.deadlines.retransmit != NEVER {
            self.deadlines.retransmit = self.round_trip.deadline(context.now, context.bounds);
        }
    }

    fn acknowledge_new<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<'_, M>,
        acknowledgment: SequenceNumber,
        options: &Options,
    ) {
        let in_flight = self.send.outstanding();
        let bytes = acknowledgment.since(self.send.unacknowledged);
        let is_fin_acknowledged = self.send.is_shut && bytes > self.send.queued;
        let released = bytes.min(self.send.queued);
        context
            .memory
            .release(&mut self.send.queue, released as usize);
        self.send.queued -= released;
        self.send.unacknowledged = acknowledgment;
        if self.send.next < acknowledgment {
            self.send.next = acknowledgment;
        }
        let sample_micros = self.measure(context, acknowledgment, options);
        let is_backed_off = self.send.next < self.send.highest;
        self.send.attempts = 0;
        self.trouble_ends(context);
        self.user.soft_error = None;
        if self.send.is_recovering {
            self.acknowledge_in_recovery(bytes);
        } else {
            self.send.duplicates = 0;
            if acknowledgment > self.send.recover {
                // It follows: what lies 2^31 behind would seem to lie ahead.
                self.send.recover = acknowledgment - 1;
            }
            let acknowledged = Acknowledged {
                now: context.now,
                delivered: released,
                marked: 0,
                in_flight,
                phase: if is_backed_off {
                    Phase::Loss
                } else {
                    Phase::Open
                },
                unacknowledged: acknowledgment,
                next: self.send.next,
                sample_micros,
                timeout: self.round_trip.timeout(context.bounds),
                rate: None,
            };
            self.congestion.on_ack(context.congestion, &acknowledged);
        }
        self.deadlines.retransmit = if self.send.outstanding() == 0 {
            NEVER
        } else {
            self.round_trip.deadline(context.now, context.bounds)
        };
        self.offer_room(context);
        if is_fin_acknowledged {
            self.fin_acknowledged(context);
        }
    }

    /// RFC 6298, section 3: one segment at a time is measured, and none that was sent twice, where
    /// the timestamp's echo tells which copy arrived.
    #[inline]
    fn measure<M: Memory<Queue = Q>>(
        &mut self,
        context: &Context<'_, M>,
        acknowledgment: SequenceNumber,
        options: &Options,
    ) -> Option<u32> {
        let sample = match self.send.timed_at {
            sent if sent != NEVER && acknowledgment >= self.send.timed => {
                self.send.timed_at = NEVER;
                Some((context.now.as_nanos().saturating_sub(sent.as_nanos())) / 1_000)
            }
            NEVER if self.send.attempts > 0 || self.send.is_recovering => options
                .timestamps
                .filter(|_| self.stamps.is_on)
                .and_then(|stamp| self.stamps.round_trip(stamp, context.now))
                .map(|sample| u64::try_from(sample.as_micros()).unwrap_or(u64::MAX)),
            _ => None,
        };
        let micros = sample?;
        self.round_trip.measure_micros(micros);
        context.counters.round_trip_micros.record(micros);
        Some(u32::try_from(micros).unwrap_or(u32::MAX))
    }

    /// Our FIN has arrived.
    fn fin_acknowledged<M: Memory<Queue = Q>>(&mut self, context: &mut Context<'_, M>) {
        match self.state {
            State::FinWait1 => {
                self.enter(context, Cause::FinAcknowledged);
                self.await_peers_fin(context);
            }
            State::Closing => self.enter_time_wait(context, Cause::FinAcknowledged),
            State::LastAck => {
                self.enter(context, Cause::FinAcknowledged);
                self.deadlines.clear();
            }
            _ => {}
        }
    }
}
