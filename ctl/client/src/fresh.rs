//! Sockets that are no connection yet, for what must be chosen before the SYN leaves: size of the receive buffer, congestion
//! control, TCP Fast Open.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use coremill_ring::command::Command;
use coremill_ring::option::FAST_OPEN_CONNECT;
use rustix::io::Errno;

use crate::context::Patience;
use crate::socket::Socket;
use crate::stack::Stack;
use crate::stream::TcpStream;

/// A socket that has options and is to be connected.
///
/// Making it, and each of its calls, waits for a worker's turn.
///
/// ```no_run
/// use coremill_client::{Stack, TcpSocket, option};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stack = Stack::attach("/run/coremill/control.sock")?;
/// let socket = TcpSocket::new(&stack)?;
/// // The SYN says how far windows are scaled, which follows from the buffer.
/// socket.set_option(option::RECEIVE_BUFFER, 4 << 20)?;
/// let stream = socket.connect("192.0.2.1:80".parse()?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// A new one, of the worker whose turn it is.
    ///
    /// # Errors
    /// `EMFILE` when the quota of sockets is reached, `ECONNRESET` when the attachment is over.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = coremill_client::TcpSocket::new(stack)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(stack: &Stack) -> io::Result<Self> {
        let context = stack.context();
        let worker = context.pick_worker();
        let socket = Socket::begin(context, worker, Patience::Waits, |ticket| Command::Open {
            ticket,
        })?;
        socket.wait_for_name(None)?;
        Ok(Self { socket })
    }

    /// Gives it an address of ours; port 0 lets the daemon choose.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` when it is not ours, `EINVAL` when the socket has one.
    ///
    /// ```no_run
    /// # fn example(socket: &coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// socket.bind("192.0.2.2:0".parse()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(&self, local: SocketAddr) -> io::Result<()> {
        let bound = self.socket.ask(|ticket, socket| Command::Bind {
            ticket,
            socket,
            local,
        });
        bound.map(drop)
    }

    /// Sets an option by its number ([`option`](crate::option)): a value as setsockopt has it.
    ///
    /// # Errors
    /// As [`TcpStream::set_option`].
    ///
    /// ```no_run
    /// # fn example(socket: &coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// socket.set_option(coremill_client::option::RECEIVE_BUFFER, 4 << 20)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_option(&self, option: u32, value: i64) -> io::Result<()> {
        let set = self.socket.ask(|ticket, socket| Command::SetOption {
            ticket,
            socket,
            option,
            value: value.cast_unsigned(),
        });
        set.map(drop)
    }

    /// An option by its number, as getsockopt gives it.
    ///
    /// # Errors
    /// As [`TcpStream::option`].
    ///
    /// ```no_run
    /// # fn example(socket: &coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// println!("{} bytes", socket.option(coremill_client::option::RECEIVE_BUFFER)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn option(&self, option: u32) -> io::Result<i64> {
        let answer = self.socket.ask(|ticket, socket| Command::GetOption {
            ticket,
            socket,
            option,
        });
        answer.map(u64::cast_signed)
    }

    /// Connects, as [`TcpStream::connect`].
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    ///
    /// ```no_run
    /// # fn example(socket: coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = socket.connect("192.0.2.1:80".parse()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(self, remote: SocketAddr) -> io::Result<TcpStream> {
        self.begin(remote)?.finish(None)
    }

    /// Begins to connect, as [`TcpStream::connect_nonblocking`]; what can be known at once is told at once. With
    /// TCP_FASTOPEN_CONNECT and the peer's cookie the stream is writable already, and its SYN leaves with the first write.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` also when a connection between these addresses exists, `ENETUNREACH`, and `ECONNRESET` when the
    /// attachment is over.
    ///
    /// ```no_run
    /// # fn example(socket: coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = socket.connect_nonblocking("192.0.2.1:80".parse()?)?;
    /// // A poller tells when it is writable; then `take_error` says whether it is connected.
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_nonblocking(self, remote: SocketAddr) -> io::Result<TcpStream> {
        let stream = self.begin(remote)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }

    /// Connects and sends `data`, as [`TcpStream::connect_with`].
    ///
    /// # Errors
    /// As [`TcpStream::connect_with`].
    ///
    /// ```no_run
    /// # fn example(socket: coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = socket.connect_with("192.0.2.1:80".parse()?, b"GET / HTTP/1.0\r\n\r\n")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_with(self, remote: SocketAddr, data: &[u8]) -> io::Result<TcpStream> {
        match self.set_option(FAST_OPEN_CONNECT, 1) {
            // Where the configuration does not allow it, it is an ordinary connection.
            Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {}
            set => set?,
        }
        let stream = self.connect(remote)?;
        io::Write::write_all(&mut &stream, data)?;
        Ok(stream)
    }

    /// For what is asked of it elsewhere.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The same within a time, and with what is to be done before.
    pub(crate) fn connect_prepared(
        self,
        remote: SocketAddr,
        deadline: Option<Instant>,
        prepare: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> io::Result<TcpStream> {
        prepare(&self.socket)?;
        self.begin(remote)?.finish(deadline)
    }

    fn begin(self, remote: SocketAddr) -> io::Result<TcpStream> {
        self.socket.ask(|ticket, socket| Command::Connect {
            ticket,
            socket,
            remote,
        })?;
        Ok(TcpStream::over(self.socket, remote))
    }
}
