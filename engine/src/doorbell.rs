//! Waking a sleeping thread: an eventfd that is written only when its owner said that it sleeps.
//!
//! Owner: `arm`, look again for work, wait for the descriptor, `disarm`. Others: publish the work,
//! then `ring`. Full fences on both sides make sure that either the owner sees the work or the ringer
//! sees the armed word. One sleep is rung once, however many threads ring. Only threads of this process
//! hold the descriptor, and it is non-blocking, so that ringing cannot block.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};

use rustix::event::{EventfdFlags, eventfd};

/// An eventfd and the word that says whether anyone waits for it.
#[derive(Debug)]
pub struct Doorbell {
    descriptor: OwnedFd,
    armed: AtomicBool,
}

impl Doorbell {
    /// A doorbell that is not armed.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            descriptor: eventfd(0, flags)?,
            armed: AtomicBool::new(false),
        })
    }

    /// Announces that the owner is about to sleep. It must look for work once more after this.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The owner is awake again.
    pub fn disarm(&self) {
        self.armed.store(false, Ordering::Relaxed);
    }

    /// Wakes the owner if it sleeps or is about to. Whatever it is to find must be published before.
    /// True when the descriptor was written.
    pub fn ring(&self) -> bool {
        fence(Ordering::SeqCst);
        if !self.armed.load(Ordering::Relaxed) || !self.armed.swap(false, Ordering::AcqRel) {
            return false;
        }
        self.write();
        true
    }

    /// Makes the descriptor readable whether or not anyone armed: for owners that poll it always.
    pub fn write(&self) {
        // The only failure is a full counter, which is readable already.
        let _full = rustix::io::write(&self.descriptor, &1_u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable; true when it was readable.
    pub fn clear(&self) -> bool {
        let mut count = [0_u8; 8];
        rustix::io::read(&self.descriptor, &mut count).is_ok()
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests;
