//! The peer acknowledges: RFC 9293, section 3.10.7.4, fifth check, and RFC 5961, section 5.
//!
//! What comes in order, with nothing suspicious before, is dealt with here; the rest is `recovery`'s.

use super::{Connection, Context, User};
use crate::congestion::rate_sample::Newest;
use crate::congestion::{Acknowledged, RateSample};
use crate::drop_reason::DropReason;
use crate::header::{Flags, Segment};
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
                self.examine(context, header, false, options);
            }
            return Ok(false);
        }
        self.hear_echo(context, header.flags);
        let window_before = self.send.window;
        let window = self.send.window_of(header);
        self.take_window(context, (header.sequence, acknowledgment), window);
        let is_new = acknowledgment > self.send.unacknowledged;
        let is_accurate = self.receive.ecn.is_accurate();
        if options.sack.is_empty() && !self.send.scoreboard.is_held() && !is_accurate {
            if is_new {
                self.acknowledge_and_tell(context, acknowledgment);
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
            self.examine(context, header, is_duplicate, options);
        } else if is_accurate {
            self.hear_bare_marks(context, header, options);
        }
        Ok(is_new)
    }

    /// Takes SEG.WND, in bytes, of a segment whose SEG.ACK is believed.
    #[inline(always)]
    pub(super) fn take_window<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        (sequence, acknowledgment): (SequenceNumber, SequenceNumber),
        window: u32,
    ) {
        let window_before = self.send.window;
        self.send.update_window(sequence, acknowledgment, window);
        if self.send.attempts > 0 || window_before == 0 {
            self.hear_of_window(context, window_before);
        }
    }

    /// The same where something was sent in vain, or the window was closed.
    #[cold]
    fn hear_of_window<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        window_before: u32,
    ) {
        if self.send.outstanding() == 0 || self.send.window == 0 {
            // The answer to a probe: the peer lives.
            self.send.attempts = 0;
        }
        if self.send.window > 0 && window_before == 0 {
            self.window_opens(context);
        }
    }

    /// The back-off of probes ends; what the closed window has swallowed is sent again in time.
    fn window_opens<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        self.trouble_ends(context);
        self.round_trip.end_back_off();
        if self.deadlines.retransmit.is_set() {
            self.restart_timeout(context);
        }
    }

    /// An acknowledgement of something new, of an established connection while no loss is suspected.
    #[inline(always)]
    pub(super) fn acknowledge_in_order<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
    ) {
        // An established connection has no FIN under way.
        if self.receive.ecn.is_on() || self.congestion.needs_ack(self.send.outstanding()) {
            return self.acknowledge_and_tell(context, acknowledgment);
        }
        // Most connections never fill their first window: congestion control has nothing to do yet.
        let bytes = acknowledgment.since(self.send.unacknowledged);
        self.let_go(context, acknowledgment, bytes.min(self.send.queued));
        let records = &mut self.send.records;
        if let Some(oldest) = context.records.pop_before(records, acknowledgment) {
            self.take_sample(context, oldest);
        }
        self.restart_timer(context);
        self.offer_room(context);
    }

    /// The same where congestion control is to hear of it.
    #[inline(never)]
    fn acknowledge_and_tell<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
    ) {
        let in_flight = self.send.outstanding();
        let delivered = acknowledgment.since(self.send.unacknowledged);
        let is_fin_acknowledged = self.take_acknowledged(context, acknowledgment);
        let mut newest = Newest::default();
        if self.congestion.has_block() {
            self.note_deliveries(context, acknowledgment, &mut newest);
        }
        let segments = self.segments_before(&context.records, acknowledgment);
        let records = &mut self.send.records;
        let sent = context.records.pop_several(records, acknowledgment);
        if let Some((oldest, _)) = sent {
            self.take_sample(context, oldest);
        }
        self.restart_timer(context);
        self.congestion.end_deferral();
        let now = micros(context.now);
        let rate = self.rate_sample(context, &newest, in_flight);
        self.count_delivery(context, segments, rate.as_ref());
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
            sample_micros: sent.map(|(_, newest)| now.wrapping_sub(newest)),
            rate,
        };
        self.congestion
            .on_ack(&mut context.congestion, &acknowledged);
        self.offer_room(context);
        if is_fin_acknowledged {
            self.fin_acknowledged(context);
        }
    }

    /// RFC 7323, section 4.1: every segment is measured; the oldest newly acknowledged one, which was `sent_at`, counts.
    #[inline(always)]
    fn take_sample<M>(&mut self, context: &mut Context<M>, sent_at: u32) {
        let sample = u64::from(micros(context.now).wrapping_sub(sent_at));
        self.measure(context, sample);
        context.counters.round_trip_micros.record(sample);
    }

    /// All segments, as far as they lie before `acknowledgment`, have been delivered.
    fn note_deliveries<M>(
        &self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
        newest: &mut Newest,
    ) {
        let Some(rate) = self.congestion.delivery(&mut context.congestion) else {
            return;
        };
        for record in context.records.iter(&self.send.records) {
            if record.start >= acknowledgment {
                break;
            }
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
    #[inline]
    pub(crate) fn take_acknowledged<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
    ) -> bool {
        let bytes = acknowledgment.since(self.send.unacknowledged);
        let is_fin_acknowledged = self.send.is_shut && bytes > self.send.queued;
        self.let_go(context, acknowledgment, bytes.min(self.send.queued));
        is_fin_acknowledged
    }

    /// The same, of `bytes` that are queued.
    #[inline(always)]
    fn let_go<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        acknowledgment: SequenceNumber,
        bytes: u32,
    ) {
        context.memory.release(&mut self.send.queue, bytes as usize);
        self.send.queued -= bytes;
        self.send.unacknowledged = acknowledgment;
        self.send.attempts = 0;
        if self.extension.is_held() {
            self.trouble_ends(context);
        }
        self.user.soft_error = None;
    }

    /// Our FIN has arrived. Its user may wait for that before he closes (SO_LINGER; RFC 9293, section 3.10.4).
    pub(crate) fn fin_acknowledged<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        self.user.set(User::WRITABLE);
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
