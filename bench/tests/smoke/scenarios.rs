//! What is tested: each scenario is run with one worker and with two.

pub mod applications;
pub mod backlog;
pub mod connecting_out;
pub mod crowds;
pub mod daemon_dies;
pub mod deaths;
pub mod fast_open;
pub mod hostile;
pub mod idle;
pub mod leftovers;
pub mod lifecycle;
pub mod limits;
pub mod load_as_application;
pub mod lossy_applications;
pub mod lossy_transfers;
pub mod many_connections;
pub mod metrics;
pub mod passed_on;
pub mod refusals;
pub mod signed;
pub mod signed_ao;
pub mod socket_options;
pub mod transfers;
pub mod unreachable;
pub mod web;
