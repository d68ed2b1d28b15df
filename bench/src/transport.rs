//! What carries the connections: the kernel's sockets, or Coremill's through the client library. The loads are
//! compiled once for each, so that none of them pays for there being two.

mod coremill;
mod kernel;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Duration;

pub use coremill::Coremill;
pub use kernel::Kernel;

/// A stack with sockets.
pub trait Transport: Sync {
    /// A connection that does not block.
    type Connection: Connection;
    /// Waits for many of them.
    type Poller: Poller<Self::Connection>;
    /// A connection that blocks.
    type Stream: Stream;

    /// A poller.
    ///
    /// # Errors
    /// When there are no more of them.
    fn poller(&self) -> io::Result<Self::Poller>;

    /// Begins to connect and does not wait for it.
    ///
    /// # Errors
    /// What is known at once.
    fn begin_connect(&self, route: Route) -> io::Result<Self::Connection>;

    /// Connects within `timeout`; later, sending and receiving fail with `WouldBlock` when they make no progress in it.
    ///
    /// # Errors
    /// Those of connecting.
    fn connect(&self, route: Route, timeout: Duration) -> io::Result<Self::Stream>;
}

/// Where a connection leads to, and where from.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The server.
    pub target: SocketAddr,
    /// Our address, where it is not left to the stack.
    pub source: Option<IpAddr>,
}

impl Route {
    /// The address to bind to, if any; the port is left to the stack.
    fn local(&self) -> Option<SocketAddr> {
        self.source.map(|address| SocketAddr::new(address, 0))
    }
}

/// A connection that does not block.
pub trait Connection: Read + Write {
    /// Whether an attempt to connect has succeeded, which can be told when it became ready.
    ///
    /// # Errors
    /// Why it failed.
    fn is_connected(&self, ready: Ready) -> io::Result<bool>;
}

/// Waits for many connections. It may tell of a connection once only, until all was read that was there.
pub trait Poller<C> {
    /// Waits for a connection that was just begun: until it can be written to, and for reading.
    ///
    /// # Errors
    /// When it cannot.
    fn register(&mut self, connection: &mut C, token: usize) -> io::Result<()>;

    /// Waits for writing too, or no longer.
    ///
    /// # Errors
    /// When it cannot.
    fn set_writing(&mut self, connection: &C, token: usize, writing: bool) -> io::Result<()>;

    /// Waits no longer for a connection that is about to be closed.
    fn forget(&mut self, connection: &C);

    /// Waits for at most `timeout`; replaces what is in `ready`.
    ///
    /// # Errors
    /// When waiting is impossible, as when the daemon is gone.
    fn wait(&mut self, ready: &mut Vec<Ready>, timeout: Duration) -> io::Result<()>;
}

/// What can be done with a connection.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The connection's.
    pub token: usize,
    /// There may be something to read, or the end, or an error.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
}

/// A connection that blocks, used by two threads at once.
pub trait Stream: Sync {
    /// Receives some bytes; 0 at the end.
    ///
    /// # Errors
    /// As reading a socket.
    fn receive(&self, room: &mut [u8]) -> io::Result<usize>;

    /// Sends all bytes.
    ///
    /// # Errors
    /// As writing to a socket.
    fn send_all(&self, bytes: &[u8]) -> io::Result<()>;

    /// Ends one direction or both.
    ///
    /// # Errors
    /// As shutting a socket down.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}
