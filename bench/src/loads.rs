//! The loads: each takes its plan, runs to its end and gives a report.

pub mod rpc;
pub mod stream;
