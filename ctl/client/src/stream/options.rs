//! Options of a connection that the daemon keeps.
//!
//! Each setter waits until the worker has taken the option, or refused it. Of a connection that does not block it is
//! sent off, and [`TcpStream::take_error`] tells later if it was refused. Getters tell what was set through this library.

use std::io;
use std::time::Duration;

use coremill_ring::command::Command;
use coremill_ring::option::{
    KEEPALIVE, KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, LINGER, NO_DELAY,
    RECEIVE_BUFFER, SEND_BUFFER, USER_TIMEOUT,
};
use rustix::io::Errno;

use super::{Inner, TcpStream};
use crate::context::lock;

/// What was chosen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chosen {
    no_delay: bool,
    keepalive: bool,
    pub(super) linger: Option<Duration>,
    user_timeout: Option<Duration>,
}

impl TcpStream {
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
        self.inner.set(NO_DELAY, u64::from(on))?;
        self.inner.chosen(|chosen| chosen.no_delay = on);
        Ok(())
    }

    /// What [`TcpStream::set_nodelay`] set.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::nodelay`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(!stream.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(lock(&self.inner.settings.options).no_delay)
    }

    /// Whether the peer of an idle connection is probed (SO_KEEPALIVE).
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive(true)
    /// # }
    /// ```
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.inner.set(KEEPALIVE, u64::from(on))?;
        self.inner.chosen(|chosen| chosen.keepalive = on);
        Ok(())
    }

    /// What [`TcpStream::set_keepalive`] set.
    ///
    /// # Errors
    /// None, so far.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(!stream.keepalive()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(lock(&self.inner.settings.options).keepalive)
    }

    /// How long a connection is silent before its peer is probed (TCP_KEEPIDLE), in whole seconds, 1 to 32,767.
    ///
    /// # Errors
    /// `EINVAL` for another time, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive_time(std::time::Duration::from_secs(60))?;
    /// stream.set_keepalive(true)
    /// # }
    /// ```
    pub fn set_keepalive_time(&self, time: Duration) -> io::Result<()> {
        self.inner.set(KEEPALIVE_IDLE, time.as_secs())
    }

    /// The time between probes (TCP_KEEPINTVL), in whole seconds, 1 to 32,767.
    ///
    /// # Errors
    /// `EINVAL` for another time, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive_interval(std::time::Duration::from_secs(10))
    /// # }
    /// ```
    pub fn set_keepalive_interval(&self, interval: Duration) -> io::Result<()> {
        self.inner.set(KEEPALIVE_INTERVAL, interval.as_secs())
    }

    /// How many unanswered probes end the connection (TCP_KEEPCNT), 1 to 127.
    ///
    /// # Errors
    /// `EINVAL` for another number, `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_keepalive_retries(3)
    /// # }
    /// ```
    pub fn set_keepalive_retries(&self, retries: u32) -> io::Result<()> {
        self.inner.set(KEEPALIVE_COUNT, u64::from(retries))
    }

    /// How long written bytes may stay unacknowledged before the connection fails with `ETIMEDOUT` (TCP_USER_TIMEOUT).
    /// Refused as yet: retransmissions give up after the daemon's configured number of them.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, and `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let refused = stream.set_user_timeout(Some(std::time::Duration::from_secs(30)));
    /// assert!(refused.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        let time_ms = timeout.map_or(0, |timeout| timeout.as_millis().max(1));
        let time_ms = u64::try_from(time_ms).map_err(|_| io::Error::from(Errno::INVAL))?;
        self.inner.set(USER_TIMEOUT, time_ms)?;
        self.inner.chosen(|chosen| chosen.user_timeout = timeout);
        Ok(())
    }

    /// What [`TcpStream::set_user_timeout`] set: None, as long as that is refused.
    ///
    /// # Errors
    /// None, so far.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.user_timeout()?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(lock(&self.inner.settings.options).user_timeout)
    }

    /// What closing does about bytes that were written and not acknowledged (SO_LINGER), in whole seconds. None: they
    /// are delivered in the background. Zero: they are lost, and the peer gets a reset. Other times: dropping the
    /// last clone waits that long for the peer to have everything, unless the connection does not block.
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
        let value = linger.map_or(0, |time| time.as_secs().saturating_add(1));
        self.inner.set(LINGER, value)?;
        self.inner.chosen(|chosen| chosen.linger = linger);
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
        Ok(lock(&self.inner.settings.options).linger)
    }

    /// How many bytes may wait to be acknowledged (SO_SNDBUF). Connections share the daemon's memory, whose
    /// configuration bounds each, so that it is refused as yet.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, and `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(stream.set_send_buffer_size(1 << 20).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.inner.set(SEND_BUFFER, bytes as u64)
    }

    /// How many bytes may wait to be read (SO_RCVBUF). Refused as yet, as [`TcpStream::set_send_buffer_size`] is.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, and `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert!(stream.set_recv_buffer_size(1 << 20).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.inner.set(RECEIVE_BUFFER, bytes as u64)
    }
}

impl Inner {
    fn set(&self, option: u32, value: u64) -> io::Result<()> {
        self.socket
            .ask_or_send_off(|ticket, socket| Command::SetOption {
                ticket,
                socket,
                option,
                value,
            })
    }

    fn chosen(&self, change: impl FnOnce(&mut Chosen)) {
        change(&mut lock(&self.settings.options));
    }
}
