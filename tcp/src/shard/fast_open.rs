//! SYNs with a Fast Open option, or data, that meet a listener (RFC 7413, section 4.2).

use super::Shard;
use super::segment::Arrival;
use crate::connection::Connection;
use crate::fast_open::{FastOpenCookie, FastOpenKey, MadeWith, Opening};
use crate::memory::Memory;
use crate::packet::Verdict;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::request::Handshake;

/// What a SYN gets.
enum Welcome {
    /// A connection, and a cookie for the next one where that of this one will soon be out of date.
    Connection(Option<FastOpenCookie>),
    /// An ordinary request, whose SYN-ACK brings a cookie.
    Cookie,
    /// An ordinary request.
    Nothing,
}

impl<M: Memory> Shard<M> {
    /// New Fast Open cookies are made with `present` from now on; those made with `previous` are still good.
    pub fn set_fast_open_keys(&mut self, present: &FastOpenKey, previous: Option<&FastOpenKey>) {
        self.context.fast_opens.keys = crate::fast_open::CookieKeys::new(present, previous);
    }

    /// A SYN that is to become a request: it becomes a connection at once, or learns whether its SYN-ACK is to bring a
    /// cookie.
    pub(super) fn opens_fast(
        &mut self,
        arrival: &Arrival<'_>,
        slot: u32,
        initial: SequenceNumber,
    ) -> Result<Verdict, bool> {
        match self.welcome(arrival, slot) {
            Welcome::Nothing => Err(false),
            Welcome::Cookie => Err(true),
            Welcome::Connection(cookie) => match self.adopt_early(arrival, slot, initial, cookie) {
                Some(child) => {
                    self.context.counters.fast_open_passive.increment();
                    let id = self.listeners.id(slot);
                    self.enqueue(id, child);
                    self.settle(arrival.now, child);
                    Ok(Verdict::Accepted { progress: false })
                }
                None => {
                    self.context.counters.fast_open_passive_fail.increment();
                    Err(true)
                }
            },
        }
    }

    /// The order of looks is Linux's.
    /// RFC 7413, sections 4.2, 4.2.1 and 4.2.2.
    fn welcome(&mut self, arrival: &Arrival<'_>, slot: u32) -> Welcome {
        let shown = arrival.options.fast_open;
        let has_data = !arrival.segment.payload.is_empty();
        if shown.is_none() && !has_data {
            return Welcome::Nothing;
        }
        if shown.is_some_and(|shown| shown.is_request()) {
            self.context.counters.fast_open_cookie_reqd.increment();
        }
        let settings = self.context.limits.opening.fast_open;
        let Some(listener) = self.listeners.get_mut(slot) else {
            return Welcome::Nothing;
        };
        let longest = listener.options.fast_open_queue(&settings);
        let needs_none =
            settings.servers_need_no_cookie() || listener.options.socket.fast_open_no_cookie;
        let id = self.listeners.id(slot);
        if longest == 0 || !settings.allows_servers() {
            return Welcome::Nothing;
        }
        if self.context.fast_opens.pending(arrival.now, id) >= longest {
            self.context.counters.fast_open_listen_overflow.increment();
            return Welcome::Nothing;
        }
        if needs_none {
            return Welcome::Connection(None);
        }
        let Some(shown) = shown else {
            return Welcome::Nothing;
        };
        if shown.is_request() {
            return Welcome::Cookie;
        }
        let (peer, ours) = (arrival.flow.remote.address, arrival.flow.local.address);
        match self.context.fast_opens.keys.check(peer, ours, &shown) {
            Some(MadeWith::Present) => Welcome::Connection(None),
            Some(MadeWith::Previous) => {
                self.context.counters.fast_open_passive_alt_key.increment();
                Welcome::Connection(self.context.fast_opens.keys.make(peer, ours))
            }
            None => {
                self.context.counters.fast_open_passive_fail.increment();
                Welcome::Cookie
            }
        }
    }

    /// Makes the connection; None when there is no room for it.
    fn adopt_early(
        &mut self,
        arrival: &Arrival<'_>,
        slot: u32,
        initial: SequenceNumber,
        cookie: Option<FastOpenCookie>,
    ) -> Option<u32> {
        let id = self.listeners.id(slot);
        let mut handshake: Handshake = self.handshake(arrival, initial);
        if arrival.options.signature.is_some() {
            handshake.agreed = handshake.agreed.without_timestamps_beside_sack();
        }
        let handshake = self.offering(handshake, slot);
        let (now, flow) = (arrival.now, arrival.flow);
        let listener = self.listeners.get_mut(slot)?;
        let socket = listener.options.socket;
        let mut ring = self
            .context
            .keys
            .copy_for(&listener.keys, flow.remote.address)?;
        let offset = self.timestamp_offsets.offset(&flow);
        let (connections, context) = self.split(now);
        if connections.is_full() {
            context.keys.release(&mut ring);
            return None;
        }
        let opening = Opening {
            listener: Some(id),
            cookie,
            syn_bytes: 0,
            theirs: handshake.theirs,
            started: now,
            sent: 0,
        };
        if !context.fast_opens.openings.insert(&flow, opening) {
            context.counters.fast_opens_exhausted.increment();
            context.keys.release(&mut ring);
            return None;
        }
        let mut connection = Connection::accepted(context, flow, &handshake, offset);
        if connection
            .begin_with_keys(context, ring, Some(&handshake))
            .is_err()
        {
            // Without its keys it would be open to everybody.
            context.counters.keys_exhausted.increment();
            context.fast_opens.openings.remove(&flow);
            return None;
        }
        context.fast_opens.begun(id);
        // Without room for them the connection comes all the same, and has none.
        let _no_room = connection.choose(context, &socket);
        context.counters.states[State::SynReceived as usize].increment();
        context.counters.passive_opens.increment();
        connection.accept_accurate_ecn(context, &handshake);
        connection.begin_early(context, arrival.segment);
        connections.insert(arrival.hash, connection)
    }
}
