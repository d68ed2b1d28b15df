//! Reading: copies out of receive chunks, and a cumulative count that gives them back.
//!
//! The count rides on the next write. It is a command of its own when the reader is about to wait, or when much was
//! read without a write.

use std::io::{self, IoSliceMut};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use coremill_ring::owner::ReadMark;
use coremill_ring::receive_queue::ReceiveReader;
use coremill_ring::socket_state::{Condition, Flags, Glance};

use super::Inner;
use crate::context::lock;
use crate::socket::{Wanted, deadline, is_over};
use crate::told::Name;

/// The reading end; there is a reader once there is a socket.
#[derive(Debug, Default)]
pub(super) struct Receive {
    reader: Option<ReceiveReader>,
}

/// What becomes of the bytes read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The next read gives those behind.
    Take,
    /// The next read gives them again.
    Peek,
}

impl Inner {
    pub(super) fn receive(&self, out: &mut [u8], mode: Mode) -> io::Result<usize> {
        if mode == Mode::Take
            && let Some(count) = self.receive_announced(out)
        {
            return count;
        }
        self.receive_vectored(&mut [IoSliceMut::new(out)], mode)
    }

    /// Bytes that an event told of, found by its word alone: neither the state nor the chunk's note is looked at. None
    /// where there are no such, or where somebody else reads.
    #[inline]
    fn receive_announced(&self, out: &mut [u8]) -> Option<io::Result<usize>> {
        let name = self.socket.told.name()?.ok()?;
        let told = &self.socket.told;
        let announced = told.announcement.behind(told.reading.read())?;
        if self.socket.receive_ended.load(Ordering::Relaxed) {
            return None;
        }
        let mut receive = self.receive.try_lock().ok()?;
        let new = || ReceiveReader::new(name.state.clone());
        let reader = receive.reader.get_or_insert_with(new);
        let context = &self.socket.context;
        let (memory, layout) = (&context.daemon, &context.layout);
        // A byte announced and not read is where it was: chunks go back when they were read.
        let place = (announced.chunk, announced.start);
        let count = reader.read_announced(out, (announced.received, place), memory, layout);
        if count == 0 {
            return None;
        }
        // They are taken: what is wrong now the next call says.
        let _heard = self.was_read(name, reader);
        Some(Ok(count))
    }

    pub(super) fn receive_vectored(
        &self,
        out: &mut [IoSliceMut<'_>],
        mode: Mode,
    ) -> io::Result<usize> {
        if out.iter().all(|piece| piece.is_empty()) {
            return Ok(0);
        }
        self.wait_for_bytes(|receive| self.copy_out(receive, out, mode))
            .map(|(count, _)| count)
    }

    /// Waits until `take` finds bytes, and gives what it found, with the reading end; zero at the end of the stream.
    pub(super) fn wait_for_bytes(
        &self,
        mut take: impl FnMut(&mut ReceiveReader) -> io::Result<usize>,
    ) -> io::Result<(usize, MutexGuard<'_, Receive>)> {
        let deadline = deadline(self.settings.read_timeout());
        if !self.socket.is_nonblocking() {
            self.socket.wait_for_name(deadline)?;
        }
        loop {
            let mut receive = lock(&self.receive);
            if let Some(count) = self.receive_now(&mut receive, &mut take)? {
                return Ok((count, receive));
            }
            drop(receive);
            self.before_waiting()?;
            let read = self.socket.read();
            let found = self.socket.wait(deadline, Wanted::Read, |snapshot| {
                let is_ready = self.is_at_end(snapshot.condition)
                    || snapshot.received > read
                    || snapshot.condition.flags.contains(Flags::BEHIND);
                is_ready.then_some(())
            })?;
            found.ok_or(io::Error::from(io::ErrorKind::WouldBlock))?;
        }
    }

    /// What can be taken without waiting; None when that is nothing yet.
    fn receive_now(
        &self,
        receive: &mut Receive,
        take: &mut impl FnMut(&mut ReceiveReader) -> io::Result<usize>,
    ) -> io::Result<Option<usize>> {
        let socket = &self.socket;
        // Before the bytes: conditions seen here are not older than what is read then.
        let Glance {
            condition,
            received,
        } = match socket.glance() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            glance => glance?,
        };
        if self.socket.receive_ended.load(Ordering::Acquire) {
            return Ok(Some(0));
        }
        let state = &socket.name()?.state;
        let new = || ReceiveReader::new(state.clone());
        let reader = receive.reader.get_or_insert_with(new);
        // A writer may have told the worker what was read since, and chunks went back.
        reader.give_back();
        if let Some(announced) = socket.told.announcement.behind(reader.position()) {
            reader.point_at(announced.chunk, announced.start);
        }
        let mut count = take(reader)?;
        if count == 0 && condition.flags.contains(Flags::MARK) && reader.position() == received {
            self.pass_mark(received)?;
            count = take(reader)?;
        }
        if count > 0 {
            return Ok(Some(count));
        }
        if let Some(error) = socket.take_error(condition) {
            return Err(error);
        }
        Ok(self.is_at_end(condition).then_some(0))
    }

    fn copy_out(
        &self,
        reader: &mut ReceiveReader,
        out: &mut [IoSliceMut<'_>],
        mode: Mode,
    ) -> io::Result<usize> {
        let context = &self.socket.context;
        let (memory, layout) = (&context.daemon, &context.layout);
        let count = match mode {
            Mode::Take => reader.read_vectored(out, memory, layout),
            Mode::Peek => reader.peek_vectored(out, memory, layout),
        };
        if count > 0 && mode == Mode::Take {
            let _heard = self.was_read(self.socket.name()?, reader);
        }
        Ok(count)
    }

    /// Bytes were read: the worker hears of it with the next command, or now if they are many.
    #[inline]
    pub(super) fn was_read(&self, name: &Name, reader: &ReceiveReader) -> io::Result<()> {
        let (socket, context) = (&self.socket, &self.socket.context);
        let position = reader.position();
        let untold = context.untold.set_read(&socket.told, position);
        // What the daemon finds if this process dies before it tells.
        if let Some(words) = context.layout.owners(name.handle.slot) {
            ReadMark::new(words, name.handle).set(&context.application, position);
        }
        if untold >= UNTOLD_BYTES_MAX {
            return socket.tell_read();
        }
        match context.untold.are_many() {
            true => context.tell_oldest(),
            false => Ok(()),
        }
    }

    /// Whether nothing more will come.
    fn is_at_end(&self, condition: Condition) -> bool {
        condition.flags.contains(Flags::RDHUP)
            || is_over(condition)
            || self.socket.receive_ended.load(Ordering::Acquire)
    }

    /// Nothing is kept from the daemon by one who waits.
    fn before_waiting(&self) -> io::Result<()> {
        if self.socket.told.name().is_none() {
            return Ok(());
        }
        self.socket.tell_read()?;
        self.give_room_back()
    }
}

impl Receive {
    pub(super) fn reader(&self) -> Option<&ReceiveReader> {
        self.reader.as_ref()
    }

    pub(super) fn reader_mut(&mut self) -> Option<&mut ReceiveReader> {
        self.reader.as_mut()
    }
}

/// A reader that does not write tells how far it is each time it read so much: a chunk of the largest class.
const UNTOLD_BYTES_MAX: u64 = 16 << 10;
/// Of the reading end, what a read of announced bytes needs.
pub(super) const READ_BYTES: usize = ReceiveReader::ANNOUNCED_BYTES;
