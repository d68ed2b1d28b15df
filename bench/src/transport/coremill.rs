//! Connections over Coremill: this process attaches to the daemon as any application does.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

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
        let stream = match route.local() {
            Some(local) => TcpStream::connect_nonblocking_from(stack, local, route.target)?,
            None => TcpStream::connect_nonblocking(stack, route.target)?,
        };
        stream.set_nodelay(true)?;
        Ok(stream)
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
        match self.take_error()? {
            Some(error) => Err(error),
            // There is no room to write before.
            None => Ok(ready.writable),
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
        self.poller.register(connection, token, Interest::BOTH)
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
        self.poller.register(connection, token, interest)
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
