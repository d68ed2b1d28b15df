//! Options about the IP packets that carry a connection. A listener's are those of what it accepts.

use std::io;

use coremill_ring::option::{MIN_TTL, TOS, TTL};

use super::TcpStream;

impl TcpStream {
    /// Time to live of what is sent (IP_TTL): 1 to 255.
    ///
    /// # Errors
    /// `EINVAL` for any other, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_ttl(255)
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner.set(TTL, i64::from(ttl))
    }

    /// What [`TcpStream::set_ttl`] set, the listener had, or the daemon's configuration has.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.ttl()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.inner.get(TTL)?.try_into().unwrap_or(0))
    }

    /// The TOS byte of what is sent (IP_TOS); its two ECN bits are not taken.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_tos(0xb8) // expedited forwarding
    /// # }
    /// ```
    pub fn set_tos(&self, tos: u8) -> io::Result<()> {
        self.inner.set(TOS, i64::from(tos))
    }

    /// Drops what the peer sends with less time to live (IP_MINTTL, RFC 5082); 0 takes all.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_min_ttl(255) // a neighbour on the link
    /// # }
    /// ```
    pub fn set_min_ttl(&self, ttl: u8) -> io::Result<()> {
        self.inner.set(MIN_TTL, i64::from(ttl))
    }
}
