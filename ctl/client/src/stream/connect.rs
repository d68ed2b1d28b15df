//! Opening connections.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use coremill_ring::command::Command;
use coremill_ring::socket_state::Flags;
use rustix::io::Errno;

use super::TcpStream;
use crate::context::Patience;
use crate::fresh::TcpSocket;
use crate::socket::{Socket, Wanted, is_over};
use crate::stack::Stack;

impl TcpStream {
    /// Connects to `remote` and waits until the connection is there.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`, `ENETUNREACH`, `EADDRNOTAVAIL`; `EMFILE` when the quota of
    /// sockets is reached, `ENOBUFS` when the daemon's own table of connections is full.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = coremill_client::TcpStream::connect(stack, "192.0.2.1:80".parse()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(stack: &Stack, remote: SocketAddr) -> io::Result<Self> {
        begin(stack, Patience::Waits, None, remote)?.finish(None)
    }

    /// As [`TcpStream::connect`], for at most `timeout`.
    ///
    /// # Errors
    /// As [`TcpStream::connect`], and `TimedOut` when the time has passed.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let timeout = std::time::Duration::from_secs(1);
    /// let stream = coremill_client::TcpStream::connect_timeout(stack, "192.0.2.1:80".parse()?, timeout)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_timeout(
        stack: &Stack,
        remote: SocketAddr,
        timeout: Duration,
    ) -> io::Result<Self> {
        let deadline = Instant::now().checked_add(timeout);
        begin(stack, Patience::Waits, None, remote)?.finish(deadline)
    }

    /// As [`TcpStream::connect`], from an address of ours; port 0 lets the daemon choose.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; `EADDRNOTAVAIL` also when the address is not ours, or has a connection to `remote`.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let local = "192.0.2.2:0".parse()?;
    /// let stream = coremill_client::TcpStream::connect_from(stack, local, "192.0.2.1:80".parse()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_from(stack: &Stack, local: SocketAddr, remote: SocketAddr) -> io::Result<Self> {
        begin(stack, Patience::Waits, Some(local), remote)?.finish(None)
    }

    /// As [`TcpStream::connect_from`], for at most `timeout`.
    ///
    /// # Errors
    /// As [`TcpStream::connect_from`], and `TimedOut` when the time has passed.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let (local, timeout) = ("192.0.2.2:0".parse()?, std::time::Duration::from_secs(1));
    /// let remote = "192.0.2.1:80".parse()?;
    /// let stream = coremill_client::TcpStream::connect_from_timeout(stack, local, remote, timeout)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_from_timeout(
        stack: &Stack,
        local: SocketAddr,
        remote: SocketAddr,
        timeout: Duration,
    ) -> io::Result<Self> {
        let deadline = Instant::now().checked_add(timeout);
        begin(stack, Patience::Waits, Some(local), remote)?.finish(deadline)
    }

    /// Begins to connect and waits for nothing: the stream, which does not block, becomes writable when it is connected
    /// or failed ([`TcpStream::take_error`] says why). Until then reads and writes give `WouldBlock`.
    ///
    /// # Errors
    /// `WouldBlock` when the worker has not taken earlier commands: try again; `ECONNRESET` when the attachment is over.
    ///
    /// ```no_run
    /// use coremill_client::{Interest, Poller, TcpStream};
    ///
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = TcpStream::connect_nonblocking(stack, "192.0.2.1:80".parse()?)?;
    /// let mut poller = Poller::new(stack)?;
    /// poller.register(&stream, 0, Interest::WRITABLE)?;
    /// poller.wait(&mut Vec::new(), None)?;
    /// match stream.take_error()? {
    ///     None => println!("connected to {}", stream.peer_addr()?),
    ///     Some(error) => println!("not connected: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_nonblocking(stack: &Stack, remote: SocketAddr) -> io::Result<Self> {
        begin_nonblocking(stack, None, remote)
    }

    /// As [`TcpStream::connect_nonblocking`], from an address of ours; port 0 lets the daemon choose.
    ///
    /// # Errors
    /// As [`TcpStream::connect_nonblocking`].
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let (local, remote) = ("192.0.2.2:0".parse()?, "192.0.2.1:80".parse()?);
    /// let stream = coremill_client::TcpStream::connect_nonblocking_from(stack, local, remote)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_nonblocking_from(
        stack: &Stack,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> io::Result<Self> {
        begin_nonblocking(stack, Some(local), remote)
    }

    /// Connects and sends `data`, with the SYN if a former connection of the same worker has brought the peer's cookie (TCP
    /// Fast Open, RFC 7413): then it waits for nothing, and a refusal is told by the first read. Otherwise the SYN asks for
    /// the cookie, and the data goes once the connection is there. The peer may get such data twice.
    ///
    /// # Errors
    /// As [`TcpStream::connect`], and what writing gives.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = b"GET / HTTP/1.0\r\n\r\n";
    /// let stream = coremill_client::TcpStream::connect_with(stack, "192.0.2.1:80".parse()?, request)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_with(stack: &Stack, remote: SocketAddr, data: &[u8]) -> io::Result<Self> {
        TcpSocket::new(stack)?.connect_with(remote, data)
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.inner.socket
    }

    /// Waits until it is connected.
    pub(crate) fn finish(self, deadline: Option<Instant>) -> io::Result<Self> {
        let socket = &self.inner.socket;
        let ended = socket.wait(deadline, Wanted::Write, |snapshot| {
            let connected = snapshot.condition.flags.contains(Flags::CONNECTED);
            (connected || is_over(snapshot.condition)).then_some((*snapshot, connected))
        })?;
        match ended {
            None => Err(io::ErrorKind::TimedOut.into()),
            // A connection that was there and is over already says so to whoever reads.
            Some((_, true)) => Ok(self),
            Some((snapshot, false)) => {
                let error = socket.take_error(snapshot.condition);
                Err(error.unwrap_or_else(|| Errno::CONNREFUSED.into()))
            }
        }
    }
}

fn begin_nonblocking(
    stack: &Stack,
    local: Option<SocketAddr>,
    remote: SocketAddr,
) -> io::Result<TcpStream> {
    let stream = begin(stack, Patience::Never, local, remote)?;
    stream.inner.socket.set_nonblocking(true);
    Ok(stream)
}

fn begin(
    stack: &Stack,
    patience: Patience,
    local: Option<SocketAddr>,
    remote: SocketAddr,
) -> io::Result<TcpStream> {
    let context = stack.context();
    let worker = context.pick_worker();
    let socket = Socket::begin(context, worker, patience, |ticket| Command::ConnectNew {
        ticket,
        local,
        remote,
    })?;
    Ok(TcpStream::over(socket, remote))
}
