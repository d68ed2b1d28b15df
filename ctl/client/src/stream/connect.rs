//! Opening connections.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use coremill_ring::command::Command;
use coremill_ring::socket_state::Flags;
use rustix::io::Errno;

use super::TcpStream;
use crate::socket::{Socket, is_over};
use crate::stack::Stack;

impl TcpStream {
    /// Connects to `remote` and waits until the connection is there.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`, `ENETUNREACH`, `EADDRNOTAVAIL`; `EMFILE` when the quota of
    /// sockets is reached.
    pub fn connect(stack: &Stack, remote: SocketAddr) -> io::Result<Self> {
        begin(stack, None, remote)?.finish(None)
    }

    /// As [`TcpStream::connect`], for at most `timeout`.
    ///
    /// # Errors
    /// As [`TcpStream::connect`], and `TimedOut` when the time has passed.
    pub fn connect_timeout(
        stack: &Stack,
        remote: SocketAddr,
        timeout: Duration,
    ) -> io::Result<Self> {
        begin(stack, None, remote)?.finish(Instant::now().checked_add(timeout))
    }

    /// As [`TcpStream::connect`], from an address of ours; port 0 lets the daemon choose.
    ///
    /// # Errors
    /// As [`TcpStream::connect`], and `EADDRINUSE` or `EADDRNOTAVAIL` when the address is taken or not ours.
    pub fn connect_from(stack: &Stack, local: SocketAddr, remote: SocketAddr) -> io::Result<Self> {
        begin(stack, Some(local), remote)?.finish(None)
    }

    /// Begins to connect and does not wait: the stream, which does not block, becomes writable when it is connected or
    /// failed ([`TcpStream::take_error`] says why).
    ///
    /// # Errors
    /// Those that are known at once.
    pub fn connect_nonblocking(stack: &Stack, remote: SocketAddr) -> io::Result<Self> {
        let stream = begin(stack, None, remote)?;
        stream.inner.socket.set_nonblocking(true);
        Ok(stream)
    }

    fn finish(self, deadline: Option<Instant>) -> io::Result<Self> {
        let socket = &self.inner.socket;
        let ended = socket.wait(deadline, |snapshot| {
            let connected = snapshot.condition.flags.contains(Flags::CONNECTED);
            (connected || is_over(snapshot)).then_some((*snapshot, connected))
        })?;
        match ended {
            None => Err(io::ErrorKind::TimedOut.into()),
            // A connection that was there and is over already says so to whoever reads.
            Some((_, true)) => Ok(self),
            Some((snapshot, false)) => {
                let error = socket.take_error(&snapshot);
                Err(error.unwrap_or_else(|| Errno::CONNREFUSED.into()))
            }
        }
    }
}

fn begin(stack: &Stack, local: Option<SocketAddr>, remote: SocketAddr) -> io::Result<TcpStream> {
    let context = stack.context();
    let socket = Socket::open(context, context.pick_worker())?;
    if let Some(local) = local {
        socket.ask(|ticket, socket| Command::Bind {
            ticket,
            socket,
            local,
        })?;
    }
    socket.ask(|ticket, socket| Command::Connect {
        ticket,
        socket,
        remote,
    })?;
    Ok(TcpStream::over(socket, remote))
}
