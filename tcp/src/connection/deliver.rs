//! Payload and FIN arrive: RFC 9293, section 3.10.7.4, seventh and eighth check, and when to
//! acknowledge (RFC 1122, section 4.2.3.2; RFC 5681, section 4.2).

use std::time::Duration;

use super::stamps::millis;
use super::{Connection, Context, ReceiveSide};
use crate::connection::{Due, Facts, User};
use crate::drop_reason::DropReason;
use crate::error::ConnectionError;
use crate::header::{Flags, Segment};
use crate::memory::Memory;
use crate::packet::Reader;
use crate::sequence::SequenceNumber;
use crate::state::{Cause, State};
use crate::time::{Deadline, Instant};

impl<Q: Default> Connection<Q> {
    /// Takes what of the segment lies in the window.
    #[inline]
    pub(super) fn deliver<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let start = segment.header.sequence;
        let end = start + segment.payload.len() as u32;
        let has_fin = segment.header.flags.contains(Flags::FIN);
        if self.receive.facts.has(Facts::FINISHED) {
            // Nothing can follow a FIN: this is it again.
            self.due.set(Due::ACKNOWLEDGE);
            return Ok(());
        }
        if self.user.has(User::ORPHAN) && end > self.receive.next {
            context.counters.abort_on_data.increment();
            let acknowledgment = segment.header.acknowledgment;
            self.reset_in_answer(context, ConnectionError::Aborted, acknowledgment);
            return Err(DropReason::Closed);
        }
        if end < self.receive.next || (end == self.receive.next && !has_fin) {
            context.counters.delayed_ack_lost.increment();
            self.came_again(context, start, end);
            self.receive.be_quick();
            self.due.set(Due::ACKNOWLEDGE);
            return Err(DropReason::OldDuplicate);
        }
        let skipped = if start < self.receive.next {
            self.came_again(context, start, self.receive.next);
            self.receive.next.since(start)
        } else {
            0
        };
        let first = start + skipped;
        let room = self.receive.edge.since(first) as usize;
        let payload = segment.payload.get(skipped as usize..).unwrap_or(&[]);
        let payload = payload.get(..room).unwrap_or(payload);
        let is_whole = first + payload.len() as u32 == end;
        let marks = (segment.header.flags, segment.ecn);
        self.note_data(context, segment.payload.len(), marks);
        let mut is_fin_new = false;
        if has_fin && is_whole {
            is_fin_new = !self.receive.facts.has(Facts::FIN) || self.receive.mark == end;
            self.receive.facts.set(Facts::FIN);
            self.receive.mark = end;
        }
        if !is_whole {
            // It probes, or does not know our window (RFC 9293, section 3.8.6.1).
            self.due.set(Due::ACKNOWLEDGE);
        }
        if first == self.receive.next {
            self.deliver_rest(context, payload)
        } else {
            self.deliver_beyond(context, first, payload, is_fin_new)
        }
    }

    /// A payload that is next in order and lies in the window as a whole, while there is no hole and no FIN was received;
    /// `marks` are its segment's flags and ECN bits.
    #[inline(always)]
    pub(super) fn deliver_whole<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        payload: &[u8],
        marks: (Flags, u8),
        reader: Option<&mut dyn Reader>,
    ) -> Result<(), DropReason> {
        self.note_data(context, payload.len(), marks);
        if let Some(reader) = reader {
            let taken = self.hand_over(context, payload, reader);
            return match payload.get(taken..) {
                None | Some([]) => Ok(()),
                Some(rest) => match self.deliver_rest(context, rest) {
                    // The peer sends what found no room again; the rest of the segment was used.
                    Err(_) if taken > 0 => Ok(()),
                    delivered => delivered,
                },
            };
        }
        let written = self.write_next(context, payload)?;
        self.receive.next += written as u32;
        self.receive.readable += written as u32;
        context.counters.in_bytes.add(written as u64);
        self.user.set(User::READABLE);
        self.schedule_acknowledgment(context);
        Ok(())
    }

    #[inline(never)]
    fn deliver_rest<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        payload: &[u8],
    ) -> Result<(), DropReason> {
        self.deliver_next(context, payload)
    }

    /// What a segment with data says about full segments, and about when to acknowledge.
    #[inline(always)]
    fn note_data<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        length: usize,
        (flags, ecn): (Flags, u8),
    ) {
        let ReceiveSide {
            delayed,
            full_bytes,
            edge,
            next,
            ..
        } = &mut self.receive;
        if length > usize::from(*full_bytes) {
            *full_bytes = u16::try_from(length).unwrap_or(u16::MAX);
        }
        let is_pushed = flags.contains(Flags::PSH);
        delayed.data_arrived(
            millis(context.now),
            (length, *full_bytes, is_pushed),
            || {
                let (bounds, extensions) = (&context.bounds, &context.extensions);
                let timeout =
                    super::spread::timeout(&self.round_trip, &self.extension, bounds, extensions);
                (edge.since(*next), timeout)
            },
        );
        if self.receive.ecn.is_on() && length > 0 {
            self.hear_mark(context, flags, ecn);
        }
    }

    /// Lets a reader take what is next in order, where nothing older waits for it; gives how much was taken.
    #[inline]
    fn hand_over<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        payload: &[u8],
        reader: &mut dyn Reader,
    ) -> usize {
        if self.receive.readable > 0 || !self.user.has(User::ATTACHED) {
            return 0;
        }
        let taken = reader.take(self.user.cookie(), payload).min(payload.len());
        if taken > 0 {
            self.receive.next += taken as u32;
            context.counters.in_bytes.add(taken as u64);
            self.schedule_acknowledgment(context);
            self.was_read(context, taken);
        }
        taken
    }

    /// Copies what is next in order behind what is readable, as much as there is room for: at least a byte.
    #[inline(always)]
    fn write_next<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        payload: &[u8],
    ) -> Result<usize, DropReason> {
        let readable = self.receive.readable as usize;
        let mut written = context
            .memory
            .write_at(&mut self.receive.queue, readable, payload);
        if written < payload.len() {
            written = self.write_instead(context, payload, written);
            if written == 0 {
                context.counters.rcv_q_drop.increment();
                return Err(DropReason::NoMemory);
            }
        }
        Ok(written)
    }

    /// Bytes that are next in order.
    #[inline(always)]
    fn deliver_next<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        payload: &[u8],
    ) -> Result<(), DropReason> {
        let written = self.write_next(context, payload)?;
        let before = self.receive.next;
        let mut next = before + written as u32;
        let had_holes = !self.receive.ranges.is_empty();
        if had_holes {
            self.note_filled_again(context, before, next);
            next = context.ranges.advance(&mut self.receive.ranges, next);
        }
        let count = next.since(before);
        self.receive.next = next;
        self.receive.readable += count;
        context.counters.in_bytes.add(u64::from(count));
        if count > 0 {
            self.user.set(User::READABLE);
        }
        if self.receive.facts.has(Facts::FIN) && self.receive.mark == next {
            self.fin_arrives(context);
        } else if had_holes {
            self.due.set(Due::ACKNOWLEDGE);
        } else {
            self.schedule_acknowledgment(context);
        }
        Ok(())
    }

    /// Bytes in order that we had already: the peer learns which (RFC 2883, section 4.1 and 4.2).
    pub(super) fn came_again<M>(
        &mut self,
        context: &mut Context<M>,
        start: SequenceNumber,
        end: SequenceNumber,
    ) {
        if self.receive.ecn.is_accurate() {
            self.suspect_option(context, start);
        }
        if self.receive.facts.has(Facts::SACK) && context.limits.duplicate_sack && start < end {
            context.counters.dsack_old_sent.increment();
            context
                .ranges
                .note_duplicate(&mut self.receive.ranges, start, end);
        }
    }

    /// The same of what fills a hole, where some of it was there; what came again before that is told, not this (as
    /// Linux: tcp_dsack_extend).
    fn note_filled_again<M>(
        &mut self,
        context: &mut Context<M>,
        left: SequenceNumber,
        right: SequenceNumber,
    ) {
        let ranges = &mut self.receive.ranges;
        let Some(part) = context.ranges.overlap(ranges, left, right) else {
            return;
        };
        if !self.receive.facts.has(Facts::SACK) || !context.limits.duplicate_sack {
            return;
        }
        let noted = context.ranges.duplicate(ranges);
        if noted.is_none() {
            context.counters.dsack_old_sent.increment();
        }
        if noted.is_none_or(|noted| noted.left <= part.right && part.left <= noted.right) {
            context.ranges.note_duplicate(ranges, part.left, part.right);
        }
    }

    /// The same beyond a hole, where some of the segment was there.
    fn note_overlap<M>(
        &mut self,
        context: &mut Context<M>,
        left: SequenceNumber,
        right: SequenceNumber,
    ) {
        if !self.receive.facts.has(Facts::SACK) || !context.limits.duplicate_sack {
            return;
        }
        if let Some(part) = context.ranges.overlap(&self.receive.ranges, left, right) {
            context.counters.dsack_ofo_sent.increment();
            context
                .ranges
                .note_duplicate(&mut self.receive.ranges, part.left, part.right);
        }
    }

    /// Bytes beyond a hole: kept, and acknowledged at once so that the sender learns of the hole.
    /// RFC 5681, section 3.2; RFC 2018, section 4.
    fn deliver_beyond<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        first: SequenceNumber,
        payload: &[u8],
        is_fin_new: bool,
    ) -> Result<(), DropReason> {
        self.due.set(Due::ACKNOWLEDGE);
        self.receive.be_quick();
        if !self.has_room_beyond(context, first + payload.len() as u32) {
            context.counters.ofo_drop.increment();
            return Err(DropReason::NoMemory);
        }
        let offset = self.receive.readable + first.since(self.receive.next);
        let written = context
            .memory
            .write_at(&mut self.receive.queue, offset as usize, payload);
        if written == 0 {
            if payload.is_empty() {
                // One that moves is a lie, and gets no second range.
                if is_fin_new {
                    self.note_fin_alone(context, first);
                }
                return Ok(());
            }
            context.counters.ofo_drop.increment();
            return Err(DropReason::NoMemory);
        }
        self.note_overlap(context, first, first + payload.len() as u32);
        let max = context.limits.reassembly_ranges_max;
        let right = first + written as u32;
        if context
            .ranges
            .insert(&mut self.receive.ranges, first, right, max)
            .is_err()
            && !self.insert_instead(context, first, right)
        {
            context.counters.ofo_drop.increment();
            return Err(DropReason::ReassemblyFull);
        }
        context.counters.ofo_queue.increment();
        Ok(())
    }

    /// Beyond a hole it is a range without bytes, so that it is told of; where ranges run out it is not.
    fn note_fin_alone<M>(&mut self, context: &mut Context<M>, at: SequenceNumber) {
        context.counters.ofo_queue.increment();
        let max = context.limits.reassembly_ranges_max;
        let ranges = &mut self.receive.ranges;
        let _told = context.ranges.insert(ranges, at, at, max);
    }

    /// In order: what is more than a full segment at once, all in quick mode, else after a delay (RFC 9293, SHLD-19;
    /// RFC 5681, section 4.2).
    /// RFC 9293, SHLD-18; RFC 5681, section 3.2.
    #[inline(always)]
    fn schedule_acknowledgment<M: Memory<Queue = Q>>(&mut self, context: &Context<M>) {
        if self.receive.delayed.is_quick() || self.is_acknowledgment_overdue() {
            self.due.set(Due::ACKNOWLEDGE);
            return;
        }
        let delayed = &self.receive.delayed;
        let delay = delayed.delay(|| self.round_trip.smoothed(), context.delayed_ack_nanos);
        if !self.deadlines.acknowledge.is_set() {
            self.deadlines.acknowledge = Deadline::after_nanos(context.now, delay);
        } else {
            self.schedule_again(context.now, delay);
        }
    }

    /// The same where an acknowledgement is due later already.
    #[inline(never)]
    fn schedule_again(&mut self, now: Instant, delay: u64) {
        let pending = self.deadlines.acknowledge;
        if pending.is_due(now + Duration::from_nanos(delay / 4)) {
            // It would be due in no time: as well now, and for all of it.
            self.due.set(Due::ACKNOWLEDGE);
        } else {
            self.deadlines.acknowledge = pending.earlier(Deadline::after_nanos(now, delay));
        }
    }

    /// More than a full segment has not been acknowledged.
    #[inline]
    pub(super) fn is_acknowledgment_overdue(&self) -> bool {
        let unacknowledged = self.receive.next.since(self.receive.acknowledged);
        unacknowledged > u32::from(self.receive.full_bytes)
    }

    /// The peer's FIN is next in order.
    fn fin_arrives<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        self.receive.next += 1;
        self.receive.facts.set(Facts::FINISHED);
        self.receive.edge = self.receive.edge.later(self.receive.next);
        self.due.set(Due::ACKNOWLEDGE);
        self.user.set(User::READABLE);
        match self.state {
            State::FinWait2 => self.enter_time_wait(context, Cause::FinReceived),
            State::Established | State::SynReceived | State::FinWait1 => {
                self.enter(context, Cause::FinReceived);
            }
            _ => {}
        }
    }
}
