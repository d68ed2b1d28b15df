//! What a user asks of a listener or a connection when opening it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::address::Endpoint;

/// A passive open. The same listener exists on every shard; what is shared hangs on `queued`.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Address (unspecified: any of ours) and port to listen on.
    pub local: Endpoint,
    /// Completed connections that may wait for accept over all shards together; one more than
    /// this may, as in Linux.
    pub backlog: usize,
    /// How many wait now, over all shards: the one shared atomic per accept.
    pub queued: Arc<AtomicUsize>,
    /// Returned with each event of this listener.
    pub cookie: u64,
    /// What accepted connections start with.
    pub socket: SocketOptions,
}

/// An active open.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// Our address, as the route to the peer says.
    pub source: IpAddr,
    /// Our port; None takes an ephemeral one (RFC 6056).
    pub source_port: Option<u16>,
    /// The peer.
    pub remote: Endpoint,
    /// MTU of the link towards the peer.
    pub mtu: u16,
    /// Returned with each event of this connection.
    pub cookie: u64,
    /// Options of the connection.
    pub socket: SocketOptions,
}

/// Per-connection options with Linux's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// TCP_NODELAY: no Nagle.
    pub no_delay: bool,
    /// SO_KEEPALIVE.
    pub keepalive: bool,
}
