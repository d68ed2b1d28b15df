//! Options of a connection that the daemon keeps.
//!
//! Each setter waits until the worker has taken the option, or refused it. Of a connection that does not block it is
//! sent off, and [`TcpStream::take_error`] tells later if it was refused. Getters ask the worker, for what was not set here
//! may be the listener's. Those of `keepalive.rs` and `buffers.rs` do the same.

use std::io;
use std::time::Duration;

use coremill_ring::command::Command;
use coremill_ring::option::{CORK, LINGER, NO_DELAY, QUICK_ACK, URGENT_INLINE};

use super::{Inner, TcpStream};
use crate::context::lock;

impl TcpStream {
    /// Sets an option by its number ([`option`](crate::option)), where there is no method for it: a value as setsockopt has it.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for an option that there is not, `EINVAL` for a value that it cannot have, `EBADF` when the connection is
    /// over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_option(coremill_client::option::CORK, 1)
    /// # }
    /// ```
    pub fn set_option(&self, option: u32, value: i64) -> io::Result<()> {
        self.inner.set(option, value)
    }

    /// An option by its number, as getsockopt gives it.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for an option that there is not. `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.option(coremill_client::option::NO_DELAY)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn option(&self, option: u32) -> io::Result<i64> {
        self.inner.get(option)
    }

    /// Whether small segments are sent at once (TCP_NODELAY).
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_nodelay(true)
    /// # }
    /// ```
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.inner.set(NO_DELAY, i64::from(on))
    }

    /// What [`TcpStream::set_nodelay`] set, or the listener had.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(!stream.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.inner.get(NO_DELAY)? != 0)
    }

    /// Whether only full segments are sent (TCP_CORK): for writes that belong together. What does not fill one waits until the
    /// cork is taken off, for 200 ms at most.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_cork(true)
    /// # }
    /// ```
    pub fn set_cork(&self, on: bool) -> io::Result<()> {
        self.inner.set(CORK, i64::from(on))
    }

    /// What [`TcpStream::set_cork`] set, or the listener had.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(!stream.cork()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cork(&self) -> io::Result<bool> {
        Ok(self.inner.get(CORK)? != 0)
    }

    /// Whether acknowledgements are sent at once for now (TCP_QUICKACK). It does not stay so: the conversation decides
    /// again what pays.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_quickack(true)
    /// # }
    /// ```
    pub fn set_quickack(&self, on: bool) -> io::Result<()> {
        self.inner.set(QUICK_ACK, i64::from(on))
    }

    /// What [`TcpStream::set_quickack`] set, or the listener had.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(!stream.quickack()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn quickack(&self) -> io::Result<bool> {
        Ok(self.inner.get(QUICK_ACK)? != 0)
    }

    /// Whether urgent data stays in the stream (SO_OOBINLINE).
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_urgent_inline(true)
    /// # }
    /// ```
    pub fn set_urgent_inline(&self, on: bool) -> io::Result<()> {
        self.inner.set(URGENT_INLINE, i64::from(on))
    }

    /// What [`TcpStream::set_urgent_inline`] set, or the listener had.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(!stream.urgent_inline()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn urgent_inline(&self) -> io::Result<bool> {
        Ok(self.inner.get(URGENT_INLINE)? != 0)
    }

    /// What closing does about bytes that were written and not acknowledged (SO_LINGER), in whole seconds. None: they
    /// are delivered in the background. Zero: they are lost, and the peer gets a reset. Other times: dropping the
    /// last clone waits that long for the peer to have everything, as close(2) does: also one that does not block, but not
    /// one that tokio has.
    ///
    /// # Errors
    /// `EINVAL` beyond 65,535 s, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_linger(Some(std::time::Duration::ZERO))?;
    /// drop(stream); // resets
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        let value = linger.map_or(0, |time| {
            i64::try_from(time.as_secs()).unwrap_or(i64::MAX - 1) + 1
        });
        self.inner.set(LINGER, value)?;
        *lock(&self.inner.settings.linger) = linger;
        Ok(())
    }

    /// What [`TcpStream::set_linger`] set.
    ///
    /// # Errors
    /// None, so far.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.linger()?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(*lock(&self.inner.settings.linger))
    }
}

impl Inner {
    pub(super) fn set(&self, option: u32, value: i64) -> io::Result<()> {
        self.socket
            .ask_or_send_off(|ticket, socket| Command::SetOption {
                ticket,
                socket,
                option,
                value: value.cast_unsigned(),
            })
    }

    pub(super) fn get(&self, option: u32) -> io::Result<i64> {
        let answer = self.socket.ask(|ticket, socket| Command::GetOption {
            ticket,
            socket,
            option,
        });
        answer.map(u64::cast_signed)
    }
}
