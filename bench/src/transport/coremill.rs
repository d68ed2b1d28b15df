//! Connections over Coremill: this process attaches to the daemon as any application does.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::time::{Duration, Instant};

use coremill_client::{AttachError, Interest, Readiness, Stack, TcpStream};

use super::{Connection, Poller, Ready, Route, Stream, Transport};

/// An attachment to the daemon.
pub struct Coremill {
    stack: Stack,
}

impl Coremill {
    /// Attaches over the control socket at `control`.
    ///
    /// # Errors
    /// When there is no daemon, or it refuses.
    pub fn attach(control: &Path) -> Result<Self, AttachError> {
        Ok(Self {
            stack: Stack::attach(control)?,
        })
    }
}

impl Transport for Coremill {
    type Connection = TcpStream;
    type Poller = ClientPoller;
    type Stream = TcpStream;

    fn poller(&self) -> io::Result<ClientPoller> {
        Ok(ClientPoller {
            poller: coremill_client::Poller::new(&self.stack)?,
            told: Vec::new(),
        })
    }

    fn begin_connect(&self, route: Route) -> io::Result<TcpStream> {
        let stack = &self.stack;
        patiently(|| match route.local() {
            Some(local) => TcpStream::connect_nonblocking_from(stack, local, route.target),
            None => TcpStream::connect_nonblocking(stack, route.target),
        })
    }

    fn connect(&self, route: Route, timeout: Duration) -> io::Result<TcpStream> {
        let stack = &self.stack;
        let stream = match route.local() {
            Some(local) => TcpStream::connect_from_timeout(stack, local, route.target, timeout)?,
            None => TcpStream::connect_timeout(stack, route.target, timeout)?,
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(stream)
    }
}

impl Connection for TcpStream {
    fn is_connected(&self, ready: Ready) -> io::Result<bool> {
        if !ready.readable && !ready.writable {
            return Ok(false);
        }
        match self.take_error() {
            Ok(None) if ready.writable => {}
            Ok(None) => return Ok(false),
            Ok(Some(error)) => return Err(error),
            // The daemon has not opened it yet.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        // A socket has no options before the daemon has opened it.
        patiently(|| self.set_nodelay(true))?;
        Ok(true)
    }
}

/// Tries again for a while what finds no room among the commands that a worker has yet to take.
fn patiently<T>(mut what: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        match what() {
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < PATIENCE =>
            {
                std::thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

/// The client library's poller; it tells levels, so it has to be told who wants to write.
pub struct ClientPoller {
    poller: coremill_client::Poller,
    told: Vec<(usize, Readiness)>,
}

impl Poller<TcpStream> for ClientPoller {
    fn register(&mut self, connection: &mut TcpStream, token: usize) -> io::Result<()> {
        patiently(|| self.poller.register(connection, token, Interest::BOTH))
    }

    fn set_writing(
        &mut self,
        connection: &TcpStream,
        token: usize,
        writing: bool,
    ) -> io::Result<()> {
        let interest = if writing {
            Interest::BOTH
        } else {
            Interest::READABLE
        };
        patiently(|| self.poller.register(connection, token, interest))
    }

    fn forget(&mut self, connection: &TcpStream) {
        // It fails only when it knows the connection no more.
        let _ = self.poller.deregister(connection);
    }

    fn wait(&mut self, ready: &mut Vec<Ready>, timeout: Duration) -> io::Result<()> {
        self.poller.wait(&mut self.told, Some(timeout))?;
        ready.clear();
        ready.extend(self.told.iter().map(|(token, readiness)| Ready {
            token: *token,
            readable: readiness.readable || readiness.over,
            writable: readiness.writable,
        }));
        Ok(())
    }
}

impl Stream for TcpStream {
    fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        (&*self).read(room)
    }

    fn send_all(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self).write_all(bytes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TcpStream::shutdown(self, how)
    }
}

/// A worker takes commands each turn; one that takes none for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_micros(50);
