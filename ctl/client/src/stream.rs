//! TCP connections.

mod buffers;
mod congestion;
mod connect;
mod info;
mod keepalive;
mod linger;
mod memory;
mod network;
mod options;
mod receive;
mod send;
mod settings;
mod statistics;
mod urgent;
mod zero_copy;

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::offset_of;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use coremill_ring::command::{Command, Direction};
use coremill_ring::socket_state::Flags;
use rustix::io::Errno;

use crate::poller::{Interest, Readiness, Seen, Watched};
use crate::socket::{Socket, is_over};
use receive::{READ_BYTES, Receive};
use send::Send;
use settings::Settings;

pub use congestion::CongestionInfo;
pub use info::{EcnCounts, EcnInfo, TcpInfo, TcpState};
pub use memory::MemoryInfo;
pub use statistics::Statistics;
pub use zero_copy::{Received, Reserved};

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

/// What each message needs comes first, in two lines of the cache.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Inner {
    pub(crate) socket: Socket,
    send: Mutex<Send>,
    receive: Mutex<Receive>,
    settings: Settings,
    remote: SocketAddr,
}

const _: () = assert!(offset_of!(Inner, receive) + size_of::<Mutex<()>>() + READ_BYTES <= 128);

impl TcpStream {
    pub(crate) fn over(socket: Socket, remote: SocketAddr) -> Self {
        Self {
            inner: Arc::new(Inner {
                socket,
                remote,
                receive: Mutex::new(Receive::default()),
                send: Mutex::new(Send::default()),
                settings: Settings::default(),
            }),
        }
    }

    /// Another name for the same connection.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::try_clone`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let writer = stream.try_clone()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }

    /// The peer's address.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::peer_addr`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("connected to {}", stream.peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.inner.remote)
    }

    /// Our end's address.
    ///
    /// # Errors
    /// `EINVAL` when the daemon has no such connection any more, `WouldBlock` when it has not opened it yet.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("connected from {}", stream.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.socket.local()
    }

    /// Reads without taking: the next read gives the same bytes.
    ///
    /// # Errors
    /// As reading.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let mut first = [0; 1];
    /// let is_tls = stream.peek(&mut first)? == 1 && first[0] == 0x16;
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek(&self, out: &mut [u8]) -> io::Result<usize> {
        self.inner.receive(out, receive::Mode::Peek)
    }

    /// Ends one direction, or both: the peer reads end of file after what was written. One that does not block goes on at
    /// once; should it fail, [`TcpStream::take_error`] says so.
    ///
    /// # Errors
    /// `ENOTCONN` when the connection is over; `WouldBlock` when a connection that does not block is not open yet.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.shutdown(std::net::Shutdown::Write)
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let (receive, send, direction) = match how {
            Shutdown::Read => (true, false, Direction::Receive),
            Shutdown::Write => (false, true, Direction::Send),
            Shutdown::Both => (true, true, Direction::Both),
        };
        let socket = &self.inner.socket;
        socket.receive_ended.fetch_or(receive, Ordering::AcqRel);
        let send_ended_before = socket.send_ended.fetch_or(send, Ordering::AcqRel);
        let shutdown = |ticket, socket| Command::Shutdown {
            ticket,
            socket,
            direction,
        };
        let ended = socket.ask_or_send_off(shutdown);
        if ended.as_ref().is_err_and(was_not_sent) && send && !send_ended_before {
            socket.send_ended.store(false, Ordering::Release);
        }
        ended
    }

    /// The error that ended the connection, once; else the last failure of a call that did not wait for it, once.
    ///
    /// # Errors
    /// `ECONNRESET` when the daemon has no such connection any more.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// if let Some(error) = stream.take_error()? {
    ///     println!("it failed: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let socket = &self.inner.socket;
        socket.context.look()?;
        match socket.told.name() {
            None => return Ok(None),
            Some(Err(_)) => return Ok(socket.take_opening_error()),
            Some(Ok(_)) => {}
        }
        let error = socket.take_error(socket.glance()?.condition);
        Ok(error.or_else(|| socket.told.take_late()))
    }
}

impl Read for &TcpStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.inner.receive(out, receive::Mode::Take)
    }

    fn read_vectored(&mut self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.inner.receive_vectored(out, receive::Mode::Take)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.send(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.send(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        (&*self).read(out)
    }

    fn read_vectored(&mut self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(out)
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Watched for Inner {
    fn socket(&self) -> &Socket {
        &self.socket
    }

    fn seen(&self, interest: Interest) -> Seen {
        let seen = match interest.writable {
            true => self.socket.snapshot().map(|snapshot| {
                let seen = (snapshot.condition, snapshot.received);
                (seen, snapshot.send_limit)
            }),
            false => self.socket.glance().map(|glance| {
                let seen = (glance.condition, glance.received);
                (seen, 0)
            }),
        };
        let ((condition, received), send_limit) = match seen {
            Ok(seen) => seen,
            Err(error) => {
                // The daemon has not opened it yet.
                let is_early = error.kind() == io::ErrorKind::WouldBlock;
                return Seen {
                    readiness: if is_early {
                        Readiness::default()
                    } else {
                        Readiness::OVER
                    },
                    received: None,
                };
            }
        };
        let flags = condition.flags;
        let over = is_over(condition);
        let read = self.socket.read();
        let sent = self.socket.sent.load(Ordering::Acquire);
        let readiness = Readiness {
            readable: over
                || received > read
                || flags.contains(Flags::RDHUP)
                || flags.contains(Flags::BEHIND),
            writable: over || send_limit > sent && self.socket.chunk_wait().is_none(),
            urgent: flags.contains(Flags::URGENT),
            read_closed: over || flags.contains(Flags::RDHUP),
            over,
            error: flags.contains(Flags::ERR),
        };
        Seen {
            readiness,
            // Where more stands behind a mark, what was received says nothing of it.
            received: (flags.without(Flags::CONNECTED.and(Flags::MARK)) == Flags::default())
                .then_some(received),
        }
    }
}

/// Whether a command that failed so never reached the worker's ring.
fn was_not_sent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || Errno::from_io_error(error) == Some(Errno::NOBUFS)
}
