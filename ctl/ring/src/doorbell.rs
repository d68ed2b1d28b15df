//! Waking the other process, or being woken by it, without ever being blocked by it.
//!
//! The other process holds the same open files and can clear O_NONBLOCK: each call says itself that it does not wait.
//! Towards an application goes a Unix stream socket, for a write to an eventfd that was filled would block; MSG_DONTWAIT
//! and MSG_NOSIGNAL in send(2). Towards a worker goes an eventfd, read with RWF_NOWAIT (preadv2(2)), for a socket brings
//! descriptors too, and whoever receives them closes them: one that lingers would block the worker for as long.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, ReadWriteFlags, preadv2, write};
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType};
use rustix::net::{recv, send, shutdown, socketpair};

/// The daemon's end of a notifier's doorbell, which is rung.
#[derive(Debug)]
pub struct Bell(OwnedFd);

/// The application's end of a notifier's doorbell, which becomes readable.
#[derive(Debug)]
pub struct Ear(OwnedFd);

/// The application's end of a worker's doorbell, which is rung.
#[derive(Debug)]
pub struct WorkerBell(OwnedFd);

/// The daemon's end of a worker's doorbell, which becomes readable.
#[derive(Debug)]
pub struct WorkerEar(OwnedFd);

/// What became of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// The ear is readable, by this ring or an earlier one.
    Readable,
    /// The ear is closed or shut down: its owner left, or is leaving.
    Gone,
}

/// A notifier's doorbell; the ear is to be sent to the application.
///
/// # Errors
/// When the process has no descriptor left.
pub fn doorbell() -> io::Result<(Bell, Ear)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (bell, ear) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Nothing can be sent back: descriptors above all, which whoever closes the bell would close too.
    shutdown(&bell, Shutdown::Read)?;
    // The kernel's smallest: bytes that nobody reads are memory that somebody pays for.
    set_socket_send_buffer_size(&bell, 0)?;
    Ok((Bell(bell), Ear(ear)))
}

/// A worker's doorbell; the bell is to be sent to the application.
///
/// # Errors
/// When the process has no descriptor left.
pub fn worker_doorbell() -> io::Result<(WorkerBell, WorkerEar)> {
    let ear = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    Ok((WorkerBell(ear.try_clone()?), WorkerEar(ear)))
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

    /// The ear reads its end from now on, and nothing rings it any more.
    pub fn hang_up(&self) {
        // Fails when the ear is gone, which is as good.
        let _gone = shutdown(&self.0, Shutdown::Write);
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

impl WorkerBell {
    /// Makes the ear readable. Waits only when the application has filled it itself.
    pub fn ring(&self) {
        // The only failure is a full counter, which is readable already.
        let _full = write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl WorkerEar {
    /// Takes the rings that came; true when there was one. Never waits.
    pub fn clear(&self) -> bool {
        let mut count = [0_u8; 8];
        let mut room = [IoSliceMut::new(&mut count)];
        // Behind the last offset: an eventfd has none, and this says so.
        preadv2(&self.0, &mut room, u64::MAX, ReadWriteFlags::NOWAIT).is_ok()
    }
}

/// What all ends are made of.
macro_rules! ends {
    ($($end:ident)*) => {$(
        impl From<OwnedFd> for $end {
            fn from(descriptor: OwnedFd) -> Self {
                Self(descriptor)
            }
        }

        impl AsFd for $end {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }
    )*};
}

ends! { Bell Ear WorkerBell WorkerEar }

/// More than the smallest buffer can hold when every ring is a message of its own.
const READS_MAX: usize = 64;

#[cfg(test)]
mod tests;
