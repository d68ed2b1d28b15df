//! Bytes read and written where they lie in shared memory, without a copy by this library.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use coremill_ring::message::INLINE_BYTES_MAX;
use rustix::io::Errno;

use super::receive::Receive;
use super::send::Send;
use super::{Inner, TcpStream};

/// Received bytes, where the daemon put them; see [`TcpStream::fill`].
///
/// They do not change while this exists: the daemon changes no byte that it has published before it is given back, and
/// this process cannot write that memory. Other readers of the connection wait until it is dropped. Dropping it takes
/// nothing; [`Received::release`] does.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// # let stack = coremill_client::Stack::attach("/run/coremill/control.sock").map_err(std::io::Error::other)?;
/// # let stream = coremill_client::TcpStream::connect(&stack, "192.0.2.1:7".parse().map_err(std::io::Error::other)?)?;
/// let received = stream.fill()?;
/// let line = received.iter().position(|byte| *byte == b'\n');
/// received.release(line.map_or(0, |at| at + 1))?;
/// # Ok(())
/// # }
/// ```
pub struct Received<'a> {
    inner: &'a Inner,
    receive: MutexGuard<'a, Receive>,
    length: usize,
}

/// Room to write into, where the daemon will take it from; see [`TcpStream::reserve`].
///
/// What it holds at first is of no meaning. Other writers of the connection wait until it is dropped, which sends
/// nothing; [`Reserved::commit`] does.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// # let stack = coremill_client::Stack::attach("/run/coremill/control.sock").map_err(std::io::Error::other)?;
/// # let stream = coremill_client::TcpStream::connect(&stack, "192.0.2.1:7".parse().map_err(std::io::Error::other)?)?;
/// let mut file = std::fs::File::open("/etc/services")?;
/// let mut reserved = stream.reserve(16 << 10)?;
/// let count = std::io::Read::read(&mut file, &mut reserved)?;
/// reserved.commit(count)?;
/// # Ok(())
/// # }
/// ```
pub struct Reserved<'a> {
    inner: &'a Inner,
    send: MutexGuard<'a, Send>,
    length: usize,
    /// In use when no chunk was to be had.
    inline: Option<[u8; INLINE_BYTES_MAX]>,
}

impl TcpStream {
    /// Waits for bytes and shows them where they lie, as many as lie in one piece: at most 16 KiB. Empty at the end of the
    /// stream. Nothing is taken until [`Received::release`].
    ///
    /// # Errors
    /// As reading, and `EOPNOTSUPP` when the daemon's memory is not of a kind that can be shown.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// # let stack = coremill_client::Stack::attach("/run/coremill/control.sock").map_err(std::io::Error::other)?;
    /// # let stream = coremill_client::TcpStream::connect(&stack, "192.0.2.1:7".parse().map_err(std::io::Error::other)?)?;
    /// let received = stream.fill()?;
    /// let count = received.len();
    /// println!("{} bytes, {} of them zero", count, received.iter().filter(|byte| **byte == 0).count());
    /// received.release(count)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn fill(&self) -> io::Result<Received<'_>> {
        let inner = &*self.inner;
        let context = &inner.socket.context;
        let (memory, layout) = (&context.daemon, &context.layout);
        let (length, receive) =
            inner.wait_for_bytes(|reader| match reader.look(memory, layout) {
                0 => Ok(0),
                length => match reader.piece(length, memory, layout) {
                    Some(_) => Ok(length),
                    None => Err(Errno::OPNOTSUPP.into()),
                },
            })?;
        Ok(Received {
            inner,
            receive,
            length,
        })
    }

    /// Waits for room to write and lends it: at least one byte and at most `length`, in one piece of shared
    /// memory (at most 16 KiB). When none is free, it lends up to 256 bytes of its own, which are copied then.
    ///
    /// # Errors
    /// As writing, and `InvalidInput` for a length of zero.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// # let stack = coremill_client::Stack::attach("/run/coremill/control.sock").map_err(std::io::Error::other)?;
    /// # let stream = coremill_client::TcpStream::connect(&stack, "192.0.2.1:7".parse().map_err(std::io::Error::other)?)?;
    /// let mut reserved = stream.reserve(1000)?;
    /// reserved.fill(b'x');
    /// let count = reserved.len();
    /// reserved.commit(count)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reserve(&self, length: usize) -> io::Result<Reserved<'_>> {
        if length == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let inner = &*self.inner;
        let layout = &inner.socket.context.layout;
        let (room, send) = inner.wait_for_room(|send, room| {
            let length = length.min(room);
            inner.find_chunks(send, length)?;
            Ok(length)
        })?;
        let (length, inline) = match send.chunks.filler.stretch_bytes(layout) {
            0 => (room.min(INLINE_BYTES_MAX), Some([0; INLINE_BYTES_MAX])),
            stretch => (room.min(stretch), None),
        };
        Ok(Reserved {
            inner,
            send,
            length,
            inline,
        })
    }
}

impl Received<'_> {
    /// Takes the first `count` bytes, at most all: the next read gives those behind.
    ///
    /// # Errors
    /// `ECONNRESET` when the attachment is over; the bytes are taken all the same.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.fill()?.release(1)
    /// # }
    /// ```
    pub fn release(mut self, count: usize) -> io::Result<()> {
        let count = count.min(self.length);
        let Some(reader) = self.receive.reader_mut().filter(|_| count > 0) else {
            return Ok(());
        };
        reader.consume(count);
        self.inner.was_read(self.inner.socket.name()?, reader)
    }
}

impl Reserved<'_> {
    /// Sends the first `count` bytes, at most all.
    ///
    /// # Errors
    /// `ECONNRESET` when the attachment is over; `WouldBlock` when the connection does not block and the worker has not
    /// taken earlier commands. Nothing is sent then.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let mut reserved = stream.reserve(4)?;
    /// reserved[0] = b'x';
    /// reserved.commit(1)
    /// # }
    /// ```
    pub fn commit(self, count: usize) -> io::Result<()> {
        self.send(count, false)
    }

    /// The same, and more will follow (MSG_MORE): what does not fill a segment waits for it, for 200 ms at most.
    ///
    /// # Errors
    /// As [`Reserved::commit`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream, mut left: usize) -> std::io::Result<()> {
    /// while left > 0 {
    ///     let reserved = stream.reserve(left)?;
    ///     let count = reserved.len();
    ///     left -= count;
    ///     match left {
    ///         0 => reserved.commit(count)?,
    ///         _ => reserved.commit_more(count)?, // no segment ends where a piece does
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit_more(self, count: usize) -> io::Result<()> {
        self.send(count, true)
    }

    fn send(mut self, count: usize, has_more: bool) -> io::Result<()> {
        let count = count.min(self.length);
        if count == 0 {
            return Ok(());
        }
        match self.inline {
            Some(bytes) => {
                let bytes = bytes.get(..count).unwrap_or_default();
                self.inner.send_beside(bytes, has_more).map(drop)
            }
            None => self.inner.send_in_place(&mut self.send, (count, has_more)),
        }
    }
}

impl Deref for Received<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let context = &self.inner.socket.context;
        let (memory, layout) = (&context.daemon, &context.layout);
        let reader = self.receive.reader().filter(|_| self.length > 0);
        let piece = reader.and_then(|reader| reader.piece(self.length, memory, layout));
        piece.unwrap_or_default()
    }
}

impl Deref for Reserved<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let context = &self.inner.socket.context;
        let bytes = match &self.inline {
            Some(bytes) => Some(&bytes[..]),
            None => self
                .send
                .chunks
                .filler
                .shown(&context.application, &context.layout),
        };
        let bytes = bytes.and_then(|bytes| bytes.get(..self.length));
        bytes.unwrap_or_default()
    }
}

impl DerefMut for Reserved<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        let context = &self.inner.socket.context;
        let bytes = match &mut self.inline {
            Some(bytes) => Some(&mut bytes[..]),
            None => self
                .send
                .chunks
                .filler
                .stretch(&context.application, &context.layout),
        };
        let bytes = bytes.and_then(|bytes| bytes.get_mut(..self.length));
        bytes.unwrap_or_default()
    }
}

impl fmt::Debug for Received<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes received", self.length)
    }
}

impl fmt::Debug for Reserved<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = self.inner.socket.sent.load(Ordering::Relaxed);
        write!(formatter, "{} bytes behind {sent}", self.length)
    }
}
