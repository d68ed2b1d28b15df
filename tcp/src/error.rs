//! What can go wrong with each verb of a shard: one small enum per operation.

use thiserror::Error;

use crate::address::Endpoint;

/// Why a connection ended other than by FIN both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// The peer answered our SYN with RST (ECONNREFUSED).
    #[error("connection refused by the peer")]
    Refused,
    /// The peer sent RST (ECONNRESET).
    #[error("connection reset by the peer")]
    Reset,
    /// Nothing came back for as long as the limits allow (ETIMEDOUT).
    #[error("connection timed out")]
    TimedOut,
    /// The next hop does not answer, or a router or the peer's host says that it cannot be reached (EHOSTUNREACH).
    #[error("peer unreachable")]
    HostUnreachable,
    /// There is no route any more, or a router says that it has none (ENETUNREACH).
    #[error("network unreachable")]
    NetworkUnreachable,
    /// The user aborted it (ECONNABORTED).
    #[error("connection aborted by its user")]
    Aborted,
}

/// Why `listen` or `set_backlog` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ListenError {
    /// Another listener holds address and port.
    #[error("{0} is listened on already: close that listener or take another port")]
    AddressInUse(Endpoint),
    /// The listener table is full.
    #[error("listener table full ({0}): raise the limit of listeners")]
    TableFull(usize),
    /// The handle names no listener.
    #[error("no such listener")]
    NoListener,
}

/// Why `connect` failed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// No source port is free that also brings the answers to this shard.
    #[error("no free local port towards {0}: widen the range of ephemeral ports")]
    NoPort(Endpoint),
    /// The flow asked for exists already, or lingers in TIME-WAIT.
    #[error("{0} is in use towards this peer: take another source port")]
    AddressInUse(Endpoint),
    /// The connection table is full.
    #[error("connection table full ({0}): raise the limit of connections")]
    TableFull(usize),
    /// Nothing is left to keep its keys in.
    #[error("no room for the keys of another connection: raise the limits of keys and extensions")]
    NoRoomForKeys,
    /// TCP-AO is required, and there is no key of it for the peer.
    #[error("TCP-AO is required and no key of it is for this peer: add one")]
    NoKey,
    /// Source and remote are of different families, or the remote port is 0.
    #[error("{0} cannot be connected to from the source address given")]
    BadAddress(Endpoint),
}

/// Why `send` or `shutdown` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The handle names no connection of a user.
    #[error("no such connection")]
    NoConnection,
    /// The handshake is not complete.
    #[error("connection not established yet")]
    NotConnected,
    /// Our direction was shut down before (EPIPE).
    #[error("sending was shut down")]
    ShutDown,
    /// There is no block left to remember by where urgent data ends (ENOBUFS).
    #[error("no block left for urgent data: raise the limit of extensions")]
    NoExtension,
    /// The connection failed.
    #[error(transparent)]
    Failed(#[from] ConnectionError),
}

/// Why `receive_slice` gives no bytes and never will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReceiveError {
    /// The handle names no connection of a user.
    #[error("no such connection")]
    NoConnection,
    /// The handshake is not complete.
    #[error("connection not established yet")]
    NotConnected,
    /// The peer sent FIN and every byte before it was read.
    #[error("end of stream")]
    EndOfStream,
    /// The connection failed.
    #[error(transparent)]
    Failed(#[from] ConnectionError),
}

/// Why `splice` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpliceError {
    /// Nothing more to receive.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// Nothing can be sent.
    #[error(transparent)]
    Send(#[from] SendError),
}
