//! The loads: each takes its plan and a transport, runs to its end and gives a report.

pub mod connect;
pub mod http;
pub mod rpc;
pub mod stream;
