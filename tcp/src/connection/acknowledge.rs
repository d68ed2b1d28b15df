//! The peer acknowledges: RFC 9293, section 3.10.7.4, fifth check, and RFC 5961, section 5.
//!
//! What comes in order, with nothing suspicious before, is dealt with here; the rest is `recovery`'s.

use super::{Connection, Context};
use crate::congestion::rate_sample::Newest;
use crate::congestion::{Acknowledged, RateSample};
use crate::drop_reason::DropReason;
use crate::header::{Flags, Header, Segment};
use crate::header_options::Options;
use crate::memory::Memory;
use crate::send_records::micros;
use crate::sequence::SequenceNumber;
use crate::state::{Cause, State};

impl<Q: Default> Connection<Q> {
    /// Takes SEG.ACK and SEG.WND; true when it acknowledges something new.
    #[inline]
    pub(super) fn acknowledge<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Result<bool, DropReason> {
        let header = &segment.header;
        let acknowledgment = header.acknowledgment;
        if acknowledgment > self.send.next
            || acknowledgment + self.send.window_largest < self.send.unacknowledged
        {
            self.challenge(context);
            return Err(DropReason::AckOutOfRange);
        }
        if acknowledgment < self.send.unacknowledged {
            if !options.sack.is_empty() {
                // As Linux: overtaken by a later one, but what was received beyond is news all the same.
                self.examine(context, acknowledgment, false, options);
            }
            return Ok(false);
        }
        self.hear_echo(context, header.flags);
        let window_before = self.send.window;
        let window = self.take_window(context, header);
        let is_new = acknowledgment > self.send.unacknowledged;
        if options.sack.is_empty() && !self.send.scoreboard.is_held() {
            if is_new {
                self.acknowledge_in_order_too(context, acknowledgment);
                return Ok(true);
            }
            if self.send.outstanding() == 0 {
                return Ok(false);
            }
        }
        // RFC 5681, section 2: what makes an acknowledgment a duplicate.
        let is_duplicate = !is_new
            && self.send.outstanding() > 0
            && segment.payload.is_empty()
            && !header.flags.intersects(Flags::FIN | Flags::SYN)
            && window_before == window
            && window != 0;
        if is_new || is_duplicate || !options.sack.is_empty() {
            self.examine(context, acknowledgment, is_duplicate, options);
        }
        Ok(is_new)
    }

    /// Takes SEG.WND of a segment whose SEG.ACK is believed, and gives it in bytes.
    #[inline(always)]
    pub(super) fn take_window<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        header: &Header,
    ) -> u32 {
        let window = self.send.window_of(header);
        let window_before = self.send.window;
        self.send
            .update_window(header.sequence, header.acknowledgment, window);
        if self.send.outstanding() == 0 || self.send.window == 0 {
            // The answer to a probe: the peer lives.
            self.send.attempts = 0;
        }
        if self.send.window > 0 && window_before == 0 {
            self.window_opens(context);
        }
        window
    }

    /// The back-off of probes ends; what the closed window has swallowed is sent again in time.
    #[cold]
    fn window_opens<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        self.trouble_ends(context);
        self.round_trip.end_back_off();
        if self.deadlines.retransmit.is_set() {
            self.restart_timeout(context);
        }
    }

    /// The same for what did not take the short way.
    #[inline(never)]
    fn acknowledge_in_order_too<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
    ) {
        self.acknowledge_in_order(context, acknowledgment);
    }

    /// An acknowledgement of something new while no loss is suspected.
    #[inline(always)]
    pub(super) fn acknowledge_in_order<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
    ) {
        let in_flight = self.send.outstanding();
        let delivered = acknowledgment.since(self.send.unacknowledged);
        let is_fin_acknowledged = self.take_acknowledged(context, acknowledgment);
        let now = micros(context.now);
        let mut first_sample = None;
        let mut last_sample = None;
        let mut newest = Newest::default();
        let has_rate = self.congestion.has_block();
        loop {
            if has_rate {
                self.note_delivery(context, acknowledgment, &mut newest);
            }
            let records = &mut self.send.records;
            let Some(sent_at) = context.records.pop_before(records, acknowledgment) else {
                break;
            };
            // RFC 7323, section 4.1: every segment is measured; the oldest newly acknowledged one counts.
            last_sample = Some(now.wrapping_sub(sent_at));
            first_sample = first_sample.or(last_sample);
        }
        if let Some(sample) = first_sample {
            self.measure(context, u64::from(sample));
            context.counters.round_trip_micros.record(u64::from(sample));
        }
        self.restart_timer(context);
        self.congestion.end_deferral();
        if self.congestion.needs_ack(in_flight) || self.ecn.is_on() {
            let rate = self.rate_sample(context, &newest, in_flight);
            let acknowledged = Acknowledged {
                now: context.now,
                delivered,
                marked: self.marked(context, delivered),
                in_flight,
                may_grow: true,
                phase: self.send.phase,
                unacknowledged: acknowledgment,
                next: self.send.next,
                timeout: self.timeout(context),
                sample_micros: last_sample,
                rate,
            };
            self.congestion
                .on_ack(&mut context.congestion, &acknowledged);
        }
        self.offer_room(context);
        if is_fin_acknowledged {
            self.fin_acknowledged(context);
        }
    }

    /// The oldest segment, as far as it lies before `acknowledgment`, has been delivered.
    fn note_delivery<M>(
        &self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
        newest: &mut Newest,
    ) {
        if let Some((_, record)) = context.records.first(&self.send.records)
            && record.start < acknowledgment
            && let Some(rate) = self.congestion.delivery(&mut context.congestion)
        {
            let (stamp, sent_at) = record.rate_stamp(context.now);
            let bytes = record.end.earlier(acknowledgment).since(record.start);
            rate.on_delivered(context.now, &stamp, sent_at, bytes, newest);
        }
    }

    /// The rate that the segments delivered by one acknowledgement tell of, where rates are kept.
    #[inline]
    pub(crate) fn rate_sample<M>(
        &mut self,
        context: &mut Context<M>,
        newest: &Newest,
        prior_in_flight: u32,
    ) -> Option<RateSample> {
        let smallest = self.round_trip.smallest_micros();
        let rate = self.congestion.delivery(&mut context.congestion)?;
        let sample = rate.sample(context.now, newest, smallest)?;
        Some(RateSample {
            prior_in_flight,
            in_flight: self.send.in_flight(),
            ..sample
        })
    }

    /// Moves SND.UNA on and lets go of the bytes before it; true when our FIN was before it too.
    #[inline(always)]
    pub(crate) fn take_acknowledged<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
    ) -> bool {
        let bytes = acknowledgment.since(self.send.unacknowledged);
        let is_fin_acknowledged = self.send.is_shut && bytes > self.send.queued;
        let released = bytes.min(self.send.queued);
        context
            .memory
            .release(&mut self.send.queue, released as usize);
        self.send.queued -= released;
        self.send.unacknowledged = acknowledgment;
        self.send.attempts = 0;
        self.trouble_ends(context);
        self.user.soft_error = None;
        is_fin_acknowledged
    }

    /// Our FIN has arrived.
    pub(crate) fn fin_acknowledged<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        match self.state {
            State::FinWait1 => {
                self.enter(context, Cause::FinAcknowledged);
                self.await_peers_fin(context);
            }
            State::Closing => self.enter_time_wait(context, Cause::FinAcknowledged),
            State::LastAck => {
                self.remember_destination(context);
                self.judge_black_hole(context);
                self.enter(context, Cause::FinAcknowledged);
                self.deadlines.clear();
            }
            _ => {}
        }
    }
}
