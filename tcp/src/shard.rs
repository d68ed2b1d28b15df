//! What one core owns of TCP: listeners, half-open requests, connections and TIME-WAIT records.

use std::sync::Arc;

use crate::Instant;
use crate::address::Flow;
use crate::chunk_pool::ChunkPool;
use crate::error::{
    ConnectError, ConnectionError, ListenError, ReceiveError, SendError, SpliceError,
};
use crate::event::{ConnectionId, Event, ListenerId};
use crate::limits::{Limits, Secrets};
use crate::memory::Memory;
use crate::options::{ConnectOptions, ListenOptions, SocketOptions};
use crate::packet::{Inbound, Outgoing, Quoted, Verdict};
use crate::snapshot::{ConnectionRow, Cursor, ListenerRow};
use crate::tcp_counters::TcpCounters;

/// The TCP machine of one core.
#[derive(Debug)]
pub struct Shard<M: Memory = ChunkPool> {
    limits: Limits,
    secrets: Secrets,
    memory: M,
    counters: Arc<TcpCounters>,
}

impl<M: Memory> Shard<M> {
    /// Reserves everything that `limits` allows.
    pub fn new(limits: Limits, secrets: Secrets, memory: M) -> Self {
        Self {
            limits,
            secrets,
            memory,
            counters: Arc::default(),
        }
    }
    /// What this shard counts; any thread may read it.
    pub fn counters(&self) -> Arc<TcpCounters> {
        self.counters.clone()
    }
    /// A segment arrived.
    pub fn receive(&mut self, _now: Instant, _segment: &Inbound<'_>) -> Verdict {
        Verdict::Dropped(crate::DropReason::NoSocket)
    }
    /// Writes the next segment to send, if any; `out` must hold 60 bytes more than the MTU's payload.
    pub fn next_segment(&mut self, _now: Instant, _out: &mut [u8]) -> Option<Outgoing> {
        None
    }
    /// May `next_segment` give one?
    pub fn has_segments(&self) -> bool {
        false
    }
    /// Runs timers, at most `budget`; returns how many ran.
    pub fn advance(&mut self, _now: Instant, _budget: usize) -> usize {
        0
    }
    /// When `advance` has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }
    /// The next hint, if any.
    pub fn next_event(&mut self) -> Option<Event> {
        None
    }
    /// Opens a listener.
    pub fn listen(&mut self, options: ListenOptions) -> Result<ListenerId, ListenError> {
        Err(ListenError::AddressInUse(options.local))
    }
    /// Changes a listener's backlog and nothing else.
    pub fn set_backlog(&mut self, _id: ListenerId, _backlog: usize) -> Result<(), ListenError> {
        Err(ListenError::NoListener)
    }
    /// Closes a listener.
    pub fn close_listener(&mut self, _now: Instant, _id: ListenerId) {}
    /// Takes the next completed connection.
    pub fn accept(&mut self, _id: ListenerId) -> Option<ConnectionId> {
        None
    }
    /// Opens a connection.
    pub fn connect(
        &mut self,
        _now: Instant,
        options: &ConnectOptions,
        _comes_home: &dyn Fn(&Flow) -> bool,
    ) -> Result<ConnectionId, ConnectError> {
        Err(ConnectError::NoPort(options.remote))
    }
    /// Sets the value returned with events.
    pub fn set_cookie(&mut self, _id: ConnectionId, _cookie: u64) {}
    /// Queues bytes to send.
    pub fn send(
        &mut self,
        _now: Instant,
        _id: ConnectionId,
        _data: &[u8],
    ) -> Result<usize, SendError> {
        Err(SendError::NoConnection)
    }
    /// Bytes that `send` would take now.
    pub fn send_room(&self, _id: ConnectionId) -> usize {
        0
    }
    /// Received bytes in order.
    pub fn receive_slice(&self, _id: ConnectionId) -> Result<&[u8], ReceiveError> {
        Err(ReceiveError::NoConnection)
    }
    /// The user has read `count` bytes.
    pub fn consume(&mut self, _now: Instant, _id: ConnectionId, _count: usize) {}
    /// Echoes up to `max` received bytes.
    pub fn splice(
        &mut self,
        _now: Instant,
        _id: ConnectionId,
        _max: usize,
    ) -> Result<usize, SpliceError> {
        Err(ReceiveError::NoConnection.into())
    }
    /// FIN after what is queued.
    pub fn shutdown(&mut self, _now: Instant, _id: ConnectionId) -> Result<(), SendError> {
        Err(SendError::NoConnection)
    }
    /// The user lets go.
    pub fn close(&mut self, _now: Instant, _id: ConnectionId) {}
    /// RST at once.
    pub fn abort(&mut self, _now: Instant, _id: ConnectionId) {}
    /// Why it failed.
    pub fn error(&mut self, _id: ConnectionId) -> Option<ConnectionError> {
        None
    }
    /// Sets options.
    pub fn set_socket_options(
        &mut self,
        _now: Instant,
        _id: ConnectionId,
        _options: SocketOptions,
    ) {
    }
    /// Reads options.
    pub fn socket_options(&self, _id: ConnectionId) -> Option<SocketOptions> {
        None
    }
    /// An ICMP error arrived.
    pub fn unreachable(&mut self, _now: Instant, _quoted: &Quoted) -> Verdict {
        Verdict::Dropped(crate::DropReason::IcmpIrrelevant)
    }
    /// Both ends.
    pub fn flow(&self, _id: ConnectionId) -> Option<Flow> {
        None
    }
    /// One row.
    pub fn row(&self, _now: Instant, _id: ConnectionId) -> Option<ConnectionRow> {
        None
    }
    /// Rows; false at the end of the tables.
    pub fn connection_rows(
        &self,
        _now: Instant,
        _cursor: &mut Cursor,
        _slots_max: usize,
        _visit: &mut dyn FnMut(&ConnectionRow),
    ) -> bool {
        false
    }
    /// Every listener.
    pub fn listener_rows(&self, _visit: &mut dyn FnMut(&ListenerRow)) {}
    /// Connections, requests and TIME-WAIT records.
    pub fn live_records(&self) -> usize {
        0
    }
}
