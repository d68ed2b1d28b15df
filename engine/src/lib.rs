//! One core's loop and the layers around TCP.
//!
//! In:  port burst -> `ethernet` -> `ipv4` -> the flow's owner (`steering`) -> TCP shard -> service.
//! Out: service -> shard, `next_segment` pulled while the port has room -> IP header -> neighbour's
//! cached link header -> port burst. The loop that does this is `run.rs`; read it first.
//! The engine knows no config file, protocol or metrics format: it takes [`options::EngineOptions`]
//! and [`command::Command`]s and gives [`counters`] and [`snapshot`]s.

mod affinity;
pub mod applications;
pub mod arp;
pub mod clock;
pub mod command;
mod commands;
pub mod counters;
pub mod doorbell;
pub mod drop_reason;
pub mod ethernet;
pub mod hand_over;
pub mod handle;
pub mod icmp;
mod idle;
pub mod ipv4;
mod last_packet;
pub mod local_addresses;
pub mod neighbors;
pub mod nic;
pub mod options;
pub mod ordinary;
pub mod paths;
pub mod rate_limit;
mod receive;
pub mod routes;
pub mod run;
pub mod services;
pub mod snapshot;
pub mod start;
pub mod steering;
mod transmit;
pub mod udp;
pub mod worker;

pub use handle::WorkerHandle;
pub use start::{Engine, StartError};
pub use worker::{Parts, Worker};

#[cfg(test)]
mod test_packet;
