//! Rows for those who look: connections, requests, TIME-WAIT records, listeners.

use std::time::Duration;

use super::Shard;
use crate::address::Flow;
use crate::congestion::AlgorithmInfo;
use crate::connection::Connection;
use crate::event::{ConnectionId, ListenerId};
use crate::extension::ExtensionHandle;
use crate::memory::Memory;
use crate::memory_info::MemoryInfo;
use crate::pool::Pool;
use crate::snapshot::{ConnectionRow, Cursor, EcnKind, ListenerRow, Outstanding, SignedBy};
use crate::state::State;
use crate::statistics::Objects;
use crate::table::request::Handshake;
use crate::tcp_info::TcpInfo;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// One connection as operators see it.
    pub fn row(&self, now: Instant, id: ConnectionId) -> Option<ConnectionRow> {
        let slot = self.connections.slot_of(id)?;
        self.connections
            .get(slot)
            .map(|connection| self.row_of(now, connection))
    }

    fn row_of(&self, now: Instant, connection: &Connection<M::Queue>) -> ConnectionRow {
        let (bounds, extensions) = (&self.context.bounds, &self.context.extensions);
        let row = connection.row(
            bounds,
            &self.context.records,
            &self.context.congestion,
            extensions,
        );
        ConnectionRow {
            signed_by: self.signed_by(&connection.extension),
            memory: Some(connection.memory_info(&self.context)),
            statistics: connection.objects(&self.context, now),
            ..row
        }
    }

    fn signed_by(&self, extension: &ExtensionHandle) -> Option<SignedBy> {
        let extension = self.context.extensions.get(extension)?;
        extension
            .authentication
            .as_ref()?
            .signed_by(&self.context.keys)
    }

    /// What the SYN-ACK of a half-open connection is signed by.
    fn request_signed_by(
        &self,
        flow: &Flow,
        listener: ListenerId,
        handshake: &Handshake,
    ) -> Option<SignedBy> {
        if let Some(ids) = handshake.ao() {
            return Some(SignedBy::Ao {
                current_id: ids.key_id,
                next_id: ids.next_key_id,
            });
        }
        let listener = self.listeners.get(self.listeners.slot_of(listener)?)?;
        let key = self
            .context
            .keys
            .md5_for(&listener.keys, flow.remote.address);
        key.map(|_| SignedBy::Md5)
    }

    /// One connection as TCP_INFO tells of it.
    pub fn tcp_info(&self, now: Instant, id: ConnectionId) -> Option<TcpInfo> {
        let slot = self.connections.slot_of(id)?;
        let connection = self.connections.get(slot)?;
        Some(connection.tcp_info(&self.context, now))
    }

    /// What memory one connection has, as SO_MEMINFO tells of it.
    pub fn memory_info(&self, id: ConnectionId) -> Option<MemoryInfo> {
        let connection = self.connections.get(self.connections.slot_of(id)?)?;
        Some(connection.memory_info(&self.context))
    }

    /// The own numbers of a connection's algorithm, as TCP_CC_INFO tells of them.
    pub fn congestion_info(&self, id: ConnectionId) -> Option<AlgorithmInfo> {
        let connection = self.connections.get(self.connections.slot_of(id)?)?;
        Some(connection.congestion.info(&self.context.congestion))
    }

    /// What a connection has counted by RFC 4898; None as well where it was not asked to.
    pub fn statistics(&self, now: Instant, id: ConnectionId) -> Option<Objects> {
        let connection = self.connections.get(self.connections.slot_of(id)?)?;
        connection.objects(&self.context, now)
    }

    /// Visits what lies in the next `slots_max` slots after `cursor`, which moves on; false at the
    /// end of the tables.
    pub fn connection_rows(
        &self,
        now: Instant,
        cursor: &mut Cursor,
        slots_max: usize,
        visit: &mut dyn FnMut(&ConnectionRow),
    ) -> bool {
        for _ in 0..slots_max {
            let end = match cursor.table {
                CONNECTIONS => self.connections.end(),
                REQUESTS => self.requests.keys(),
                TIME_WAITS => self.time_waits.keys(),
                _ => return false,
            };
            if cursor.slot >= end {
                *cursor = Cursor {
                    table: cursor.table + 1,
                    slot: 0,
                };
                continue;
            }
            if let Some(row) = self.row_at(now, *cursor) {
                visit(&row);
            }
            cursor.slot = self.next_slot(*cursor);
        }
        true
    }

    /// Entries of each pool that somebody holds, in the order of [`Pool::ALL`]: all zero when nothing stayed behind.
    pub fn pool_entries(&self) -> [usize; Pool::ALL.len()] {
        let context = &self.context;
        [
            context.records.live(),
            context.ranges.live(),
            context.scoreboards.live(),
            context.extensions.live(),
            context.keys.live(),
            context.congestion.live(),
            context.fast_opens.openings.live(),
        ]
    }

    /// The same of all pools together.
    pub fn live_pool_entries(&self) -> usize {
        self.pool_entries().iter().sum()
    }

    /// Writes them where other threads can read them: not with each segment, but when timers are due, and when the owner
    /// of the shard finds nothing to do.
    pub fn count_pool_entries(&self) {
        let counters = &self.context.counters.pool_entries;
        for (counter, count) in counters.iter().zip(self.pool_entries()) {
            counter.set(count as u64);
        }
    }

    /// Visits every listener.
    pub fn listener_rows(&self, visit: &mut dyn FnMut(&ListenerRow)) {
        for listener in self.listeners.iter() {
            visit(&ListenerRow {
                local: listener.options.local,
                accept_queue: listener.waiting,
                backlog: listener.options.backlog,
                requests: listener.requests,
                overflows: listener.overflows,
            });
        }
    }

    /// Slots of the other tables that were never used are passed over in one step.
    fn next_slot(&self, cursor: Cursor) -> u32 {
        let next = cursor.slot + 1;
        match cursor.table {
            REQUESTS => self.requests.used_from(next),
            TIME_WAITS => self.time_waits.used_from(next),
            _ => next,
        }
    }

    fn row_at(&self, now: Instant, cursor: Cursor) -> Option<ConnectionRow> {
        match cursor.table {
            // A closed connection that its user still holds is no connection any more.
            CONNECTIONS => self
                .connections
                .get(cursor.slot)
                .filter(|connection| connection.state != State::Closed)
                .map(|connection| self.row_of(now, connection)),
            REQUESTS => {
                let (flow, pending) = self.requests.get(cursor.slot)?;
                let row = light_row(flow, State::SynReceived, self.context.limits.rto_initial);
                Some(ConnectionRow {
                    maximum_segment_bytes: pending.handshake.mss.get(),
                    retransmissions: u32::from(pending.handshake.sent.saturating_sub(1)),
                    hold: "handshake",
                    signed_by: self.request_signed_by(&flow, pending.listener, &pending.handshake),
                    ecn: EcnKind::of(
                        pending.handshake.agreed.ecn(),
                        pending.handshake.agreed.accurate_ecn().is_some(),
                    ),
                    ..row
                })
            }
            _ => {
                let flow = self.time_waits.flow(cursor.slot)?;
                let row = light_row(flow, State::TimeWait, self.context.limits.rto_initial);
                let extension = self.time_waits.extension(cursor.slot);
                Some(ConnectionRow {
                    signed_by: extension.and_then(|extension| self.signed_by(extension)),
                    ..row
                })
            }
        }
    }
}

/// A row of a record that has no queues.
fn light_row(flow: Flow, state: State, retransmission_timeout: Duration) -> ConnectionRow {
    ConnectionRow {
        flow,
        state,
        receive_queue_bytes: 0,
        send_queue_bytes: 0,
        congestion_window_bytes: 0,
        slow_start_threshold_bytes: u32::MAX,
        algorithm: None,
        algorithm_info: AlgorithmInfo::None,
        pacing_rate: None,
        send_window_bytes: 0,
        receive_window_bytes: 0,
        maximum_segment_bytes: 0,
        receive_segment_bytes: 0,
        round_trip: None,
        round_trip_variation: Duration::ZERO,
        retransmission_timeout,
        retransmissions: 0,
        outstanding: Outstanding::default(),
        hold: "closed",
        orphan: false,
        signed_by: None,
        ecn: EcnKind::None,
        memory: None,
        statistics: None,
    }
}

const CONNECTIONS: u8 = 0;
const REQUESTS: u8 = 1;
const TIME_WAITS: u8 = 2;
