//! What this process alone keeps of a connection: whether calls wait, and how long.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::TcpStream;
use crate::context::lock;

/// What was set.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// SO_LINGER: waiting is this library's part.
    pub(super) linger: Mutex<Option<Duration>>,
    /// Dropping it must hold up no task.
    pub(super) is_of_runtime: AtomicBool,
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
    /// Whether calls return `WouldBlock` instead of waiting. Then none waits for a worker either (but
    /// [`TcpStream::info`], and asking for options): options and shutdown are sent off, at worst when the ring of commands
    /// has room again, and [`TcpStream::take_error`] tells what failed.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::set_nonblocking`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_nonblocking(true)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.inner.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// How long a read may wait; None for ever. `WouldBlock` is what it gives then.
    ///
    /// # Errors
    /// `InvalidInput` for no time at all.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_read_timeout(Some(std::time::Duration::from_secs(5)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        lock(&self.inner.settings.timeouts).read = checked(timeout)?;
        Ok(())
    }

    /// How long a write may wait; None for ever. `WouldBlock` is what it gives then.
    ///
    /// # Errors
    /// `InvalidInput` for no time at all.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_write_timeout(Some(std::time::Duration::from_secs(5)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        lock(&self.inner.settings.timeouts).write = checked(timeout)?;
        Ok(())
    }

    /// How long a read may wait.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::read_timeout`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.read_timeout()?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.settings.read_timeout())
    }

    /// How long a write may wait.
    ///
    /// # Errors
    /// None; the type is that of [`std::net::TcpStream::write_timeout`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.write_timeout()?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.settings.write_timeout())
    }
}

fn checked(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    match timeout {
        Some(Duration::ZERO) => Err(io::ErrorKind::InvalidInput.into()),
        other => Ok(other),
    }
}
