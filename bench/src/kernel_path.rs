//! Connections over the kernel's own sockets.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::plan::Peer;

/// Connects and waits for it; reads and writes then fail with `WouldBlock` after the timeout.
pub fn connect(peer: &Peer) -> io::Result<TcpStream> {
    let socket = open(peer)?;
    socket.connect_timeout(&peer.target.into(), peer.timeout)?;
    socket.set_read_timeout(Some(peer.timeout))?;
    socket.set_write_timeout(Some(peer.timeout))?;
    Ok(socket.into())
}

/// Begins to connect without waiting; the socket becomes writable when it has succeeded or failed.
pub fn begin_connect(peer: &Peer) -> io::Result<mio::net::TcpStream> {
    let socket = open(peer)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&peer.target.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(mio::net::TcpStream::from_std(socket.into()))
}

fn open(peer: &Peer) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(peer.target),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_tcp_nodelay(true)?;
    if let Some(address) = peer.source_address {
        socket.bind(&SocketAddr::new(address, 0).into())?;
    }
    Ok(socket)
}

/// Pause between looks at the clock while nothing happens.
pub const TICK: Duration = Duration::from_millis(20);

// `io::ErrorKind::InProgress` is not stable yet.
const EINPROGRESS: i32 = 115;
