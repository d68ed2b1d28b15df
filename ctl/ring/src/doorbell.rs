//! Waking a process that sleeps, without ever being blocked by it.
//!
//! A pair of Unix stream sockets rather than an eventfd: the other process holds the same open file, can clear its
//! O_NONBLOCK and fill it, and a write to an eventfd would then block. Here each call says itself that it does not
//! wait (MSG_DONTWAIT), and that a closed end is no signal (MSG_NOSIGNAL). See send(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{recv, send, socketpair};

/// The end that is rung.
#[derive(Debug)]
pub struct Bell(OwnedFd);

/// The end that becomes readable.
#[derive(Debug)]
pub struct Ear(OwnedFd);

/// What became of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// The ear is readable, by this ring or an earlier one.
    Readable,
    /// The ear is closed or shut down: its owner left, or is leaving.
    Gone,
}

/// A doorbell: two ends, either of which can be sent to another process.
///
/// # Errors
/// When the process has no descriptor left.
pub fn doorbell() -> io::Result<(Bell, Ear)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (bell, ear) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // The kernel's smallest: bytes that nobody reads are memory that somebody pays for.
    set_socket_send_buffer_size(&bell, 0)?;
    Ok((Bell(bell), Ear(ear)))
}

impl Bell {
    /// Makes the ear readable. Never waits.
    pub fn ring(&self) -> Rung {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match send(&self.0, &[1], flags) {
            // Full is readable; out of memory passes, and the ear holds earlier rings or the sender tries again.
            Ok(_) | Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM | Errno::INTR) => {
                Rung::Readable
            }
            Err(_) => Rung::Gone,
        }
    }
}

impl Ear {
    /// Takes the rings that came, a bounded number of them; true when there was one. Never waits.
    pub fn clear(&self) -> bool {
        let mut bytes = [0_u8; 256];
        let mut heard = false;
        for _ in 0..READS_MAX {
            match recv(&self.0, &mut bytes, RecvFlags::DONTWAIT) {
                Ok((_, count)) if count > 0 => heard = true,
                _ => break,
            }
        }
        heard
    }
}

impl From<OwnedFd> for Bell {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl From<OwnedFd> for Ear {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// More than the smallest buffer can hold when every ring is a message of its own.
const READS_MAX: usize = 64;

#[cfg(test)]
mod tests;
