//! `[[services]]`: what runs inside each worker.

use std::net::SocketAddr;

use serde::Deserialize;

use crate::size;

/// `[[services]]`: a name, and per kind its own keys.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Service {
    pub name: String,
    #[serde(flatten)]
    pub kind: ServiceKind,
}

/// `services.kind` with the keys of that kind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ServiceKind {
    Echo {
        listen: SocketAddr,
        #[serde(default = "backlog")]
        backlog: usize,
        #[serde(default)]
        connections_max: usize,
    },
    Discard {
        listen: SocketAddr,
        #[serde(default = "backlog")]
        backlog: usize,
        #[serde(default)]
        connections_max: usize,
        #[serde(default = "seed")]
        seed: u64,
    },
    Chargen {
        listen: SocketAddr,
        #[serde(default = "backlog")]
        backlog: usize,
        #[serde(default)]
        connections_max: usize,
        #[serde(default = "seed")]
        seed: u64,
        #[serde(default, with = "size")]
        bytes: usize,
    },
    Http {
        listen: SocketAddr,
        #[serde(default = "backlog")]
        backlog: usize,
        #[serde(default)]
        connections_max: usize,
        #[serde(default = "body", with = "size")]
        body: usize,
    },
    Rpc {
        target: SocketAddr,
        #[serde(default = "connections")]
        connections: usize,
        #[serde(default = "request", with = "size")]
        request: usize,
        #[serde(default)]
        requests: u64,
    },
}

impl ServiceKind {
    /// Where it listens; None for a client.
    pub fn listen(&self) -> Option<SocketAddr> {
        match self {
            ServiceKind::Echo { listen, .. }
            | ServiceKind::Discard { listen, .. }
            | ServiceKind::Chargen { listen, .. }
            | ServiceKind::Http { listen, .. } => Some(*listen),
            ServiceKind::Rpc { .. } => None,
        }
    }
}

fn backlog() -> usize {
    1_024
}

fn seed() -> u64 {
    1
}

fn body() -> usize {
    1 << 10
}

fn connections() -> usize {
    1
}

fn request() -> usize {
    64
}
