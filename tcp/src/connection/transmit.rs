//! Segments out: what is due first, else data as the windows allow, straight from the send queue.

mod headers;
mod usual;

use super::hold::{Hold, Plan};
use super::stamps::millis;
use super::{Connection, Context};
use crate::connection::{Due, User};
use crate::ecn::NOT_ECT;
use crate::header::Flags;
use crate::header_options::Options;
use crate::memory::Memory;
use crate::options::sets::Flags as OptionFlags;
use crate::packet::{Outgoing, Remarks};
use crate::reply::outgoing;
use crate::send_records::{Marks, SendRecordPool};
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::NONE;
use crate::time::{Deadline, Past};

impl<Q: Default> Connection<Q> {
    /// Writes the next segment into `out`, or several as one where the port cuts them; None when there is none, or it
    /// does not fit.
    /// RFC 5681, section 4.2: one acknowledgement for all that has come.
    #[inline(never)]
    pub(crate) fn next_segment<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        out: &mut [u8],
        is_cut: bool,
    ) -> Option<Outgoing> {
        let before = self.watch(context);
        let outgoing = self.write_segment(context, out, is_cut);
        if let Some(before) = before {
            self.count_departure(context, &before, outgoing.as_ref(), out);
        }
        outgoing
    }

    #[inline]
    fn write_segment<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        out: &mut [u8],
        is_cut: bool,
    ) -> Option<Outgoing> {
        if self.due.has(Due::RESET) {
            self.due.unset(Due::RESET);
            context.counters.out_rsts.increment();
            let flags = if self.due.has(Due::BARE) {
                Flags::RST
            } else {
                Flags::RST | Flags::ACK
            };
            return self.emit_alone(context, self.send.next, flags, out);
        }
        if self.due.has(Due::SYN) {
            return self.emit_syn(context, out);
        }
        if self.extension.is_held() {
            self.review_path(context);
            if self.is_reflection_due(&context.extensions) {
                return self.emit_alone(context, self.send.next, Flags::ACK, out);
            }
        }
        let options = self.unusual_options(context);
        let option_bytes = match &options {
            Some(options) => options.length(),
            None => self.stamp_bytes(),
        };
        if self.send.resend != NONE {
            self.fit_resend(context, u32::from(self.send.mss) - option_bytes as u32);
        }
        if self.extension.is_held()
            && let Some(probe) = self.send_size_probe(context, options.as_ref(), out)
        {
            return Some(probe);
        }
        let room = out.len() * usize::from(is_cut);
        let most = self.most_at_once(context, option_bytes, room);
        match self.plan(&context.records, option_bytes, most) {
            Ok(plan) if self.defers(context, &plan, most) => self.congestion.defer(),
            Ok(plan) => return self.emit_data(context, plan, (options.as_ref(), false), out),
            Err(Hold::Window | Hold::Silly) => self.persist(context),
            Err(Hold::Records) => context.counters.send_records_exhausted.increment(),
            Err(Hold::Cork) => self.await_more(context.now),
            Err(Hold::Handshake) if self.is_syn_awaited() => return self.emit_syn(context, out),
            Err(_) => {}
        }
        self.due.unset(Due::TAIL);
        self.send.is_burst = false;
        if self.due.has(Due::PROBE) {
            // A number before the window: the peer must answer (as Linux probes).
            let has_pointer = self.extension.is_held() && self.probes_with_pointer(context);
            let back = u32::from(!has_pointer);
            if !has_pointer {
                self.due.unset(Due::PROBE);
            }
            return self.emit_alone(context, self.send.unacknowledged - back, Flags::ACK, out);
        }
        if self.due.has(Due::ACKNOWLEDGE)
            && self.state != State::SynSent
            && self.state != State::Closed
        {
            return self.emit_alone(context, self.send.next, Flags::ACK, out);
        }
        self.due.unset(Due::ACKNOWLEDGE);
        None
    }

    /// Data or FIN, new or again; `is_usual` for new data of a connection without an extension and without holes.
    #[inline(always)]
    pub(super) fn emit_data<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        plan: Plan,
        (options, is_usual): (Option<&Options>, bool),
        out: &mut [u8],
    ) -> Option<Outgoing> {
        let offset = plan.sequence.since(self.send.unacknowledged);
        let mut flags = Flags::ACK;
        let is_pushed = self.is_pushed(&context.records, &plan, offset);
        if is_pushed {
            flags = flags | Flags::PSH;
            self.send.pushed = plan.sequence + plan.payload;
        }
        if plan.fin {
            flags = flags | Flags::FIN;
        }
        // RFC 3168, sections 6.1.2 and 6.1.5: neither ECT nor CWR on what is sent again.
        let is_new = plan.payload > 0 && plan.record == NONE;
        let (ecn_flags, ecn) = self.ecn_of_segment(context, options, (is_new, false));
        flags = flags | ecn_flags;
        let header = self.header(context, (plan.sequence, flags), is_usual);
        let header_length = self.emit_header(context, &header, options, out)?;
        let place = out.get_mut(header_length..header_length + plan.payload as usize)?;
        let copied = context
            .memory
            .read_at(&self.send.queue, offset as usize, place);
        if copied < place.len() {
            context.counters.retrans_fail.increment();
        }
        let end = plan.sequence + plan.payload + u32::from(plan.fin);
        self.account(context, &plan, end, is_pushed);
        self.acknowledged(context, is_usual);
        let length = header_length + plan.payload as usize;
        let mut outgoing = self.outgoing(context, (length, header_length), is_usual);
        outgoing.ecn = ecn;
        if plan.payload > plan.segment {
            outgoing.segment_payload = plan.segment as u16;
        }
        Some(outgoing)
    }

    /// PSH (RFC 9293, section 3.9.1.2): at the end of what was written, unless more was announced; after half of the
    /// peer's largest window at the latest; and, as Linux, on the last of several segments that leave at once, as long as
    /// half of the congestion window, the most that goes as one packet there, holds two.
    #[inline(always)]
    fn is_pushed(&self, records: &SendRecordPool, plan: &Plan, offset: u32) -> bool {
        if plan.record != NONE {
            return self.was_pushed(records, plan);
        }
        let send = &self.send;
        if plan.payload == 0 {
            return false;
        }
        let end = offset + plan.payload;
        if end >= send.queued || self.due.has(Due::FORCE) {
            // Behind a forced one nothing follows for a while (as Linux).
            return !send.has_more || self.due.has(Due::FORCE);
        }
        let left = send.queued - end;
        let since_pushed = (plan.sequence + plan.payload).since(send.pushed);
        since_pushed > send.window_largest / 2
            || (send.is_burst
                && end.saturating_add(left.min(plan.payload)) > self.room()
                && self.congestion.window() >= BURST_SEGMENTS_MIN * self.congestion.segment())
    }

    /// What is sent again has PSH when all of it had.
    #[cold]
    fn was_pushed(&self, records: &SendRecordPool, plan: &Plan) -> bool {
        let end = plan.sequence + plan.payload;
        let record = records.get(plan.record);
        plan.payload > 0
            && record.is_some_and(|record| {
                record.marks.any(Marks::PUSHED) && record.end <= end + u32::from(plan.fin)
            })
    }

    /// Moves the variables on past a segment that ends before `end`.
    #[inline(always)]
    fn account<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        plan: &Plan,
        end: SequenceNumber,
        is_pushed: bool,
    ) {
        context.counters.out_bytes.add(u64::from(plan.payload));
        self.due.unset(Due::FORCE);
        if plan.record == NONE {
            context.counters.out_segs.increment();
            if plan.payload > plan.segment {
                self.note_burst(context, plan);
            }
            if plan.payload < plan.segment && plan.payload > 0 {
                self.send.small = end;
            }
            self.note_sent(context, end, is_pushed);
        } else {
            self.resent(context, plan.record, end);
        }
        self.send.last_sent = Past::at(context.now);
        self.send.is_burst = true;
        if self.congestion.is_paced() {
            let smoothed = self.round_trip.smoothed();
            let sent = (plan.payload, plan.segment);
            let has_to_wait =
                self.congestion
                    .pace(&mut context.congestion, context.now, sent, smoothed);
            if has_to_wait {
                context.counters.pacing_waits.increment();
            }
        }
        if self.user.has(User::WANTS_ROOM) {
            self.offer_room(context);
        }
        // Requests and replies: the reply carries the acknowledgement, which may well be delayed.
        self.receive.delayed.data_sent(millis(context.now));
    }

    /// A segment without payload, with all options that are to be said.
    #[cold]
    fn emit_alone<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        sequence: SequenceNumber,
        flags: Flags,
        out: &mut [u8],
    ) -> Option<Outgoing> {
        let options = self.unusual_options(context);
        self.emit_empty(context, (sequence, flags), (options.as_ref(), false), out)
    }

    /// A segment without payload: acknowledgement, probe or RST.
    #[inline(always)]
    fn emit_empty<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        (sequence, flags): (SequenceNumber, Flags),
        (options, is_usual): (Option<&Options>, bool),
        out: &mut [u8],
    ) -> Option<Outgoing> {
        let (ecn_flags, ecn) = if flags.contains(Flags::RST) {
            (Flags::NONE, NOT_ECT)
        } else {
            self.ecn_of_segment(context, options, (false, true))
        };
        let flags = flags | ecn_flags;
        let header = self.header(context, (sequence, flags), is_usual);
        let length = self.emit_header(context, &header, options, out)?;
        context.counters.out_segs.increment();
        self.acknowledged(context, is_usual);
        let mut outgoing = self.outgoing(context, (length, length), is_usual);
        outgoing.ecn = ecn;
        Some(outgoing)
    }

    /// What the IP layer is told of a segment.
    #[inline(always)]
    pub(super) fn outgoing<M>(
        &self,
        context: &Context<M>,
        (length, header_length): (usize, usize),
        is_usual: bool,
    ) -> Outgoing {
        let mut outgoing = outgoing(&self.flow, length, header_length, &context.limits);
        let options = &self.user.options;
        if options.flags.contains(OptionFlags::IP_FIELDS) {
            let chosen = context.option_sets.get(options);
            chosen.ip.mark(&mut outgoing, &context.limits);
        }
        if !is_usual {
            let is_unanswered = self.is_unanswered(&context.limits);
            outgoing.remarks.add_if(Remarks::UNANSWERED, is_unanswered);
            if self.extension.is_held() {
                let may_fragment = self.is_path_below_least(context);
                outgoing.remarks.add_if(Remarks::MAY_FRAGMENT, may_fragment);
            }
        }
        outgoing
    }

    /// A segment has told the peer how far we received.
    /// RFC 2018, sections 2 and 4.
    #[inline(always)]
    pub(super) fn acknowledged<M>(&mut self, context: &mut Context<M>, is_usual: bool) {
        if !is_usual && self.receive.ranges.has_duplicate() {
            let _told = context.ranges.take_duplicate(&mut self.receive.ranges);
        }
        self.due.unset(Due::ACKNOWLEDGE);
        self.deadlines.acknowledge = Deadline::NEVER;
        self.receive.acknowledged = self.receive.next;
        self.receive.delayed.told();
    }
}

/// Two packets of two segments.
const BURST_SEGMENTS_MIN: u32 = 4;
