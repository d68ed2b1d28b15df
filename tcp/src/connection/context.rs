//! What a verb works with besides its connection: the moment, and what all connections of a shard share.
//!
//! In one piece, so that a verb gets all of it by one reference, beside the one to its connection.

use std::sync::Arc;

use crate::authentication::key_pool::KeyPool;
use crate::challenge::ChallengeLimit;
use crate::congestion::CongestionPool;
use crate::destinations::Destinations;
use crate::extension::Extensions;
use crate::fast_open::FastOpens;
use crate::flow_hash::FlowHash;
use crate::limits::{Limits, Secrets};
use crate::memory::Memory;
use crate::options::sets::OptionSets;
use crate::reassembly::ReassemblyPool;
use crate::reply::ReplyQueue;
use crate::round_trip::TimeoutBounds;
use crate::scoreboard::ScoreboardPool;
use crate::send_records::SendRecordPool;
use crate::tcp_counters::TcpCounters;
use crate::time::{FARTHEST, Instant, nanos};

/// The shard's bounds, counters, and the pools that its connections draw from.
pub(crate) struct Context<M> {
    /// The moment of the verb.
    pub(crate) now: Instant,
    pub(crate) limits: Limits,
    pub(crate) bounds: TimeoutBounds,
    /// The longest delay of an acknowledgement, as each segment needs it.
    pub(crate) delayed_ack_nanos: u64,
    /// Bytes that a connection with the usual options may have queued, however small its windows are.
    pub(crate) queued_always: usize,
    pub(crate) counters: Arc<TcpCounters>,
    /// The bytes of all connections.
    pub(crate) memory: M,
    pub(crate) ranges: ReassemblyPool,
    pub(crate) records: SendRecordPool,
    pub(crate) scoreboards: ScoreboardPool,
    pub(crate) extensions: Extensions,
    /// Keys of listeners and connections, and of sockets that will be either.
    pub(crate) keys: KeyPool,
    pub(crate) congestion: CongestionPool,
    pub(crate) destinations: Destinations,
    pub(crate) fast_opens: FastOpens,
    pub(crate) challenges: ChallengeLimit,
    pub(crate) replies: ReplyQueue,
    pub(crate) option_sets: OptionSets,
}

impl<M: Memory> Context<M> {
    /// Reserves what `limits` allows.
    pub(crate) fn new(limits: Limits, secrets: &Secrets, memory: M) -> Self {
        let connections = limits.connections_max;
        let ranges = connections
            .min(limits.memory_bytes / BYTES_PER_RANGE)
            .max(RANGES_LEAST);
        Self {
            now: Instant::default(),
            bounds: TimeoutBounds::new(
                limits.rto_initial.min(FARTHEST),
                limits.rto_min,
                limits.rto_max.min(FARTHEST),
            ),
            delayed_ack_nanos: nanos(limits.delayed_ack.min(FARTHEST)),
            queued_always: match limits.unsent_low_water {
                u32::MAX => limits.send_buffer_first_bytes.min(limits.send_buffer_bytes),
                _ => 0,
            },
            counters: Arc::default(),
            memory,
            ranges: ReassemblyPool::new(ranges),
            records: SendRecordPool::new(limits.send_records_max),
            // One for each: it cannot run out, and what nobody needed is never touched.
            scoreboards: ScoreboardPool::new(connections),
            extensions: Extensions::new(limits.extensions_max),
            keys: KeyPool::of(&limits),
            destinations: Destinations::new(limits.destinations_max, FlowHash::new(&secrets.table)),
            fast_opens: FastOpens::new(&limits, &secrets.fast_open, FlowHash::new(&secrets.table)),
            congestion: CongestionPool::new(&limits.congestion),
            challenges: ChallengeLimit::new(&secrets.table),
            replies: ReplyQueue::new(),
            option_sets: OptionSets::new(connections),
            limits,
        }
    }
}

/// Memory that must be behind each range received out of order: one full segment or so.
const BYTES_PER_RANGE: usize = 2_048;
/// Ranges that even a small shard has.
const RANGES_LEAST: usize = 1_024;
