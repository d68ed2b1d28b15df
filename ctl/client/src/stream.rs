//! TCP connections.

mod connect;
mod receive;
mod send;
mod settings;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use coremill_ring::command::{Command, Direction};
use coremill_ring::option::WRITABLE;
use coremill_ring::socket_state::Flags;

use crate::poller::{Readiness, Watched};
use crate::socket::{Socket, is_over};
use receive::Receive;
use send::Send;
use settings::Settings;

/// A TCP connection, as [`std::net::TcpStream`].
///
/// It is closed when the last clone is dropped: what was written is still delivered; the peer gets a reset if anything
/// received was not read.
///
/// ```no_run
/// use std::io::{Read, Write};
/// use coremill_client::{Stack, TcpStream};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stack = Stack::attach("/run/coremill/control.sock")?;
/// let mut stream = TcpStream::connect(&stack, "192.0.2.1:7".parse()?)?;
/// stream.write_all(b"hello")?;
/// let mut answer = [0; 5];
/// stream.read_exact(&mut answer)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TcpStream {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) socket: Socket,
    remote: SocketAddr,
    receive: Mutex<Receive>,
    send: Mutex<Send>,
    settings: Settings,
}

impl TcpStream {
    pub(crate) fn over(socket: Socket, remote: SocketAddr) -> Self {
        let receive = Receive::new(socket.state.clone());
        Self {
            inner: Arc::new(Inner {
                socket,
                remote,
                receive: Mutex::new(receive),
                send: Mutex::new(Send::default()),
                settings: Settings::default(),
            }),
        }
    }

    /// Another name for the same connection.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::try_clone`].
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }

    /// The peer's address.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.inner.remote)
    }

    /// Our end's address.
    ///
    /// # Errors
    /// `EINVAL` when the daemon has no such connection any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.socket.local()
    }

    /// Reads without taking: the next read gives the same bytes.
    ///
    /// # Errors
    /// As reading.
    pub fn peek(&self, out: &mut [u8]) -> io::Result<usize> {
        self.inner.receive(out, receive::Mode::Peek)
    }

    /// Ends one direction, or both: the peer reads end of file after what was written.
    ///
    /// # Errors
    /// `ENOTCONN` when the connection is over.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let (receive, send, direction) = match how {
            Shutdown::Read => (true, false, Direction::Receive),
            Shutdown::Write => (false, true, Direction::Send),
            Shutdown::Both => (true, true, Direction::Both),
        };
        if receive {
            self.inner
                .settings
                .receive_ended
                .store(true, Ordering::Release);
        }
        if send {
            self.inner
                .settings
                .send_ended
                .store(true, Ordering::Release);
        }
        let shutdown = |ticket, socket| Command::Shutdown {
            ticket,
            socket,
            direction,
        };
        self.inner.socket.ask(shutdown)?;
        Ok(())
    }

    /// The error that ended the connection, once.
    ///
    /// # Errors
    /// `ECONNRESET` when the daemon has no such connection any more.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let snapshot = self.inner.socket.snapshot()?;
        Ok(self.inner.socket.take_error(&snapshot))
    }
}

impl Read for &TcpStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.inner.receive(out, receive::Mode::Take)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        (&*self).read(out)
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Watched for Inner {
    fn socket(&self) -> &Socket {
        &self.socket
    }

    fn interest(&self) -> u32 {
        WRITABLE
    }

    fn readiness(&self) -> Readiness {
        let Some(snapshot) = self.socket.state.snapshot(self.socket.handle) else {
            return Readiness::OVER;
        };
        let flags = snapshot.condition.flags;
        let over = is_over(&snapshot);
        let read = self.socket.reading.read();
        let sent = self.socket.sent.load(Ordering::Acquire);
        Readiness {
            readable: over || flags.contains(Flags::RDHUP) || snapshot.received > read,
            writable: over || snapshot.send_limit > sent,
            read_closed: over || flags.contains(Flags::RDHUP),
            over,
            error: flags.contains(Flags::ERR),
        }
    }
}
