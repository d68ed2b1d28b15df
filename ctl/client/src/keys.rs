//! Keys that peers must sign their segments with, and ours are signed with.

mod ao;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use coremill_ring::ao::Wish;
use coremill_ring::command::Command;
use coremill_ring::key::Key;
use coremill_ring::option;
use rustix::io::Errno;

use crate::fresh::TcpSocket;
use crate::listener::TcpListener;
use crate::socket::Socket;
use crate::stack::Stack;
use crate::stream::TcpStream;

pub use ao::{AoAlgorithm, AoInfo, AoKey};

/// A key of TCP-MD5 (RFC 2385) or TCP-AO (RFC 5925) for the peers of an address prefix. Its secret is never shown, and overwritten when it is
/// dropped.
///
/// Whoever has a key for a peer signs all segments to it, and believes no other segment of that peer: not a SYN, not a RST. A
/// listener's keys go over to what it accepts. Of several for one peer that of the longest prefix counts.
///
/// ```
/// use coremill_client::PeerKey;
///
/// # fn main() -> std::io::Result<()> {
/// let neighbour = PeerKey::md5("192.0.2.1".parse().unwrap(), 32, b"a secret")?;
/// assert_eq!(format!("{neighbour:?}"), "PeerKey(Key(192.0.2.1/32, ..))");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PeerKey {
    option: u32,
    key: Key,
    /// What of TCP-AO is set with it.
    wish: Wish,
}

impl PeerKey {
    /// A key of TCP-MD5 for all addresses that begin with the first `prefix` bits of `peer`.
    ///
    /// # Errors
    /// `EINVAL` for a secret that is empty or longer than 80 bytes.
    ///
    /// ```
    /// use coremill_client::PeerKey;
    ///
    /// let everybody = "0.0.0.0".parse().unwrap();
    /// assert!(PeerKey::md5(everybody, 0, b"a secret").is_ok());
    /// assert!(PeerKey::md5(everybody, 0, b"").is_err());
    /// ```
    pub fn md5(peer: IpAddr, prefix: u8, secret: &[u8]) -> io::Result<Self> {
        let key = Key::new(peer, prefix, secret).filter(|_| !secret.is_empty());
        Ok(Self {
            option: option::MD5_KEY,
            key: key.ok_or(Errno::INVAL)?,
            wish: Wish::default(),
        })
    }
}

impl PeerKey {
    fn give_to(&self, socket: &Socket) -> io::Result<()> {
        set(socket, self.option, &self.key)?;
        match self.wish == Wish::default() {
            true => Ok(()),
            false => ao::wish(socket, self.wish),
        }
    }
}

impl std::fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PeerKey").field(&self.key).finish()
    }
}

impl TcpSocket {
    /// Adds a key, or changes it: those for the peer protect the connection from its SYN on.
    ///
    /// # Errors
    /// As [`TcpListener::add_key`].
    ///
    /// ```no_run
    /// # fn example(socket: &coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// let peer = "192.0.2.1".parse()?;
    /// socket.add_key(&coremill_client::PeerKey::md5(peer, 32, b"a secret")?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_key(&self, key: &PeerKey) -> io::Result<()> {
        key.give_to(self.socket())
    }

    /// Removes the key of TCP-MD5 for a prefix.
    ///
    /// # Errors
    /// `ENOENT` when there is none.
    ///
    /// ```no_run
    /// # fn example(socket: &coremill_client::TcpSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// socket.remove_md5_key("192.0.2.1".parse()?, 32)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_md5_key(&self, peer: IpAddr, prefix: u8) -> io::Result<()> {
        remove_md5(self.socket(), peer, prefix)
    }
}

impl TcpListener {
    /// As [`TcpListener::bind_with_backlog`], with keys that peers must have from the first SYN on.
    ///
    /// # Errors
    /// As [`TcpListener::bind`], and as [`TcpListener::add_key`].
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// use coremill_client::{PeerKey, TcpListener};
    ///
    /// let keys = [PeerKey::md5("192.0.2.0".parse()?, 24, b"a secret")?];
    /// let listener = TcpListener::bind_with_keys(stack, "0.0.0.0:179".parse()?, 16, &keys)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind_with_keys(
        stack: &Stack,
        local: SocketAddr,
        backlog: u32,
        keys: &[PeerKey],
    ) -> io::Result<Self> {
        Self::bind_prepared(stack, local, backlog, |socket| add_all(socket, keys))
    }

    /// Adds a key that peers of its prefix must have from now on. One of TCP-MD5 takes the place of the one for the same
    /// prefix. What was accepted before is not concerned.
    ///
    /// # Errors
    /// `EINVAL` for a prefix that cannot be, `ENOMEM` when the daemon has no room for another key (`tcp.keys_max`), `EEXIST` when
    /// one of TCP-AO has one of its ids for such a peer, `EKEYREJECTED` when one of the other scheme is for such a peer.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
    /// let peers = "192.0.2.0".parse()?;
    /// listener.add_key(&coremill_client::PeerKey::md5(peers, 24, b"a secret")?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_key(&self, key: &PeerKey) -> io::Result<()> {
        key.give_to(self.socket())
    }

    /// Removes the key of TCP-MD5 for a prefix; what was accepted keeps its own.
    ///
    /// # Errors
    /// `ENOENT` when there is none.
    ///
    /// ```no_run
    /// # fn example(listener: &coremill_client::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
    /// listener.remove_md5_key("192.0.2.0".parse()?, 24)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_md5_key(&self, peer: IpAddr, prefix: u8) -> io::Result<()> {
        remove_md5(self.socket(), peer, prefix)
    }
}

impl TcpStream {
    /// As [`TcpStream::connect`], with keys: those for the peer protect the connection from its SYN on.
    ///
    /// # Errors
    /// As [`TcpStream::connect`] and [`TcpListener::add_key`]. A peer that has another key, or none, does not answer:
    /// `ETIMEDOUT` in the end, or `TimedOut` after `timeout`.
    ///
    /// ```no_run
    /// # fn example(stack: &coremill_client::Stack) -> Result<(), Box<dyn std::error::Error>> {
    /// use coremill_client::{PeerKey, TcpStream};
    ///
    /// let key = PeerKey::md5("192.0.2.1".parse()?, 32, b"a secret")?;
    /// let stream = TcpStream::connect_with_keys(stack, "192.0.2.1:179".parse()?, &[key], None)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_with_keys(
        stack: &Stack,
        remote: SocketAddr,
        keys: &[PeerKey],
        timeout: Option<Duration>,
    ) -> io::Result<Self> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        TcpSocket::new(stack)?.connect_prepared(remote, deadline, |socket| add_all(socket, keys))
    }

    /// Adds a key of this connection, or changes it: from now on segments are signed with it, and must be. One for other peers
    /// does nothing.
    ///
    /// # Errors
    /// As [`TcpListener::add_key`], `EBADF` when the connection is over, and `EINVAL` for one of TCP-AO when the connection began
    /// without.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let peer = stream.peer_addr()?.ip();
    /// stream.add_key(&coremill_client::PeerKey::md5(peer, 32, b"another secret")?)
    /// # }
    /// ```
    pub fn add_key(&self, key: &PeerKey) -> io::Result<()> {
        key.give_to(self.socket())
    }

    /// Removes the key of TCP-MD5 for a prefix.
    ///
    /// # Errors
    /// `ENOENT` when there is none.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.remove_md5_key(stream.peer_addr()?.ip(), 32)
    /// # }
    /// ```
    pub fn remove_md5_key(&self, peer: IpAddr, prefix: u8) -> io::Result<()> {
        remove_md5(self.socket(), peer, prefix)
    }
}

fn add_all(socket: &Socket, keys: &[PeerKey]) -> io::Result<()> {
    keys.iter().try_for_each(|key| key.give_to(socket))
}

fn remove_md5(socket: &Socket, peer: IpAddr, prefix: u8) -> io::Result<()> {
    let name = Key::new(peer, prefix, &[]).ok_or(Errno::INVAL)?;
    set(socket, option::MD5_KEY, &name)
}

/// Waits for the worker also where the socket does not block: a connection must not go on without its key.
fn set(socket: &Socket, option: u32, key: &Key) -> io::Result<()> {
    let command = |ticket, socket| Command::SetKey {
        ticket,
        socket,
        option,
    };
    socket.ask_with_secret(&mut key.to_bytes(), command)
}
