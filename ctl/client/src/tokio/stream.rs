//! Connections on tokio.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use coremill_ring::option::{READABLE, WRITABLE};

use super::reactor::{Reactor, Registration, Waiting, Wakers};
use crate::poller::{Interest, Watched};
use crate::stack::Stack;

/// A TCP connection on tokio, as `tokio::net::TcpStream`.
///
/// ```no_run
/// use coremill_client::tokio::TcpStream;
///
/// # async fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
/// let stream = TcpStream::connect(stack, "192.0.2.1:7".parse()?).await?;
/// println!("connected from {}", stream.local_addr()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpStream {
    stream: crate::TcpStream,
    registration: Registration<Wakers>,
}

impl TcpStream {
    /// Connects to `remote`.
    ///
    /// # Errors
    /// As [`crate::TcpStream::connect`]; `EMFILE` when there are no more notifiers, and an error outside of a runtime.
    ///
    /// ```no_run
    /// # async fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = coremill_client::tokio::TcpStream::connect(stack, "192.0.2.1:7".parse()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(stack: &Stack, remote: SocketAddr) -> io::Result<Self> {
        let begun = Instant::now();
        let stream = loop {
            match crate::TcpStream::connect_nonblocking(stack, remote) {
                // The worker has not taken earlier commands.
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock
                        && begun.elapsed() < OPENING_TIMEOUT =>
                {
                    ::tokio::task::yield_now().await;
                }
                begun => break begun?,
            }
        };
        // It is open when its worker's turn is over.
        while stream.inner.socket.told.name().is_none() {
            if begun.elapsed() > OPENING_TIMEOUT {
                return Err(ErrorKind::TimedOut.into());
            }
            ::tokio::task::yield_now().await;
            stream.inner.socket.context.look()?;
        }
        let failed = stream.inner.socket.take_opening_error();
        if let Some(error) = failed {
            return Err(error);
        }
        let connected = Self::from_stream(stream)?;
        std::future::poll_fn(|task| connected.poll_writable(task)).await?;
        match connected.stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(connected),
        }
    }

    /// Brings a connection to the runtime that this is called in; it does not block from now on, nor when it is dropped: what
    /// was written is delivered all the same, but a time to linger is not waited for.
    ///
    /// # Errors
    /// `EMFILE` when there are no more notifiers, and an error outside of a runtime.
    ///
    /// ```no_run
    /// # async fn example(stream: coremill_client::TcpStream) -> std::io::Result<()> {
    /// let stream = coremill_client::tokio::TcpStream::from_stream(stream)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_stream(stream: crate::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.inner.be_of_runtime();
        let socket = &stream.inner.socket;
        let reactor = Reactor::current(&socket.context)?;
        let registration = reactor.register(socket, READABLE | WRITABLE, Waiting::Connection)?;
        Ok(Self {
            stream,
            registration,
        })
    }

    /// The connection itself, for its options and what it has come to.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::tokio::TcpStream) -> std::io::Result<()> {
    /// stream.get_ref().set_nodelay(true)
    /// # }
    /// ```
    pub fn get_ref(&self) -> &crate::TcpStream {
        &self.stream
    }

    /// The peer's address.
    ///
    /// # Errors
    /// As [`crate::TcpStream::peer_addr`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::tokio::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Our end's address.
    ///
    /// # Errors
    /// As [`crate::TcpStream::local_addr`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::tokio::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Whether small segments are sent at once (TCP_NODELAY).
    ///
    /// # Errors
    /// As [`crate::TcpStream::set_nodelay`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::tokio::TcpStream) -> std::io::Result<()> {
    /// stream.set_nodelay(true)
    /// # }
    /// ```
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.stream.set_nodelay(on)
    }

    fn poll_writable(&self, task: &Context<'_>) -> Poll<io::Result<()>> {
        self.registration.tasks.writer(task.waker());
        let inner = &self.stream.inner;
        // What a daemon left that is gone never becomes writable.
        inner.socket.context.look_for_end()?;
        match inner.readiness(Interest::WRITABLE).writable {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    fn poll_send(
        &self,
        task: &Context<'_>,
        send: impl Fn(&mut &crate::TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.registration.tasks.writer(task.waker());
        match send(&mut &self.stream) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let inner = &self.stream.inner;
                let readiness = inner.readiness(Interest::WRITABLE);
                if readiness.writable || inner.socket.chunk_wait().is_some() {
                    // There is room, but the worker has not taken earlier commands or granted chunks: a turn's time.
                    task.waker().wake_by_ref();
                }
                Poll::Pending
            }
            sent => Poll::Ready(sent),
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Before the look: what comes after it wakes.
        self.registration.tasks.reader(task.waker());
        match (&self.stream).read(out.initialize_unfilled()) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
            Ok(count) => {
                out.advance(count);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(task, |stream| stream.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(task, |stream| stream.write_vectored(pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                task.waker().wake_by_ref();
                Poll::Pending
            }
            ended => Poll::Ready(ended),
        }
    }
}

/// A worker answers within a turn; one that takes this long is stuck.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);
