//! Reading: copies out of receive chunks, and a cumulative count that gives them back.
//!
//! The count rides on the next write. It is a command of its own when the reader is about to wait, or when much was
//! read without a write.

use std::io;
use std::sync::atomic::Ordering;

use coremill_ring::receive_queue::ReceiveReader;
use coremill_ring::socket_state::{Flags, StateReader};

use super::Inner;
use crate::context::lock;
use crate::socket::{deadline, is_over};

/// The reading end.
#[derive(Debug)]
pub(super) struct Receive {
    reader: ReceiveReader,
}

/// What becomes of the bytes read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The next read gives those behind.
    Take,
    /// The next read gives them again.
    Peek,
}

impl Receive {
    pub(super) fn new(state: StateReader) -> Self {
        Self {
            reader: ReceiveReader::new(state),
        }
    }
}

impl Inner {
    pub(super) fn receive(&self, out: &mut [u8], mode: Mode) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let deadline = deadline(self.settings.read_timeout());
        loop {
            if let Some(count) = self.receive_now(out, mode)? {
                return Ok(count);
            }
            self.before_waiting()?;
            let read = self.socket.reading.read();
            let found = self.socket.wait(deadline, |snapshot| {
                let ended = snapshot.condition.flags.contains(Flags::RDHUP) || is_over(snapshot);
                (ended || snapshot.received > read).then_some(())
            })?;
            found.ok_or(io::Error::from(io::ErrorKind::WouldBlock))?;
        }
    }

    /// What can be read without waiting; None when that is nothing yet.
    fn receive_now(&self, out: &mut [u8], mode: Mode) -> io::Result<Option<usize>> {
        let socket = &self.socket;
        let mut receive = lock(&self.receive);
        // Before the bytes: conditions seen here are not older than what is read then.
        let snapshot = socket.snapshot()?;
        if self.settings.receive_ended.load(Ordering::Acquire) {
            return Ok(Some(0));
        }
        let (memory, layout) = (&socket.context.daemon, &socket.context.layout);
        // A writer may have told the worker what was read since, and chunks went back.
        receive.reader.give_back();
        let count = match mode {
            Mode::Take => receive.reader.read(out, memory, layout),
            Mode::Peek => receive.reader.peek(out, memory, layout),
        };
        if count > 0 {
            let position = receive.reader.position();
            socket.reading.set_read(position);
            if socket.reading.untold_bytes() >= UNTOLD_BYTES_MAX {
                socket.tell_read()?;
            } else {
                socket.context.was_read(&socket.reading)?;
            }
            return Ok(Some(count));
        }
        if let Some(error) = socket.take_error(&snapshot) {
            return Err(error);
        }
        let ended = snapshot.condition.flags.contains(Flags::RDHUP) || is_over(&snapshot);
        Ok(ended.then_some(0))
    }

    /// Nothing is kept from the daemon by one who waits.
    fn before_waiting(&self) -> io::Result<()> {
        self.socket.tell_read()?;
        self.give_room_back()
    }
}

/// A reader that does not write tells how far it is each time it read so much: a chunk of the largest class.
const UNTOLD_BYTES_MAX: u64 = 16 << 10;
