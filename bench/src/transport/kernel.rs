//! Connections over the kernel's own sockets.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Connection, Poller, Ready, Route, Stream, Transport};

/// The kernel.
pub struct Kernel;

impl Transport for Kernel {
    type Connection = mio::net::TcpStream;
    type Poller = Epoll;
    type Stream = TcpStream;

    fn poller(&self) -> io::Result<Epoll> {
        Ok(Epoll {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_MAX),
        })
    }

    fn begin_connect(&self, route: Route) -> io::Result<mio::net::TcpStream> {
        let socket = open(route)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&route.target.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(mio::net::TcpStream::from_std(socket.into()))
    }

    fn connect(&self, route: Route, timeout: Duration) -> io::Result<TcpStream> {
        let socket = open(route)?;
        socket.connect_timeout(&route.target.into(), timeout)?;
        socket.set_read_timeout(Some(timeout))?;
        socket.set_write_timeout(Some(timeout))?;
        Ok(socket.into())
    }
}

fn open(route: Route) -> io::Result<Socket> {
    let domain = Domain::for_address(route.target);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    if let Some(local) = route.local() {
        socket.bind(&local.into())?;
    }
    Ok(socket)
}

impl Connection for mio::net::TcpStream {
    fn is_connected(&self, _: Ready) -> io::Result<bool> {
        if let Some(error) = self.take_error()? {
            return Err(error);
        }
        match self.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// An epoll instance; it tells edges.
pub struct Epoll {
    poll: Poll,
    events: Events,
}

impl Poller<mio::net::TcpStream> for Epoll {
    fn register(&mut self, connection: &mut mio::net::TcpStream, token: usize) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(connection, Token(token), interest)
    }

    fn set_writing(&mut self, _: &mio::net::TcpStream, _: usize, _: bool) -> io::Result<()> {
        // Both edges are told all the time.
        Ok(())
    }

    fn forget(&mut self, _: &mio::net::TcpStream) {
        // The kernel forgets what is closed.
    }

    fn wait(&mut self, ready: &mut Vec<Ready>, timeout: Duration) -> io::Result<()> {
        ready.clear();
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        ready.extend(self.events.iter().map(|event| Ready {
            token: event.token().0,
            readable: event.is_readable() || event.is_read_closed() || event.is_error(),
            writable: event.is_writable(),
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

const EVENTS_MAX: usize = 1_024;
// `io::ErrorKind::InProgress` is not stable yet.
const EINPROGRESS: i32 = 115;
