//! Signals, as bytes on a socket pair that the control loop watches. SIGPIPE is ignored by Rust's
//! own start-up code: a peer that went away is an error of the write, not the daemon's end.

use std::io::Read;

use mio::net::UnixStream;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Failure, system};

/// The reading ends.
#[derive(Debug)]
pub struct Signals {
    /// SIGTERM and SIGINT.
    pub stop: UnixStream,
    /// SIGHUP.
    pub reload: UnixStream,
}

impl Signals {
    /// Takes over the signals.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self {
            stop: watch(&[SIGTERM, SIGINT])?,
            reload: watch(&[SIGHUP])?,
        })
    }

    /// Signals that came since the last call: to stop, to reload.
    pub fn take(&mut self) -> (usize, usize) {
        (count(&mut self.stop), count(&mut self.reload))
    }
}

fn watch(signals: &[i32]) -> Result<UnixStream, Failure> {
    let (reader, writer) = std::os::unix::net::UnixStream::pair()
        .map_err(system("making a socket pair for signals"))?;
    reader
        .set_nonblocking(true)
        .map_err(system("preparing the socket for signals"))?;
    for signal in signals {
        let writer = writer
            .try_clone()
            .map_err(system("copying the socket for signals"))?;
        signal_hook::low_level::pipe::register(*signal, writer)
            .map_err(system("taking over a signal"))?;
    }
    Ok(UnixStream::from_std(reader))
}

fn count(stream: &mut UnixStream) -> usize {
    let mut bytes = [0; 64];
    let mut total = 0;
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        total += count;
    }
    total
}
