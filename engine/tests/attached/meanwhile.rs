//! An application that does something while its worker turns.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coremill_client::TcpStream;

use crate::attached::Attached;

/// Does something with both ends while a worker turns. A turn is short, so that no timer runs out because this thread was not
/// given the processor for a while.
pub fn meanwhile<T>(attached: &mut Attached, act: impl FnOnce(&TcpStream, &TcpStream) -> T) -> T {
    let done = AtomicBool::new(false);
    let Attached {
        worker,
        clock,
        streams,
        ..
    } = attached;
    let [near, far, ..] = streams.as_slice() else {
        panic!("a pair of streams");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                clock.advance(Duration::from_nanos(250));
                worker.turn();
            }
        });
        // Also when it panics the worker must end.
        let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(near, far)));
        done.store(true, Ordering::Release);
        acted.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Tries again while it would block, for a while.
pub fn patiently<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        match act() {
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < end => {
                std::thread::yield_now();
            }
            acted => return acted,
        }
    }
}
