//! Services that play requests and replies with each other.

use std::net::SocketAddr;

use coremill_engine::options::{Listening, ServiceKind, ServiceOptions};

use super::one_worker::OWN;

/// An echo, and a client that asks it on `connections` for as long as it is left alone.
pub fn requests(connections: usize, request_bytes: usize) -> Vec<ServiceOptions> {
    let address = SocketAddr::new(OWN.into(), 7);
    let echo = ServiceKind::Echo(Listening {
        address,
        backlog: 128,
        connections_max: 0,
    });
    let rpc = ServiceKind::Rpc {
        target: address,
        connections,
        request_bytes,
        requests: 0,
    };
    let service = |name: &str, kind| ServiceOptions {
        name: name.to_string(),
        kind,
    };
    vec![service("echo", echo), service("rpc", rpc)]
}
