//! Segments out, pulled by the port: answers first, then what is urgent, then data in turn.

use super::Shard;
use crate::accurate_ecn::Feedback;
use crate::address::Flow;
use crate::authentication;
use crate::connection::{Connection, Stamps};
use crate::ecn::EcnOption;
use crate::header::{Flags, Header};
use crate::header_options::Options;
use crate::memory::Memory;
use crate::packet::{Outgoing, Remarks};
use crate::reply::outgoing;
use crate::table::request::Handshake;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Writes the next segment to the front of `out`, checksum field zero. None when there is none
    /// now, or when `out` is too short for it: 60 bytes of header and the link's MSS must fit.
    /// RFC 9293, MUST-58, MUST-59.
    #[inline]
    pub fn next_segment(&mut self, now: Instant, out: &mut [u8]) -> Option<Outgoing> {
        if !self.has_segments() {
            return None;
        }
        self.next_to_send(now, out, false)
    }

    /// The same for a port that cuts segments (TSO): data as it fits into `out`, up to what one packet of IP holds.
    /// Where that is more than a segment, all but the last have [`Outgoing::segment_payload`] bytes; the header is
    /// that of the first, but for FIN and PSH, which belong to the last.
    pub fn next_segments(&mut self, now: Instant, out: &mut [u8]) -> Option<Outgoing> {
        if !self.has_segments() {
            return None;
        }
        let most = out.len().min(BURST_BYTES_MAX);
        self.next_to_send(now, out.get_mut(..most)?, true)
    }

    /// True when the next to be sent may be more than one segment: worth a large packet for `next_segments`.
    pub fn expects_burst(&self) -> bool {
        let is_data_next = self.context.replies.is_empty()
            && self.syn_acks.is_empty()
            && self.turns.urgent.is_empty();
        let first = self.turns.sending.first().filter(|_| is_data_next);
        first
            .and_then(|slot| self.connections.get(slot))
            .is_some_and(Connection::has_burst)
    }

    fn next_to_send(&mut self, now: Instant, out: &mut [u8], is_cut: bool) -> Option<Outgoing> {
        if self.is_more_than_data_due()
            && let Some(segment) = self.next_before_data(now, out, is_cut)
        {
            return Some(segment);
        }
        let slot = self.turns.sending.pop()?;
        if let Some(segment) = self.pull(now, slot, out, is_cut) {
            return Some(segment);
        }
        self.next_of_others(now, out, is_cut)
    }

    /// The connection whose turn it was sent nothing: those behind it have theirs, and once it is in the list again, for
    /// its segment was too long for `out`, that one.
    #[cold]
    fn next_of_others(&mut self, now: Instant, out: &mut [u8], is_cut: bool) -> Option<Outgoing> {
        let last = self.turns.sending.last();
        loop {
            let slot = self.turns.sending.pop()?;
            if let Some(segment) = self.pull_any(now, slot, out, is_cut) {
                return Some(segment);
            }
            if slot == last {
                return None;
            }
        }
    }

    /// Something goes before data.
    #[inline]
    fn is_more_than_data_due(&self) -> bool {
        !(self.turns.urgent.is_empty()
            && self.context.replies.is_empty()
            && self.syn_acks.is_empty()
            && self.recordless.is_empty())
    }

    #[inline(never)]
    fn next_before_data(&mut self, now: Instant, out: &mut [u8], is_cut: bool) -> Option<Outgoing> {
        if !self.context.replies.is_empty()
            && let Some(segment) = self.next_reply(out)
        {
            return Some(segment);
        }
        while let Some(key) = self.syn_acks.pop() {
            if let Some(segment) = self.emit_syn_ack(now, key, out) {
                return Some(segment);
            }
        }
        if !self.recordless.is_empty() {
            self.resume_recordless();
        }
        let last = self.turns.urgent.last();
        loop {
            let slot = self.turns.urgent.pop()?;
            if let Some(segment) = self.pull(now, slot, out, is_cut) {
                return Some(segment);
            }
            if slot == last {
                return None;
            }
        }
    }

    /// False when `next_segment` would give none. It may give none after true: whether the windows
    /// let a connection send is judged there.
    #[inline]
    pub fn has_segments(&self) -> bool {
        !self.turns.sending.is_empty()
            || !self.turns.urgent.is_empty()
            || !self.context.replies.is_empty()
            || !self.syn_acks.is_empty()
            || (!self.recordless.is_empty() && self.context.records.has_room())
    }

    /// Records came back: those who had none may go on, each as its turn comes.
    #[cold]
    fn resume_recordless(&mut self) {
        let mut room = self.context.records.room();
        while room > 0
            && let Some(slot) = self.recordless.pop()
        {
            self.turns.sending.push(slot);
            room -= 1;
        }
    }

    #[inline(never)]
    fn next_reply(&mut self, out: &mut [u8]) -> Option<Outgoing> {
        let reply = self.context.replies.pop()?;
        if self.context.replies.lost > 0 {
            self.context
                .counters
                .abort_failed
                .add(std::mem::take(&mut self.context.replies.lost));
        }
        self.context.counters.out_segs.increment();
        if reply.flags.contains(Flags::RST) {
            self.context.counters.out_rsts.increment();
        }
        reply.emit(&self.context.limits, out)
    }

    /// One segment of a connection, which goes to the end of its list if it has more.
    #[inline(always)]
    fn pull(&mut self, now: Instant, slot: u32, out: &mut [u8], is_cut: bool) -> Option<Outgoing> {
        self.context.now = now;
        let connection = self.connections.get_mut(slot)?;
        let segment = connection.next_usual_segment(&mut self.context, out, is_cut);
        if segment.is_none() {
            return self.pull_any(now, slot, out, is_cut);
        }
        if !self.turns.settle_departure(now, slot, connection) {
            self.look_after(now, slot, Connection::has_unsent);
        }
        segment
    }

    #[inline(never)]
    fn pull_any(
        &mut self,
        now: Instant,
        slot: u32,
        out: &mut [u8],
        is_cut: bool,
    ) -> Option<Outgoing> {
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot)?;
        // What is cut into several segments would have one signature for all (as Linux).
        let is_signed = connection.extension.signature_bytes() > 0;
        let segment = connection.next_segment(context, out, is_cut && !is_signed);
        if let Some(outgoing) = &segment {
            if is_signed {
                connection.sign(context, outgoing, out);
            }
            self.settle(now, slot);
        } else {
            self.settle_held(now, slot);
        }
        segment
    }

    // RFC 7323, section 2.3.
    #[inline(never)]
    fn emit_syn_ack(&mut self, now: Instant, key: u32, out: &mut [u8]) -> Option<Outgoing> {
        let (flow, pending) = self.requests.get(key)?;
        let (listener, handshake) = (pending.listener, pending.handshake);
        let is_first = pending.handshake.sent == 0;
        let signature = match self.signature_of_request(listener, &flow, &handshake) {
            authentication::Reply::Unsigned => None,
            authentication::Reply::Signed(signature) => Some(signature),
            authentication::Reply::Withheld => {
                self.drop_request(self.hash_of(&flow), key);
                return None;
            }
        };
        let mut options = Options {
            mss: Some(handshake.own_mss),
            window_scale: handshake.scale_offered(),
            sack_permitted: handshake.agreed.sack(),
            timestamps: self.request_stamps(&flow, &handshake).option(now),
            signature,
            ..Options::default()
        };
        if handshake.agreed.fast_open() && is_first {
            let (peer, ours) = (flow.remote.address, flow.local.address);
            options.offer_fast_open(self.context.fast_opens.keys.make(peer, ours));
        }
        if is_first {
            self.offer_accurate_ecn(&handshake, &mut options);
        }
        let header = Header {
            source_port: flow.local.port,
            destination_port: flow.remote.port,
            sequence: handshake.ours,
            acknowledgment: handshake.theirs + 1,
            flags: handshake.flags(),
            window: handshake.offered.bytes,
            urgent_pointer: 0,
        };
        let length = header.emit(&options, out)?;
        if let (Some(signature), Some(out)) = (signature, out.get_mut(..length)) {
            self.sign_for_request((listener, &flow), &handshake, signature, out);
        }
        let timer = self.request_timer(key);
        if let Some(pending) = self.requests.get_mut(key) {
            pending.handshake.sent = pending.handshake.sent.saturating_add(1);
        }
        if is_first {
            self.context.counters.out_segs.increment();
            self.turns
                .wheel
                .arm(timer, now + self.context.limits.rto_initial);
        } else {
            self.context.counters.retrans_segs.increment();
            self.context.counters.syn_retrans.increment();
        }
        let mut outgoing = outgoing(&flow, length, length, &self.context.limits);
        let is_unanswered = u32::from(handshake.sent) >= self.context.limits.retries1;
        outgoing.remarks.add_if(Remarks::UNANSWERED, is_unanswered);
        if let Some(listener) = self.listeners.by_id(listener) {
            listener
                .options
                .socket
                .ip
                .mark(&mut outgoing, &self.context.limits);
        }
        Some(outgoing)
    }

    /// The first SYN-ACK has the option, to see whether it arrives (RFC 9768, section 3.2.3.2).
    fn offer_accurate_ecn(&self, handshake: &Handshake, options: &mut Options) {
        let is_agreed = handshake.agreed.accurate_ecn().is_some();
        if is_agreed && self.context.limits.ecn_option != EcnOption::Never {
            options.offer_accurate_ecn(Feedback::first_option(), 0);
        }
    }

    /// The timestamps that a request uses.
    pub(super) fn request_stamps(&self, flow: &Flow, handshake: &Handshake) -> Stamps {
        Stamps {
            is_on: handshake.agreed.timestamps(),
            offset: self.timestamp_offsets.offset(flow),
            recent: handshake.timestamp,
        }
    }
}

/// What an IPv4 packet holds behind its header, options of IP included.
const BURST_BYTES_MAX: usize = 65_535 - 60;
