//! Our SYN, or the SYN-ACK of a connection that has a record, and what goes with it.

use super::{Connection, Context, Due, Facts};
use crate::header::Flags;
use crate::header_options::Options;
use crate::memory::Memory;
use crate::packet::Outgoing;
use crate::state::State;
use crate::time::Deadline;

impl<Q: Default> Connection<Q> {
    /// SYN, or SYN-ACK of a simultaneous open or of Fast Open.
    pub(super) fn emit_syn<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        out: &mut [u8],
    ) -> Option<Outgoing> {
        let is_answer = self.state != State::SynSent;
        let flags = if is_answer {
            Flags::SYN | Flags::ACK
        } else {
            Flags::SYN
        };
        let is_again = self.send.next != self.send.unacknowledged;
        if !is_again && !is_answer {
            // As late as possible: connecting may have been put off until the first write.
            self.choose_first_window(context);
        }
        let may_scale =
            context.limits.window_scaling && (!is_answer || self.receive.facts.has(Facts::SCALED));
        let mut options = Options {
            mss: Some(self.receive.mss),
            window_scale: may_scale.then_some(self.receive.scale),
            sack_permitted: self.receive.facts.has(Facts::SACK),
            timestamps: self.stamps.option(context.now),
            signature: self.signature(context),
            ..Options::default()
        };
        if is_answer && self.is_early() {
            return self.emit_early_syn_ack(context, options, out);
        }
        let payload = if is_again || is_answer {
            // RFC 7413, section 4.2.2: what got no answer goes again without data and option.
            0
        } else {
            self.load_syn(context, &mut options)
        };
        let limits = &context.limits;
        let flags = flags | self.ecn_flags_of_syn(limits, is_answer, is_again);
        let flags = flags | self.accurate_syn_ack(context, is_answer, &mut options);
        let mut header = self.header_without_window(self.send.unacknowledged, flags);
        header.window = u16::try_from(self.receive.window()).unwrap_or(u16::MAX);
        let header_length = header.emit(&options, out)?;
        let place = out.get_mut(header_length..header_length + payload)?;
        let copied = context.memory.read_at(&self.send.queue, 0, place);
        if copied < payload {
            context.counters.retrans_fail.increment();
        }
        self.due.unset(Due::SYN);
        if is_again {
            context.counters.retrans_segs.increment();
            context.counters.syn_retrans.increment();
        } else {
            context.counters.out_segs.increment();
            context.counters.out_bytes.add(payload as u64);
        }
        self.send.next = self.send.unacknowledged + 1;
        if !self.deadlines.retransmit.is_set() {
            let timeout = self.round_trip.deadline(context.now, &context.bounds);
            self.deadlines.retransmit = Deadline::at(timeout);
        }
        Some(self.outgoing(context, (header_length + payload, header_length), false))
    }

    /// The SYN-ACK of a connection that data came with the SYN of: its number is before what has been sent since.
    fn emit_early_syn_ack<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        mut options: Options,
        out: &mut [u8],
    ) -> Option<Outgoing> {
        let limits = &context.limits;
        let (cookie, is_again) = self
            .pending_opening(context)
            .map_or((None, false), |opening| (opening.cookie, opening.sent > 0));
        // RFC 7413, section 4.2.2: sent again it has neither data nor the option.
        options.offer_fast_open(cookie.filter(|_| !is_again));
        let flags = Flags::SYN | Flags::ACK | self.ecn_flags_of_syn(limits, true, is_again);
        let flags = flags | self.accurate_syn_ack(context, true, &mut options);
        let mut header = self.header_without_window(self.send.unacknowledged - 1, flags);
        let payload = self.receive.mss - self.usual_option_bytes() as u16;
        header.window = self.first_window(context, payload).bytes;
        let offered = self.receive.next + u32::from(header.window);
        let length = header.emit(&options, out)?;
        self.due.unset(Due::SYN);
        self.receive.edge = self.receive.edge.later(offered);
        self.acknowledged(context, false);
        if is_again {
            context.counters.retrans_segs.increment();
            context.counters.syn_retrans.increment();
        } else {
            context.counters.out_segs.increment();
        }
        self.count_syn_ack(context);
        Some(self.outgoing(context, (length, length), false))
    }
}
