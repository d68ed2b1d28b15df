//! The TCP machine of Coremill, sans-I/O: what one core owns is a [`Shard`].
//!
//! No clock, socket, thread, core id or DPDK: every verb takes `now`, transmission is pulled with
//! [`Shard::next_segment`], timers run by [`Shard::advance`] and [`Shard::next_deadline`].
//! Start reading at `shard.rs`, then `connection.rs`. RFC 9293 is the map; Linux is the reference.
#![forbid(unsafe_code)]

mod accurate_ecn;
pub mod address;
pub mod attacks;
pub mod authentication;
mod challenge;
pub mod checksum;
pub mod chunk_pool;
pub mod congestion;
mod connection;
pub mod counters;
mod destinations;
pub mod drop_reason;
pub mod ecn;
pub mod ephemeral_port;
pub mod error;
pub mod event;
mod extension;
pub mod fast_open;
pub mod flow_hash;
pub mod header;
pub mod header_options;
pub mod initial_sequence;
pub mod ip_fields;
pub mod limits;
pub mod memory;
pub mod memory_info;
pub mod options;
pub mod packet;
pub mod pool;
pub mod reassembly;
mod reply;
pub mod round_trip;
mod scoreboard;
mod send_records;
pub mod sequence;
pub mod shard;
pub mod snapshot;
pub mod state;
pub mod statistics;
mod syn_cookie;
mod table;
pub mod tcp_counters;
pub mod tcp_info;
pub mod time;
pub mod timer_wheel;
pub mod urgent;

pub use address::{Endpoint, Flow};
pub use chunk_pool::ChunkPool;
pub use drop_reason::DropReason;
pub use event::{ConnectionId, Event, ListenerId, Readiness, Subject};
pub use limits::Limits;
pub use memory::Memory;
pub use packet::{Inbound, Outgoing, Reader, Unreachable, Verdict};
pub use sequence::SequenceNumber;
pub use shard::{CONNECTION_BYTES, Shard};
pub use state::State;
pub use tcp_counters::TcpCounters;
pub use time::Instant;
pub use urgent::{UrgentError, UrgentMark};
