//! Passive opens begin: a SYN meets a listener and becomes a light request, a cookie, or nothing.

use std::num::NonZeroU16;
use std::sync::atomic::Ordering::Relaxed;

use super::Shard;
use super::segment::Arrival;
use crate::accurate_ecn;
use crate::authentication::AoIds;
use crate::connection::ecn::is_asked_for;
use crate::connection::{FirstWindow, default_mss, own_mss};
use crate::drop_reason::DropReason;
use crate::event::ListenerId;
use crate::header::Flags;
use crate::limits::SynCookies;
use crate::memory::Memory;
use crate::options::SocketOptions;
use crate::packet::Verdict;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::NONE;
use crate::table::request::{Agreed, Handshake, Pending};

impl<M: Memory> Shard<M> {
    /// A segment of a flow that nothing is known of (RFC 9293, section 3.10.7.2), or only what the
    /// numbers of its former connection must be above of (`floor`; RFC 1122, section 4.2.2.13).
    pub(super) fn listener_receives(
        &mut self,
        arrival: &Arrival<'_>,
        floor: Option<SequenceNumber>,
    ) -> Verdict {
        let flags = arrival.segment.header.flags;
        let listener = self.listeners.find(arrival.flow.local);
        if let Err(reason) = self.authenticate_arrival(arrival, listener, None) {
            return Verdict::Dropped(reason);
        }
        let Some(slot) = listener.filter(|_| !flags.contains(Flags::RST)) else {
            return self.refuse(&arrival.flow, arrival.segment);
        };
        let is_too_far = self
            .listeners
            .get_mut(slot)
            .is_some_and(|listener| listener.options.socket.ip.rejects(arrival.ttl));
        if is_too_far {
            return self.too_far();
        }
        if flags.contains(Flags::ACK) {
            return self.cookie_receives(arrival, slot);
        }
        let wants_cookie = match self.admission(slot) {
            Ok(wants_cookie) => wants_cookie,
            Err(reason) => return Verdict::Dropped(reason),
        };
        if self.refuses_overflow(slot) {
            return Verdict::Dropped(DropReason::ListenOverflow);
        }
        if wants_cookie {
            return self.send_cookie(arrival, slot);
        }
        let clock = self.initial_sequence.number(arrival.now, &arrival.flow);
        let initial = floor.map_or(clock, |floor| clock.later(floor));
        match self.opens_fast(arrival, slot, initial) {
            Ok(verdict) => verdict,
            Err(gives_cookie) => self.keep_request(arrival, slot, initial, gives_cookie),
        }
    }

    /// Whether a SYN becomes a request or a cookie; counted where it becomes neither, or a cookie for
    /// lack of room (as Linux: the backlog bounds a listener's requests too).
    fn admission(&mut self, slot: u32) -> Result<bool, DropReason> {
        let is_full = self.requests.is_full()
            || self
                .listeners
                .get_mut(slot)
                .is_none_or(|listener| listener.is_flooded());
        match self.context.limits.opening.syn_cookies {
            SynCookies::Always => Ok(true),
            SynCookies::Auto if is_full => {
                self.context.counters.req_q_full_do_cookies.increment();
                Ok(true)
            }
            SynCookies::Off if is_full => {
                self.context.counters.req_q_full_drop.increment();
                self.context.counters.listen_drops.increment();
                Err(DropReason::RequestTableFull)
            }
            SynCookies::Auto | SynCookies::Off => Ok(false),
        }
    }

    fn keep_request(
        &mut self,
        arrival: &Arrival<'_>,
        slot: u32,
        initial: SequenceNumber,
        gives_cookie: bool,
    ) -> Verdict {
        let mut handshake = self.handshake(arrival, initial);
        handshake.agreed = handshake.agreed.with_fast_open(gives_cookie);
        if arrival.options.signature.is_some() {
            // No room for them beside a signature and SACK blocks (as Linux).
            handshake.agreed = handshake.agreed.without_timestamps_beside_sack();
        }
        let pending = Pending {
            listener: self.listeners.id(slot),
            handshake: self.offering(handshake, slot),
        };
        let Some(key) = self.requests.insert(arrival.hash, &arrival.flow, pending) else {
            self.context.counters.req_q_full_drop.increment();
            self.context.counters.listen_drops.increment();
            return Verdict::Dropped(DropReason::RequestTableFull);
        };
        if let Some(listener) = self.listeners.get_mut(slot) {
            listener.requests += 1;
            listener.young += 1;
        }
        self.context.counters.states[State::SynReceived as usize].increment();
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
        self.context.counters.listen_overflows.increment();
        self.context.counters.listen_drops.increment();
        true
    }

    /// What a SYN says, beside our own number.
    pub(super) fn handshake(&self, arrival: &Arrival<'_>, ours: SequenceNumber) -> Handshake {
        let (limits, options) = (&self.context.limits, arrival.options);
        let remote = arrival.flow.remote.address;
        let stamp = options.timestamps.filter(|_| limits.timestamps);
        let asks = accurate_ecn::is_asked_for(arrival.segment.header.flags);
        let accurate = (asks && limits.ecn.answers_accurate()).then_some(arrival.segment.ecn);
        Handshake {
            started: arrival.now,
            ours,
            theirs: arrival.segment.header.sequence,
            timestamp: stamp.map_or(0, |stamp| stamp.value),
            window: arrival.segment.header.window,
            // RFC 9293, MUST-15: 536 (1220) without the option.
            mss: NonZeroU16::new(options.mss.unwrap_or(default_mss(remote)))
                .unwrap_or(NonZeroU16::MIN),
            own_mss: own_mss(arrival.mtu, remote, limits),
            agreed: Agreed::new(
                options.window_scale.filter(|_| limits.window_scaling),
                stamp.is_some(),
                options.sack_permitted && limits.sack,
            )
            .with_ecn(is_asked_for(limits, arrival.segment) && accurate.is_none())
            .with_accurate_ecn(accurate),
            offered: FirstWindow::default(),
            sent: 0,
            timeouts: 0,
            ao_ids: AoIds::default(),
        }
        .with_ao(AoIds::answering(options.signature))
    }

    /// The same handshake with what the SYN-ACK of this listener offers.
    pub(super) fn offering(&mut self, handshake: Handshake, slot: u32) -> Handshake {
        let limits = &self.context.limits;
        match self.listeners.get_mut(slot) {
            Some(listener) => handshake.offering(limits, &listener.options.socket),
            None => handshake.offering(limits, &SocketOptions::DEFAULT),
        }
    }

    /// Appends a connection to its listener's accept queue.
    pub(super) fn enqueue(&mut self, id: ListenerId, slot: u32) {
        let Some(listener) = self.listeners.by_id(id) else {
            return;
        };
        listener.options.queued.fetch_add(1, Relaxed);
        listener.waiting += 1;
        let last = std::mem::replace(&mut listener.last, slot);
        if last == NONE {
            listener.first = slot;
        } else if let Some(before) = self.connections.get_mut(last) {
            before.user.replace_cookie(u64::from(slot));
        }
        self.listener_events.push(id.slot);
    }
}
