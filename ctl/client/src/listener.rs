//! Listening sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use coremill_ring::accept_ring::{Claim, Claims};
use coremill_ring::command::Command;
use coremill_ring::injection::point;
use rustix::io::Errno;

use crate::poller::{Interest, Readiness, Seen, Watched};
use crate::socket::{Socket, Wanted};
use crate::stack::Stack;
use crate::stream::TcpStream;

/// A listening socket, as [`std::net::TcpListener`]. It listens on all workers of the daemon.
///
/// ```no_run
/// use coremill_client::{Stack, TcpListener};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stack = Stack::attach("/run/coremill/control.sock")?;
/// let listener = TcpListener::bind(&stack, "0.0.0.0:80".parse()?)?;
/// loop {
///     let (stream, peer) = listener.accept()?;
///     println!("{peer} came to {}", stream.local_addr()?);
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TcpListener {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    socket: Socket,
    /// One for each worker.
    claims: Vec<Claims>,
    next: AtomicU32,
}

impl TcpListener {
    /// Listens at `local`; port 0 lets the daemon choose.
    ///
    /// # Errors
    /// `EADDRINUSE`, `EADDRNOTAVAIL`; `EMFILE` when the quota of sockets is reached, `ENOBUFS` when that of listeners is
    /// (`applications.listeners`).
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = coremill_client::TcpListener::bind(stack, "0.0.0.0:80".parse()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(stack: &Stack, local: SocketAddr) -> io::Result<Self> {
        Self::bind_with_backlog(stack, local, BACKLOG)
    }

    /// As [`TcpListener::bind`], with a number of connections that may wait to be accepted.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let local = "0.0.0.0:80".parse()?;
    /// let listener = coremill_client::TcpListener::bind_with_backlog(stack, local, 1_024)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind_with_backlog(stack: &Stack, local: SocketAddr, backlog: u32) -> io::Result<Self> {
        Self::bind_prepared(stack, local, backlog, |_| Ok(()))
    }

    /// The same, with what is to be done before it listens.
    pub(crate) fn bind_prepared(
        stack: &Stack,
        local: SocketAddr,
        backlog: u32,
        prepare: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> io::Result<Self> {
        let context = stack.context();
        let socket = Socket::for_listening(context, LISTENERS_WORKER)?;
        socket.ask(|ticket, socket| Command::Bind {
            ticket,
            socket,
            local,
        })?;
        prepare(&socket)?;
        let number = socket.ask(|ticket, socket| Command::Listen {
            ticket,
            socket,
            backlog,
        })?;
        let claims = |worker| {
            let number = u32::try_from(number).ok()?;
            let slots = context.layout.accept_slots(number, worker)?;
            let claims = context.layout.claims(number, worker)?;
            let (slots, claims) = (context.daemon.part(slots), context.application.part(claims));
            Some(Claims::new(slots, claims, context.member))
        };
        let claims = (0..context.workers()).map(claims).collect::<Option<_>>();
        Ok(Self {
            inner: Arc::new(Inner {
                socket,
                claims: claims.ok_or(io::Error::from(Errno::PROTO))?,
                next: AtomicU32::new(0),
            }),
        })
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.inner.socket
    }

    /// Waits for a connection; gives it and the peer's address. With the quota of sockets reached, connections wait until
    /// one is free: this is no error.
    ///
    /// # Errors
    /// `WouldBlock` when none waits and the listener does not block; `ECONNRESET` when the attachment is over.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// let (stream, peer) = listener.accept()?;
    /// println!("{peer} came to {}", stream.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            if let Some(accepted) = self.inner.accept_now()? {
                return Ok(accepted);
            }
            let inner = &self.inner;
            let found = inner
                .socket
                .wait(None, Wanted::Read, |_| inner.waiting().then_some(()))?;
            found.ok_or(io::Error::from(io::ErrorKind::WouldBlock))?;
        }
    }

    /// Connections, one after the other, without end.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// for stream in listener.incoming() {
    ///     println!("{} came", stream?.peer_addr()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<TcpStream>> + '_ {
        std::iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// `EINVAL` when the daemon has no such listener any more.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// println!("listens at {}", listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.socket.local()
    }

    /// Whether [`TcpListener::accept`] returns `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpListener::set_nonblocking`].
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// listener.set_nonblocking(true)?;
    /// let nobody = std::io::ErrorKind::WouldBlock;
    /// assert!(listener.accept().is_err_and(|error| error.kind() == nobody));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.inner.socket.set_nonblocking(nonblocking);
        Ok(())
    }
}

impl TcpListener {
    /// Sets an option by its number ([`option`](crate::option)) that connections accepted from now on begin with: a value
    /// as setsockopt has it.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for an option that there is not, `EINVAL` for a value that it cannot have.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// listener.set_option(coremill_client::option::NO_DELAY, 1)
    /// # }
    /// ```
    pub fn set_option(&self, option: u32, value: i64) -> io::Result<()> {
        let set = |ticket, socket| Command::SetOption {
            ticket,
            socket,
            option,
            value: value.cast_unsigned(),
        };
        self.inner.socket.ask(set).map(drop)
    }

    /// Connections that a SYN with data may make before their peers have confirmed them (TCP_FASTOPEN); 0 for none, which is
    /// the default. The configuration must allow it too (`tcp.fast_open`). What such a connection brings may come twice.
    ///
    /// # Errors
    /// `EBADF` when the daemon has no such listener any more.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// listener.set_fast_open(16)
    /// # }
    /// ```
    pub fn set_fast_open(&self, pending_max: u16) -> io::Result<()> {
        self.set_option(coremill_ring::option::FAST_OPEN, i64::from(pending_max))
    }

    /// What [`TcpListener::set_option`] set, or the daemon's configuration has.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for an option that there is not.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> std::io::Result<()> {
    /// assert_eq!(listener.option(coremill_client::option::KEEPALIVE_COUNT)?, 9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn option(&self, option: u32) -> io::Result<i64> {
        let answer = self.inner.socket.ask(|ticket, socket| Command::GetOption {
            ticket,
            socket,
            option,
        });
        answer.map(u64::cast_signed)
    }
}

impl Inner {
    fn waiting(&self) -> bool {
        self.claims.iter().any(Claims::waiting)
    }

    /// Takes a connection of any worker, beginning behind the last one's.
    fn accept_now(&self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        let workers = self.socket.context.workers();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for step in 0..workers {
            let worker = first.wrapping_add(step) % workers;
            let Some(claims) = self.claims.get(worker as usize) else {
                continue;
            };
            if !claims.waiting() {
                continue;
            }
            if let Some((stream, remote)) = self.take(worker, claims)? {
                self.next.store(worker.wrapping_add(1), Ordering::Relaxed);
                return Ok(Some((stream, remote)));
            }
        }
        Ok(None)
    }

    /// Claims a connection of a worker and asks for it; None when another thread was faster. The offer says all that is
    /// to be known, and what is sent to the worker from now on comes behind the command that takes it. Should
    /// the listener close first, the worker finds the claim.
    fn take(&self, worker: u32, claims: &Claims) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        let (context, told) = (&self.socket.context, &self.socket.told);
        let listener = self.socket.name()?.handle;
        let mut claimed = None;
        context.send_off(worker, self.socket.patience(), told, |ticket| {
            let Claim { slot, round, offer } = claims.claim()?;
            point("claim: not taken");
            claimed = Some(offer);
            Some(Command::Take {
                ticket,
                listener,
                slot,
                round,
            })
        })?;
        point("take: asked");
        let Some(offer) = claimed else {
            return Ok(None);
        };
        let socket = Socket::new(context, worker, offer.socket)?;
        Ok(Some((TcpStream::over(socket, offer.remote), offer.remote)))
    }
}

impl Watched for Inner {
    fn socket(&self) -> &Socket {
        &self.socket
    }

    fn seen(&self, _interest: Interest) -> Seen {
        let readiness = match self.socket.snapshot() {
            Ok(_) => Readiness {
                readable: self.waiting(),
                ..Readiness::default()
            },
            Err(_) => Readiness::OVER,
        };
        Seen {
            readiness,
            received: None,
        }
    }
}

/// As `std` has it.
const BACKLOG: u32 = 128;
/// One worker for all listeners: closing one and listening at its port again then keep their order.
const LISTENERS_WORKER: u32 = 0;
