//! What one core owns of TCP: listeners, half-open requests, connections and TIME-WAIT records.
//!
//! The children hold the verbs: `segment` and `authenticate` (in), `passive`, `request`, `cookies` and `late` (segments
//! without connection), `transmit` (out), `timers`, `open`, `options`, `keys` and `user` (the user's), `settle` (what follows
//! after each).

mod abort_all;
mod ahead;
mod audit;
mod authenticate;
mod cookies;
mod destinations;
mod fast_open;
mod inspect;
mod keys;
mod late;
mod open;
mod options;
mod passive;
mod request;
mod segment;
mod settle;
mod timers;
mod transmit;
mod turns;
mod urgent;
mod user;

pub use audit::Contradiction;
use turns::Turns;

use std::sync::Arc;

use crate::address::Flow;
use crate::chunk_pool::ChunkPool;
use crate::connection::{Connection, Context};
use crate::ephemeral_port::EphemeralPorts;
use crate::flow_hash::FlowHash;
use crate::initial_sequence::{InitialSequence, TimestampOffsets};
use crate::limits::{Limits, Secrets};
use crate::memory::Memory;
use crate::syn_cookie::SynCookieSecret;
use crate::table::established::Established;
use crate::table::listen::ListenTable;
use crate::table::request::Requests;
use crate::table::slot_queue::SlotQueue;
use crate::table::slots::{Line, Slot};
use crate::table::time_wait::TimeWaits;
use crate::tcp_counters::TcpCounters;
use crate::time::Instant;

/// The TCP machine of one core. Nothing allocates after [`Shard::new`].
pub struct Shard<M: Memory = ChunkPool> {
    context: Context<M>,
    /// What `memory` has when nobody holds any of it.
    memory_bytes: usize,
    hash: FlowHash,
    initial_sequence: InitialSequence,
    timestamp_offsets: TimestampOffsets,
    syn_cookies: SynCookieSecret,
    ephemeral_ports: EphemeralPorts,
    listeners: ListenTable,
    requests: Requests,
    connections: Established<M::Queue>,
    time_waits: TimeWaits,
    /// Requests whose SYN-ACK is due.
    syn_acks: SlotQueue,
    turns: Turns,
    /// Listeners with an event.
    listener_events: SlotQueue,
    /// Connections whose last send found no memory although they hold none.
    starved: SlotQueue,
    /// Connections with data to send that wait for a send record.
    recordless: SlotQueue,
    orphans: usize,
    /// Bytes that orphans have queued.
    orphan_bytes: usize,
}

impl<M: Memory> Shard<M> {
    /// Reserves everything that `limits` allows; `memory` holds the bytes of all connections.
    pub fn new(limits: Limits, secrets: Secrets, memory: M) -> Self {
        let connections = limits.connections_max;
        let requests = Requests::new(limits.requests_max);
        Self {
            memory_bytes: memory.available_bytes(),
            hash: FlowHash::new(&secrets.table),
            initial_sequence: InitialSequence::new(&secrets.initial_sequence),
            timestamp_offsets: TimestampOffsets::new(&secrets.timestamp_offset),
            syn_cookies: SynCookieSecret::new(&secrets.syn_cookie),
            ephemeral_ports: EphemeralPorts::new(&secrets.ephemeral_port, limits.ephemeral_ports),
            listeners: ListenTable::new(limits.listeners_max),
            connections: Established::new(connections),
            time_waits: TimeWaits::new(limits.time_wait_max),
            turns: Turns::new(connections, requests.keys() as usize),
            syn_acks: SlotQueue::new(requests.keys() as usize),
            requests,
            listener_events: SlotQueue::new(limits.listeners_max),
            starved: SlotQueue::new(connections),
            recordless: SlotQueue::new(connections),
            orphans: 0,
            orphan_bytes: 0,
            context: Context::new(limits, &secrets, memory),
        }
    }

    /// What this shard counts; any thread may read it in place.
    pub fn counters(&self) -> Arc<TcpCounters> {
        self.context.counters.clone()
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.context.limits
    }

    /// Connections, requests and TIME-WAIT records held: zero when nothing stayed behind.
    pub fn live_records(&self) -> usize {
        self.connections.live() + self.requests.live() + self.time_waits.live()
    }

    /// Segments that some connection has outstanding, and connections that recover from a loss: zero when no
    /// connection is left.
    pub fn live_send_records(&self) -> usize {
        self.context.records.live() + self.context.scoreboards.live()
    }

    /// The hash that all tables are indexed by.
    #[inline]
    fn hash_of(&self, flow: &Flow) -> u64 {
        self.hash.of(flow)
    }

    /// The connections, and what their verbs work with.
    #[inline]
    fn split(&mut self, now: Instant) -> (&mut Established<M::Queue>, &mut Context<M>) {
        self.context.now = now;
        (&mut self.connections, &mut self.context)
    }
}

impl<M: Memory> std::fmt::Debug for Shard<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("connections", &self.connections.live())
            .field("requests", &self.requests.live())
            .field("time_waits", &self.time_waits.live())
            .finish_non_exhaustive()
    }
}

/// A connection's place in the table. With its generation it fills whole cache lines.
type ConnectionSlot = Slot<Connection<<ChunkPool as Memory>::Queue>, Line>;
const _: () = assert!(size_of::<ConnectionSlot>() == 256);

/// Bytes reserved for each connection that the limits allow, chunks aside: record, place in the index (two words, or
/// three with the fewest slots to a bucket), timer, and a link in each of five queues.
pub const CONNECTION_BYTES: usize = size_of::<ConnectionSlot>()
    + 3 * size_of::<u32>()
    + crate::timer_wheel::KEY_BYTES
    + 5 * size_of::<u32>();

#[cfg(test)]
mod tests;
