//! Listening on tokio.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use ::tokio::sync::Notify;
use ::tokio::task::{spawn_blocking, yield_now};
use coremill_ring::option::READABLE;

use super::TcpStream;
use super::reactor::{Reactor, Registration, Waiting};
use crate::poller::{Interest, Watched};
use crate::stack::Stack;

/// A listening socket on tokio, as `tokio::net::TcpListener`.
///
/// ```no_run
/// # async fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = coremill_client::tokio::TcpListener::bind(stack, "0.0.0.0:7".parse()?).await?;
/// let (stream, peer) = listener.accept().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListener {
    listener: crate::TcpListener,
    registration: Registration<Notify>,
}

impl TcpListener {
    /// Listens at `local`; port 0 lets the daemon choose. The workers' agreement is waited for in a thread of the runtime's
    /// that may block.
    ///
    /// # Errors
    /// As [`crate::TcpListener::bind`]; `EMFILE` when there are no more notifiers, and an error outside of a runtime.
    ///
    /// ```no_run
    /// # async fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = coremill_client::tokio::TcpListener::bind(stack, "0.0.0.0:7".parse()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bind(stack: &Stack, local: SocketAddr) -> io::Result<Self> {
        let stack = stack.clone();
        // The workers' agreement may take its time, which is no task's.
        let bound = spawn_blocking(move || crate::TcpListener::bind(&stack, local));
        let listener = bound.await.map_err(io::Error::other)??;
        listener.set_nonblocking(true)?;
        let socket = listener.inner.socket();
        let reactor = Reactor::current(&socket.context)?;
        let registration = reactor.register(socket, READABLE, Waiting::Listener)?;
        Ok(Self {
            listener,
            registration,
        })
    }

    /// Waits for a connection; gives it and the peer's address. Any number of tasks may wait at one listener.
    ///
    /// # Errors
    /// As [`crate::TcpListener::accept`].
    ///
    /// ```no_run
    /// # async fn example(listener: &coremill_client::tokio::TcpListener) -> std::io::Result<()> {
    /// let (stream, peer) = listener.accept().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            // Before the look: what comes after it wakes, and all who wait: one that is dropped then takes nobody's turn.
            let told = self.registration.tasks.notified();
            match self.listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.listener.inner.readiness(Interest::READABLE).readable {
                        // The worker has not taken earlier commands: a turn's time.
                        yield_now().await;
                    } else {
                        told.await;
                    }
                }
                accepted => {
                    let (stream, peer) = accepted?;
                    return Ok((TcpStream::from_stream(stream)?, peer));
                }
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// As [`crate::TcpListener::local_addr`].
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::tokio::TcpListener) -> std::io::Result<()> {
    /// println!("{}", listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
