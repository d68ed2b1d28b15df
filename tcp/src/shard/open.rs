//! The user opens: listen, accept, connect.

use std::sync::atomic::Ordering::Relaxed;

use super::Shard;
use super::late::REOPENED_ABOVE;
use crate::address::{Endpoint, Flow};
use crate::authentication::{KeyRing, PeerKey};
use crate::connection::{Connection, EarlyData, User};
use crate::error::{ConnectError, ConnectionError, ListenError};
use crate::event::{ConnectionId, ListenerId};
use crate::limits::Limits;
use crate::memory::Memory;
use crate::options::{ConnectOptions, ListenOptions};
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::NONE;
use crate::table::time_wait::TimeWaits;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Opens a listener.
    ///
    /// # Errors
    /// When address and port are listened on already, or the table is full.
    /// RFC 9293, MUST-41, MUST-42.
    pub fn listen(&mut self, options: ListenOptions) -> Result<ListenerId, ListenError> {
        let id = self.listeners.insert(options)?;
        self.context.counters.states[State::Listen as usize].increment();
        Ok(id)
    }

    /// Changes a listener's backlog and nothing else (as `listen` called again does).
    ///
    /// # Errors
    /// When the handle names no listener.
    pub fn set_backlog(&mut self, id: ListenerId, backlog: usize) -> Result<(), ListenError> {
        let listener = self.listeners.by_id(id).ok_or(ListenError::NoListener)?;
        listener.options.backlog = backlog;
        Ok(())
    }

    /// Closes a listener. Connections that wait for accept are reset; requests are forgotten when
    /// they next hear of the peer or the clock.
    pub fn close_listener(&mut self, now: Instant, id: ListenerId) {
        while let Some(slot) = self.dequeue(id) {
            self.detach_user(slot);
            let (connections, context) = self.split(now);
            if let Some(connection) = connections.get_mut(slot) {
                connection.reset(context, ConnectionError::Aborted);
            }
            self.settle(now, slot);
        }
        if let Some(mut listener) = self.listeners.remove(id) {
            self.context.keys.release(&mut listener.keys);
            self.context.counters.states[State::Listen as usize].decrement();
        }
    }

    /// Takes the connection that waits longest; give it a cookie with `set_cookie`.
    pub fn accept(&mut self, id: ListenerId) -> Option<ConnectionId> {
        let slot = self.dequeue(id)?;
        let connection = self.connections.get_mut(slot)?;
        connection.user.set(User::ATTACHED);
        if connection.user.has_event() {
            self.turns.connection_events.push(slot);
        }
        Some(self.connections.id(slot))
    }

    /// Takes the first slot of a listener's accept queue.
    fn dequeue(&mut self, id: ListenerId) -> Option<u32> {
        let listener = self.listeners.by_id(id)?;
        let slot = listener.first;
        let connection = self.connections.get_mut(slot)?;
        let next = connection.user.replace_cookie(0);
        listener.first = u32::try_from(next).unwrap_or(NONE);
        if listener.first == NONE {
            listener.last = NONE;
        }
        listener.waiting = listener.waiting.saturating_sub(1);
        listener.options.queued.fetch_sub(1, Relaxed);
        connection.user.unset(User::WAITING);
        Some(slot)
    }

    /// Opens a connection. `comes_home` tells whether segments of a flow arrive at this shard: an
    /// ephemeral port is chosen so that they do. A writable event tells of success.
    ///
    /// # Errors
    /// When no port or no record is free, or the addresses cannot be.
    /// RFC 9293, MUST-42, MUST-43, MUST-45.
    pub fn connect(
        &mut self,
        now: Instant,
        options: &ConnectOptions,
        comes_home: &dyn Fn(&Flow) -> bool,
    ) -> Result<ConnectionId, ConnectError> {
        self.connect_with_keys(now, options, &mut KeyRing::default(), comes_home)
    }

    /// The same, and `data` goes with the SYN as far as it finds room there, if the peer's cookie is known (RFC 7413); gives
    /// how much of it was taken. Without a cookie that is none, and the SYN asks for one (MSG_FASTOPEN).
    ///
    /// # Errors
    /// As `connect`.
    pub fn connect_with(
        &mut self,
        now: Instant,
        options: &ConnectOptions,
        data: &[u8],
        comes_home: &dyn Fn(&Flow) -> bool,
    ) -> Result<(ConnectionId, usize), ConnectError> {
        let data = Some(EarlyData::Now(data));
        self.open_connection(now, options, &mut KeyRing::default(), data, comes_home)
    }

    /// The same of a socket that has keys (RFC 5925, section 7.1): those for the peer are the connection's, which they protect from its SYN on; all
    /// are given back when it fails.
    ///
    /// # Errors
    /// As `connect`, when there is no room to keep the keys, and when TCP-AO is required and none of them is of it and for the
    /// peer.
    pub fn connect_with_keys(
        &mut self,
        now: Instant,
        options: &ConnectOptions,
        keys: &mut KeyRing,
        comes_home: &dyn Fn(&Flow) -> bool,
    ) -> Result<ConnectionId, ConnectError> {
        let ring = self.context.keys.copy_for(keys, options.remote.address);
        self.context.keys.release(keys);
        let mut ring = ring.ok_or(ConnectError::NoRoomForKeys)?;
        let is_of_ao = |key: &PeerKey| key.ao_key().is_some();
        if ring.ao.is_required && !self.context.keys.iter(&ring).any(is_of_ao) {
            self.context.keys.release(&mut ring);
            return Err(ConnectError::NoKey);
        }
        let waits = options.socket.fast_open_connect;
        let data = waits.then_some(EarlyData::Later);
        let opened = self.open_connection(now, options, &mut ring, data, comes_home);
        self.context.keys.release(&mut ring);
        opened.map(|(id, _)| id)
    }

    fn open_connection(
        &mut self,
        now: Instant,
        options: &ConnectOptions,
        ring: &mut KeyRing,
        data: Option<EarlyData<'_>>,
        comes_home: &dyn Fn(&Flow) -> bool,
    ) -> Result<(ConnectionId, usize), ConnectError> {
        let remote = options.remote;
        if options.source.is_ipv4() != remote.address.is_ipv4()
            || remote.port == 0
            || remote.address.is_unspecified()
            || remote.address.is_multicast()
        {
            return Err(ConnectError::BadAddress(remote));
        }
        if self.connections.is_full() {
            return Err(ConnectError::TableFull(self.context.limits.connections_max));
        }
        let flow = self.new_flow(now, options, comes_home)?;
        let hash = self.hash_of(&flow);
        let clock = self.initial_sequence.number(now, &flow);
        let initial = self.take_over(hash, &flow, clock);
        let offset = self.timestamp_offsets.offset(&flow);
        let mut connection =
            Connection::opening(now, flow, options, initial, offset, &self.context.limits);
        let (_, context) = self.split(now);
        connection
            .begin_with_keys(context, std::mem::take(ring), None)
            .map_err(|_| ConnectError::NoRoomForKeys)?;
        let full = ConnectError::TableFull(self.context.limits.connections_max);
        let slot = self.connections.insert(hash, connection).ok_or(full)?;
        let (connections, context) = self.split(now);
        let mut taken = 0;
        if let Some(connection) = connections.get_mut(slot) {
            // Without room for them the connection opens all the same, and has none.
            let _no_room = connection.choose(context, &options.socket);
            connection.choose_first_window(context);
            if let Some(data) = data {
                taken = connection.open_early(context, data);
            }
        }
        self.context.counters.active_opens.increment();
        self.context.counters.states[State::SynSent as usize].increment();
        self.settle(now, slot);
        Ok((self.connections.id(slot), taken))
    }

    /// The flow of an active open, with a port that nobody uses towards this peer.
    fn new_flow(
        &mut self,
        now: Instant,
        options: &ConnectOptions,
        comes_home: &dyn Fn(&Flow) -> bool,
    ) -> Result<Flow, ConnectError> {
        let (connections, time_waits) = (&self.connections, &self.time_waits);
        let limits = &self.context.limits;
        let is_named = options.source_port.is_some();
        let (requests, hashes) = (&self.requests, &self.hash);
        let is_in_use = |flow: &Flow| {
            let hash = hashes.of(flow);
            connections.find(hash, flow).is_some()
                || time_waits
                    .find(hash, flow)
                    .is_some_and(|key| !may_reuse(time_waits, key, flow, is_named, now, limits))
                || requests.find(hash, flow).is_some()
        };
        let remote = options.remote;
        let port = match options.source_port {
            Some(port) => {
                let local = Endpoint::new(options.source, port);
                if port == 0 || is_in_use(&Flow { local, remote }) {
                    return Err(ConnectError::AddressInUse(local));
                }
                port
            }
            None => self
                .ephemeral_ports
                .choose(options.source, remote, comes_home, &is_in_use)
                .ok_or(ConnectError::NoPort(remote))?,
        };
        Ok(Flow {
            local: Endpoint::new(options.source, port),
            remote,
        })
    }

    /// Ends the TIME-WAIT of a flow that is opened again; our numbers go on above the old ones.
    fn take_over(&mut self, hash: u64, flow: &Flow, clock: SequenceNumber) -> SequenceNumber {
        let Some(key) = self.time_waits.find(hash, flow) else {
            return clock;
        };
        let floor = self.time_waits.get(key).map(|remains| remains.send_next);
        self.forget_time_wait(hash, key);
        self.context.counters.time_wait_reused.increment();
        floor.map_or(clock, |floor| clock.later(floor + REOPENED_ABOVE))
    }
}

/// True when an active open may take the flow of a TIME-WAIT record (as Linux's tcp_twsk_unique): its
/// timestamps, which have moved on, protect it from old segments. Who names its own port wants that
/// flow and no other: the settings are about ports that we choose.
fn may_reuse(
    time_waits: &TimeWaits,
    key: u32,
    flow: &Flow,
    is_named: bool,
    now: Instant,
    limits: &Limits,
) -> bool {
    let has_timestamps = time_waits
        .get(key)
        .is_some_and(|remains| remains.timestamp.is_some());
    let settled = limits
        .time_wait
        .saturating_sub(limits.opening.time_wait_reuse_delay);
    let has_settled = limits.opening.time_wait_reuse.allows(flow)
        && time_waits
            .expires(key)
            .is_some_and(|expires| expires.since(now) <= settled);
    has_timestamps && (is_named || has_settled)
}
