//! Options of a connection, those that the daemon keeps and those of this process alone.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coremill_ring::command::Command;
use coremill_ring::option::{KEEPALIVE, LINGER, NO_DELAY};

use super::TcpStream;
use crate::context::lock;

/// What was set.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) receive_ended: AtomicBool,
    pub(super) send_ended: AtomicBool,
    no_delay: AtomicBool,
    keepalive: AtomicBool,
    timeouts: Mutex<Timeouts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Timeouts {
    read: Option<Duration>,
    write: Option<Duration>,
}

impl Settings {
    pub(super) fn read_timeout(&self) -> Option<Duration> {
        lock(&self.timeouts).read
    }

    pub(super) fn write_timeout(&self) -> Option<Duration> {
        lock(&self.timeouts).write
    }
}

impl TcpStream {
    /// Whether reads and writes return `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::set_nonblocking`].
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.inner.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// How long a read may wait; None for ever. `WouldBlock` is what it gives then.
    ///
    /// # Errors
    /// `InvalidInput` for no time at all.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        lock(&self.inner.settings.timeouts).read = checked(timeout)?;
        Ok(())
    }

    /// How long a write may wait; None for ever. `WouldBlock` is what it gives then.
    ///
    /// # Errors
    /// `InvalidInput` for no time at all.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        lock(&self.inner.settings.timeouts).write = checked(timeout)?;
        Ok(())
    }

    /// How long a read may wait.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::read_timeout`].
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.settings.read_timeout())
    }

    /// How long a write may wait.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::write_timeout`].
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.settings.write_timeout())
    }

    /// Whether small segments are sent at once (TCP_NODELAY).
    ///
    /// # Errors
    /// The daemon's, such as `EBADF` when the connection is over.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.set(NO_DELAY, u64::from(on))?;
        self.inner.settings.no_delay.store(on, Ordering::Relaxed);
        Ok(())
    }

    /// What [`TcpStream::set_nodelay`] set.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::nodelay`].
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.inner.settings.no_delay.load(Ordering::Relaxed))
    }

    /// Whether the peer of an idle connection is probed (SO_KEEPALIVE).
    ///
    /// # Errors
    /// The daemon's, such as `EBADF` when the connection is over.
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.set(KEEPALIVE, u64::from(on))?;
        self.inner.settings.keepalive.store(on, Ordering::Relaxed);
        Ok(())
    }

    /// What [`TcpStream::set_keepalive`] set.
    ///
    /// # Errors
    /// None, so far.
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(self.inner.settings.keepalive.load(Ordering::Relaxed))
    }

    /// What closing does about bytes not sent (SO_LINGER), in whole seconds; None for sending them in the background.
    ///
    /// # Errors
    /// `ENOPROTOOPT` from a daemon that cannot do it.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.set(LINGER, linger.map_or(0, |time| time.as_secs() + 1))
    }

    fn set(&self, option: u32, value: u64) -> io::Result<()> {
        let set = |ticket, socket| Command::SetOption {
            ticket,
            socket,
            option,
            value,
        };
        self.inner.socket.ask(set)?;
        Ok(())
    }
}

fn checked(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    match timeout {
        Some(Duration::ZERO) => Err(io::ErrorKind::InvalidInput.into()),
        other => Ok(other),
    }
}
