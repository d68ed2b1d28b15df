//! Passive opens: from a listener's SYN over a light request to a connection that waits for accept.

use std::sync::atomic::Ordering::Relaxed;

use super::Shard;
use crate::address::Flow;
use crate::connection::{Connection, default_mss, is_before, own_mss};
use crate::drop_reason::DropReason;
use crate::event::ListenerId;
use crate::header::{Flags, Segment};
use crate::header_options::Options;
use crate::memory::Memory;
use crate::options::SocketOptions;
use crate::packet::{Inbound, Verdict};
use crate::reply::Reply;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::NONE;
use crate::table::request::{Handshake, Pending};
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// A segment of a flow that nothing is known of (RFC 9293, section 3.10.7.2), or only what the
    /// numbers of its former connection must be above of (`floor`; RFC 1122, section 4.2.2.13).
    #[allow(clippy::too_many_arguments, reason = "two calls, from one function")]
    pub(super) fn listener_receives(
        &mut self,
        now: Instant,
        hash: u64,
        flow: &Flow,
        inbound: &Inbound<'_>,
        segment: &Segment<'_>,
        options: &Options,
        floor: Option<SequenceNumber>,
    ) -> Verdict {
        let flags = segment.header.flags;
        let listener = self.listeners.find(flow.local);
        let Some(slot) = listener.filter(|_| !flags.intersects(Flags::ACK | Flags::RST)) else {
            return self.refuse(flow, segment);
        };
        let id = self.listeners.id(slot);
        let is_too_far = self
            .listeners
            .get_mut(slot)
            .is_some_and(|listener| listener.options.socket.ip.rejects(inbound.ttl));
        if is_too_far {
            return self.too_far();
        }
        if self.refuses_overflow(slot) {
            return Verdict::Dropped(DropReason::ListenOverflow);
        }
        let clock = self.initial_sequence.number(now, flow);
        let initial = floor.map_or(clock, |floor| clock.later(floor));
        let handshake = self.handshake(now, flow, initial, inbound, segment, options);
        let pending = Pending {
            listener: id,
            handshake,
        };
        let Some(key) = self.requests.insert(hash, flow, pending) else {
            self.counters.req_q_full_drop.increment();
            self.counters.listen_drops.increment();
            return Verdict::Dropped(DropReason::RequestTableFull);
        };
        if let Some(listener) = self.listeners.get_mut(slot) {
            listener.requests += 1;
        }
        self.counters.states[State::SynReceived as usize].increment();
        self.syn_acks.push(key);
        Verdict::Accepted { progress: false }
    }

    /// True, and counted, when the listener's accept queue is full.
    pub(super) fn refuses_overflow(&mut self, slot: u32) -> bool {
        let Some(listener) = self.listeners.get_mut(slot) else {
            return true;
        };
        if !listener.is_full() {
            return false;
        }
        listener.overflows += 1;
        self.counters.listen_overflows.increment();
        self.counters.listen_drops.increment();
        true
    }

    fn handshake(
        &self,
        now: Instant,
        flow: &Flow,
        ours: SequenceNumber,
        inbound: &Inbound<'_>,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Handshake {
        let limits = &self.limits;
        let stamp = options.timestamps.filter(|_| limits.timestamps);
        Handshake {
            started: now,
            ours,
            theirs: segment.header.sequence,
            timestamp: stamp.map_or(0, |stamp| stamp.value),
            window: segment.header.window,
            mss: options
                .mss
                .unwrap_or(default_mss(flow.remote.address))
                .max(1),
            own_mss: own_mss(inbound.mtu, flow.remote.address),
            window_scale: options.window_scale.filter(|_| limits.window_scaling),
            timestamps: stamp.is_some(),
            sack: options.sack_permitted && limits.sack,
            sent: 0,
            timeouts: 0,
        }
    }

    /// A segment of a half-open connection (RFC 9293, section 3.10.7.4, SYN-RECEIVED).
    pub(super) fn request_receives(
        &mut self,
        now: Instant,
        hash: u64,
        key: u32,
        flow: &Flow,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Verdict {
        let Some((_, pending)) = self.requests.get(key) else {
            return self.refuse(flow, segment);
        };
        let pending = *pending;
        let handshake = &pending.handshake;
        let header = &segment.header;
        let next = handshake.theirs + 1;
        let window = u32::from(u16::MAX);
        if header.flags.contains(Flags::SYN) {
            if !header.flags.contains(Flags::ACK) && header.sequence == handshake.theirs {
                // The peer has not seen our SYN-ACK.
                self.syn_acks.push(key);
                return Verdict::Dropped(DropReason::OldDuplicate);
            }
            self.acknowledge_request(now, key);
            return Verdict::Dropped(DropReason::ChallengedSyn);
        }
        if header.flags.contains(Flags::RST) {
            if header.sequence == next {
                self.counters.attempt_fails.increment();
                self.drop_request(hash, key);
                return Verdict::Accepted { progress: false };
            }
            if header.sequence.is_within(next, window) {
                self.acknowledge_request(now, key);
            }
            return Verdict::Dropped(DropReason::ChallengedRst);
        }
        if header.acknowledgment != handshake.ours + 1 || pending.handshake.sent == 0 {
            self.replies.push(Reply::reset_for(*flow, segment));
            return Verdict::Dropped(DropReason::BadHandshakeAck);
        }
        let is_stale = options.timestamps.is_some_and(|stamp| {
            handshake.timestamps && is_before(stamp.value, handshake.timestamp)
        });
        if is_stale {
            self.counters.paws_estab.increment();
            self.acknowledge_request(now, key);
            return Verdict::Dropped(DropReason::PawsRejected);
        }
        if !header.sequence.is_within(next, window) {
            self.acknowledge_request(now, key);
            return Verdict::Dropped(DropReason::OutOfWindow);
        }
        self.complete(now, hash, key, flow, &pending, segment, options)
    }

    /// The last ACK of the handshake: a request becomes a connection.
    #[allow(
        clippy::too_many_arguments,
        reason = "one call, from the function above"
    )]
    fn complete(
        &mut self,
        now: Instant,
        hash: u64,
        key: u32,
        flow: &Flow,
        pending: &Pending,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Verdict {
        let id = pending.listener;
        let Some(listener) = self.listeners.by_id(id) else {
            self.drop_request(hash, key);
            return self.refuse(flow, segment);
        };
        let socket = listener.options.socket;
        if self.refuses_overflow(id.slot) {
            if self.limits.abort_on_overflow {
                self.drop_request(hash, key);
                self.replies.push(Reply::reset_for(*flow, segment));
            }
            return Verdict::Dropped(DropReason::ListenOverflow);
        }
        if self.connections.is_full() {
            self.counters.listen_drops.increment();
            return Verdict::Dropped(DropReason::ConnectionTableFull);
        }
        self.drop_request(hash, key);
        let Some(slot) = self.adopt(now, hash, flow, pending, socket) else {
            return Verdict::Dropped(DropReason::ConnectionTableFull);
        };
        self.enqueue(id, slot);
        match self.connection_receives(now, slot, (segment, options), None) {
            Verdict::Accepted { .. } => Verdict::Accepted { progress: true },
            dropped => dropped,
        }
    }

    /// Makes the connection of a completed handshake.
    fn adopt(
        &mut self,
        now: Instant,
        hash: u64,
        flow: &Flow,
        pending: &Pending,
        socket: SocketOptions,
    ) -> Option<u32> {
        let offset = self.timestamp_offsets.offset(flow);
        let (connections, mut context) = self.split(now);
        if connections.is_full() {
            return None;
        }
        let handshake = &pending.handshake;
        let mut connection = Connection::accepted(&context, *flow, handshake, offset);
        // Without room for them the connection comes all the same, and has none.
        let _no_room = connection.choose(&mut context, &socket);
        context.counters.states[State::SynReceived as usize].increment();
        connection.establish(&mut context);
        if pending.handshake.sent == 1 {
            connection.round_trip.measure(now.since(handshake.started));
        } else {
            connection.congestion.on_handshake_loss();
        }
        context.counters.passive_opens.increment();
        connections.insert(hash, connection)
    }

    /// Appends a connection to its listener's accept queue.
    fn enqueue(&mut self, id: ListenerId, slot: u32) {
        let Some(listener) = self.listeners.by_id(id) else {
            return;
        };
        listener.options.queued.fetch_add(1, Relaxed);
        listener.waiting += 1;
        let last = std::mem::replace(&mut listener.last, slot);
        if last == NONE {
            listener.first = slot;
        } else if let Some(before) = self.connections.get_mut(last) {
            before.next_waiting = slot;
        }
        self.listener_events.push(id.slot);
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
        self.wheel.cancel(self.request_timer(key));
        self.counters.states[State::SynReceived as usize].decrement();
        if let Some(listener) = self.listeners.by_id(pending.listener) {
            listener.requests = listener.requests.saturating_sub(1);
        }
    }

    /// A challenge ACK in the name of a request.
    fn acknowledge_request(&mut self, now: Instant, key: u32) {
        if !self
            .challenges
            .take(now, self.limits.challenge_acks_per_second)
        {
            self.counters.ack_skipped_challenge.increment();
            return;
        }
        let Some((flow, pending)) = self.requests.get(key) else {
            return;
        };
        let handshake = pending.handshake;
        // Outside of a SYN the field is scaled, and must not promise more than the SYN-ACK did (RFC 7323, section 2.2).
        let window = crate::connection::syn_window(&self.limits);
        let scale = handshake.window_scale.map_or(0, |_| {
            crate::connection::receive_side::window_scale(&self.limits)
        });
        self.counters.challenge_ack.increment();
        self.replies.push(Reply {
            flow,
            sequence: handshake.ours + 1,
            acknowledgment: handshake.theirs + 1,
            flags: Flags::ACK,
            window: window.div_ceil(1 << scale) as u16,
            timestamps: self.request_stamps(&flow, &handshake).option(now),
        });
    }
}
