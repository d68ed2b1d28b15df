//! Segments of half-open requests, up to the ACK that makes a connection of one.

use super::Shard;
use super::authenticate::AoAnswer;
use super::segment::Arrival;
use crate::connection::{Connection, is_before};
use crate::drop_reason::DropReason;
use crate::event::ListenerId;
use crate::header::Flags;
use crate::memory::Memory;
use crate::packet::{Quoted, Unreachable, Verdict};
use crate::reply::Reply;
use crate::state::State;
use crate::table::request::{Handshake, Pending};
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// A segment of a half-open connection (RFC 9293, section 3.10.7.4, SYN-RECEIVED).
    pub(super) fn request_receives(&mut self, arrival: &Arrival<'_>, key: u32) -> Verdict {
        let Some((_, pending)) = self.requests.get(key) else {
            return self.refuse(&arrival.flow, arrival.segment);
        };
        let pending = *pending;
        let (handshake, header) = (&pending.handshake, &arrival.segment.header);
        if header.flags.contains(Flags::SYN) {
            if !header.flags.contains(Flags::ACK) && header.sequence == handshake.theirs {
                return self.syn_comes_again(arrival, key);
            }
            self.acknowledge_request(arrival.now, key);
            return Verdict::Dropped(DropReason::ChallengedSyn);
        }
        if header.flags.contains(Flags::RST) {
            return self.request_is_reset(arrival, key, handshake);
        }
        if header.acknowledgment != handshake.ours + 1
            && let Some(slot) = self.slot_for_cookie(arrival, &pending)
        {
            self.drop_request(arrival.hash, key);
            return self.cookie_receives(arrival, slot);
        }
        if let Err(reason) = self.check_handshake_ack(arrival, key, handshake) {
            return Verdict::Dropped(reason);
        }
        if self.is_deferred(arrival, &pending) {
            self.context.counters.defer_accept_drop.increment();
            if let Some(pending) = self.requests.get_mut(key) {
                pending.handshake = pending.handshake.acknowledged();
            }
            return Verdict::Accepted { progress: true };
        }
        self.complete(arrival, key, &pending)
    }

    /// The listener of a request, where an ACK brings back the cookie that an earlier copy of the SYN was answered by: the
    /// peer knows nothing of the request's number (Linux looks at cookies then, too).
    #[cold]
    fn slot_for_cookie(&mut self, arrival: &Arrival<'_>, pending: &Pending) -> Option<u32> {
        let slot = self.listeners.slot_of(pending.listener)?;
        self.brings_cookie(arrival, slot).then_some(slot)
    }

    /// The peer has not seen our SYN-ACK.
    /// RFC 9768, section 3.1.5: whoever asks for both kinds of ECN in one handshake is reset.
    fn syn_comes_again(&mut self, arrival: &Arrival<'_>, key: u32) -> Verdict {
        let segment = arrival.segment;
        let Some(pending) = self.requests.get_mut(key) else {
            return Verdict::Dropped(DropReason::OldDuplicate);
        };
        let handshake = &mut pending.handshake;
        let is_consistent = handshake
            .agreed
            .takes_syn_again(segment.header.flags, segment.ecn);
        let handshake = *handshake;
        if is_consistent || !self.context.limits.ecn.answers_accurate() {
            self.syn_acks.push(key);
            return Verdict::Dropped(DropReason::OldDuplicate);
        }
        self.drop_request(arrival.hash, key);
        let reset = Reply {
            sequence: handshake.ours + 1,
            ..Reply::reset_for(arrival.flow, segment)
        };
        self.reply(reset, AoAnswer::of(&handshake));
        Verdict::Dropped(DropReason::BadFlags)
    }

    /// RFC 5961, section 3.2: only the very next number resets.
    fn request_is_reset(
        &mut self,
        arrival: &Arrival<'_>,
        key: u32,
        handshake: &Handshake,
    ) -> Verdict {
        let (sequence, next) = (arrival.segment.header.sequence, handshake.theirs + 1);
        if sequence == next {
            self.context.counters.attempt_fails.increment();
            self.drop_request(arrival.hash, key);
            return Verdict::Accepted { progress: false };
        }
        if sequence.is_within(next, WINDOW_BYTES) {
            self.acknowledge_request(arrival.now, key);
        }
        Verdict::Dropped(DropReason::ChallengedRst)
    }

    /// It acknowledges our SYN, is not old, and lies in the window.
    fn check_handshake_ack(
        &mut self,
        arrival: &Arrival<'_>,
        key: u32,
        handshake: &Handshake,
    ) -> Result<(), DropReason> {
        let header = &arrival.segment.header;
        if header.acknowledgment != handshake.ours + 1 || handshake.sent == 0 {
            let reset = Reply::reset_for(arrival.flow, arrival.segment);
            self.reply(reset, AoAnswer::of(handshake));
            return Err(DropReason::BadHandshakeAck);
        }
        let is_stale = arrival.options.timestamps.is_some_and(|stamp| {
            handshake.agreed.timestamps() && is_before(stamp.value, handshake.timestamp)
        });
        if is_stale {
            self.context.counters.paws_estab.increment();
            self.acknowledge_request(arrival.now, key);
            return Err(DropReason::PawsRejected);
        }
        if !header
            .sequence
            .is_within(handshake.theirs + 1, WINDOW_BYTES)
        {
            self.acknowledge_request(arrival.now, key);
            return Err(DropReason::OutOfWindow);
        }
        Ok(())
    }

    /// True for an ACK that brings nothing to a listener that waits for data (TCP_DEFER_ACCEPT).
    fn is_deferred(&mut self, arrival: &Arrival<'_>, pending: &Pending) -> bool {
        let limits = &self.context.limits;
        let is_empty = arrival.segment.sequence_length() == 0
            && arrival.segment.header.sequence == pending.handshake.theirs + 1;
        is_empty
            && self
                .listeners
                .by_id(pending.listener)
                .is_some_and(|listener| {
                    let timeouts = listener.options.defer_accept_timeouts(limits);
                    u32::from(pending.handshake.timeouts) < timeouts
                })
    }

    /// The last ACK of the handshake: a request becomes a connection.
    fn complete(&mut self, arrival: &Arrival<'_>, key: u32, pending: &Pending) -> Verdict {
        let id = pending.listener;
        if self.listeners.slot_of(id).is_none() {
            self.drop_request(arrival.hash, key);
            return self.refuse(&arrival.flow, arrival.segment);
        }
        if self.refuses_overflow(id.slot) {
            if self.context.limits.abort_on_overflow {
                self.drop_request(arrival.hash, key);
                let reset = Reply::reset_for(arrival.flow, arrival.segment);
                self.reply(reset, AoAnswer::of(&pending.handshake));
            }
            return Verdict::Dropped(DropReason::ListenOverflow);
        }
        if self.connections.is_full() {
            self.context.counters.listen_drops.increment();
            return Verdict::Dropped(DropReason::ConnectionTableFull);
        }
        self.drop_request(arrival.hash, key);
        self.become_connection(arrival, id, &pending.handshake)
    }

    /// Makes the connection of a completed handshake and gives it its first segment.
    pub(super) fn become_connection(
        &mut self,
        arrival: &Arrival<'_>,
        id: ListenerId,
        handshake: &Handshake,
    ) -> Verdict {
        let Some(slot) = self.adopt(arrival, id, handshake) else {
            self.context.counters.listen_drops.increment();
            return Verdict::Dropped(DropReason::ConnectionTableFull);
        };
        self.enqueue(id, slot);
        let segment = (arrival.segment, arrival.options);
        match self.connection_receives(arrival.now, slot, segment) {
            Verdict::Accepted { .. } => Verdict::Accepted { progress: true },
            dropped => dropped,
        }
    }

    fn adopt(
        &mut self,
        arrival: &Arrival<'_>,
        id: ListenerId,
        handshake: &Handshake,
    ) -> Option<u32> {
        let listener = self.listeners.by_id(id)?;
        let socket = listener.options.socket;
        let Some(ring) = self
            .context
            .keys
            .copy_for(&listener.keys, arrival.flow.remote.address)
        else {
            self.context.counters.keys_exhausted.increment();
            return None;
        };
        let (now, flow) = (arrival.now, arrival.flow);
        let offset = self.timestamp_offsets.offset(&flow);
        let (connections, context) = self.split(now);
        if connections.is_full() {
            let mut ring = ring;
            context.keys.release(&mut ring);
            return None;
        }
        let mut connection = Connection::accepted(context, flow, handshake, offset);
        if connection
            .begin_with_keys(context, ring, Some(handshake))
            .is_err()
        {
            // Without its keys it would be open to everybody.
            context.counters.keys_exhausted.increment();
            return None;
        }
        // Without room for them the connection comes all the same, and has none.
        let _no_room = connection.choose(context, &socket);
        context.counters.states[State::SynReceived as usize].increment();
        connection.accept_accurate_ecn(context, handshake);
        connection.hear_handshake_ack(context, arrival.segment, arrival.options);
        match handshake.sent {
            // Answered by a cookie: nobody knows when, nor how often.
            0 => {}
            1 => connection.round_trip.measure(now.since(handshake.started)),
            // RFC 6928, section 2: one that is sent again may be a spurious timeout.
            2 => {}
            _ => connection.congestion.on_handshake_loss(),
        }
        connection.establish(context);
        context.counters.passive_opens.increment();
        connections.insert(arrival.hash, connection)
    }

    /// An ICMP error about a SYN-ACK: a hard one ends the request, if it quotes what only those on the path can know.
    /// RFC 9293, MUST-56, SHLD-26; RFC 5927, section 4.1.
    pub(super) fn request_unreachable(&mut self, hash: u64, quoted: &Quoted) -> Verdict {
        let found = self.requests.find(hash, &quoted.flow);
        let Some((key, (_, pending))) = found.and_then(|key| Some((key, self.requests.get(key)?)))
        else {
            return Verdict::Dropped(DropReason::IcmpIrrelevant);
        };
        if pending.handshake.ours.raw() != quoted.sequence {
            self.context.counters.out_of_window_icmp.increment();
            return Verdict::Dropped(DropReason::IcmpIrrelevant);
        }
        if let Unreachable::Port
        | Unreachable::Protocol
        | Unreachable::Prohibited
        | Unreachable::NextHop = quoted.error
        {
            self.context.counters.attempt_fails.increment();
            self.drop_request(hash, key);
        }
        Verdict::Accepted { progress: false }
    }

    /// False for a request whose listener is closed.
    pub(super) fn is_listened_for(&self, key: u32) -> bool {
        self.requests
            .get(key)
            .is_some_and(|(_, pending)| self.listeners.slot_of(pending.listener).is_some())
    }

    /// Forgets a request.
    pub(super) fn drop_request(&mut self, hash: u64, key: u32) {
        let Some(pending) = self.requests.remove(hash, key) else {
            return;
        };
        self.turns.wheel.cancel(self.request_timer(key));
        self.context.counters.states[State::SynReceived as usize].decrement();
        if let Some(listener) = self.listeners.by_id(pending.listener) {
            listener.requests = listener.requests.saturating_sub(1);
            if pending.handshake.timeouts == 0 {
                listener.young = listener.young.saturating_sub(1);
            }
        }
    }

    /// A challenge ACK in the name of a request.
    fn acknowledge_request(&mut self, now: Instant, key: u32) {
        if !self
            .context
            .challenges
            .take(now, self.context.limits.challenge_acks_per_second)
        {
            self.context.counters.ack_skipped_challenge.increment();
            return;
        }
        let Some((flow, pending)) = self.requests.get(key) else {
            return;
        };
        let handshake = pending.handshake;
        // Outside of a SYN the field is scaled, and must not promise more than the SYN-ACK did (RFC 7323, section 2.2).
        let scale = handshake.scale_offered().unwrap_or(0);
        let window = handshake.offered.bytes.div_ceil(1 << scale);
        self.context.counters.challenge_ack.increment();
        let reply = Reply {
            flow,
            sequence: handshake.ours + 1,
            acknowledgment: handshake.theirs + 1,
            flags: Flags::ACK | handshake.ace(),
            window,
            timestamps: self.request_stamps(&flow, &handshake).option(now),
            syn: None,
            signature: None,
        };
        self.reply(reply, AoAnswer::of(&handshake));
    }
}

/// What a segment may be beyond our SYN-ACK: no SYN's window is larger.
const WINDOW_BYTES: u32 = u16::MAX as u32;
