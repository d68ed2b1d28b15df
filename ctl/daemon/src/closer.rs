//! Closes sockets of sessions in a thread of its own where that may take long: with what their peers sent and nobody read,
//! the kernel closes descriptors that came along, and one of those may linger. Receiving them would do the same, so that a
//! session looks before it reads (`session.rs`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mio::net::UnixStream;
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};

/// The thread, and how many sockets wait for it. It ends with the process, or when this is dropped and it has closed all.
#[derive(Debug)]
pub struct Closer {
    orders: Sender<OwnedFd>,
    pending: Arc<AtomicUsize>,
}

impl Closer {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no room for a thread.
    pub fn new() -> io::Result<Self> {
        let (orders, due) = channel();
        let pending = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&pending);
        let closer = thread::Builder::new().name("closer".into());
        closer.spawn(move || close_all(&due, &left))?;
        Ok(Self { orders, pending })
    }

    /// Closes a session's socket without waiting; true when it still held what nobody read, and is closed later.
    pub fn close(&self, stream: UnixStream) -> bool {
        // From here on nothing more can come.
        let _gone = shutdown(&stream, Shutdown::Read);
        if !holds_unread(&stream) {
            return false;
        }
        // Whoever is at the other end shall not wait for it.
        let _gone = shutdown(&stream, Shutdown::Write);
        self.pending.fetch_add(1, Ordering::Relaxed);
        if self.orders.send(stream.into()).is_err() {
            // The thread is gone with the process.
            self.pending.fetch_sub(1, Ordering::Relaxed);
        }
        true
    }

    /// Sockets that are not closed yet. They count as sessions, so that there is a bound.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }
}

fn close_all(due: &Receiver<OwnedFd>, pending: &AtomicUsize) {
    for stream in due {
        drop(stream);
        pending.fetch_sub(1, Ordering::Relaxed);
    }
}

fn holds_unread(stream: &impl AsFd) -> bool {
    let looked = recv(stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    !matches!(looked, Ok((_, 0)) | Err(Errno::AGAIN))
}
