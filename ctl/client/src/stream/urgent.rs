//! Urgent data (RFC 6093), and bytes that more will follow: what Linux has as flags of send and recv.

use std::io::{self, IoSlice};

use coremill_ring::command::{Command, NO_URGENT_BYTE, SendMark};
use coremill_ring::message::INLINE_BYTES_MAX;
use coremill_ring::socket_state::Flags;

use super::{Inner, TcpStream};

impl TcpStream {
    /// Sends bytes of which the last is urgent (MSG_OOB); gives how many found room, and then the last of those is. New
    /// protocols should not use it: middleboxes and systems differ in what they make of it (RFC 6093, section 6).
    ///
    /// # Errors
    /// As writing. Where the daemon has no block left to remember the mark by (`tcp.extensions_max`), the bytes go
    /// without one, which it counts.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.send_urgent(b"!")?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_urgent(&self, bytes: &[u8]) -> io::Result<usize> {
        // What does not fit beside a command goes before as any other.
        let head = bytes.len().saturating_sub(INLINE_BYTES_MAX);
        let (head, tail) = bytes.split_at(head);
        let mut sent = 0;
        while sent < head.len() {
            match self.inner.send(&[IoSlice::new(&head[sent..])]) {
                Ok(count) => sent += count,
                Err(_) if sent > 0 => return Ok(sent),
                Err(error) => return Err(error),
            }
        }
        match self.inner.send_urgent(tail) {
            Ok(count) => Ok(sent + count),
            Err(_) if sent > 0 => Ok(sent),
            Err(error) => Err(error),
        }
    }

    /// Sends bytes that more will follow (MSG_MORE): what does not fill a segment waits for it, for 200 ms at most. As with
    /// writing, not all of them may find room.
    ///
    /// # Errors
    /// As writing.
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// # fn example(mut stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.write_more(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")?;
    /// stream.write_all(b"ok") // one segment
    /// # }
    /// ```
    pub fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.send_any(&[IoSlice::new(bytes)], true)
    }

    /// The urgent byte that the peer sent, out of line (MSG_OOB); once. It never waits for the byte. As in Linux, there is
    /// one at a time, and reading past the mark gives it up.
    ///
    /// # Errors
    /// `EINVAL` when there is none, it was read, or it stays in the stream ([`TcpStream::set_urgent_inline`]);
    /// `WouldBlock` when it was announced and has not come; `UnexpectedEof` when it will not; `ENOTCONN` when
    /// the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// match stream.read_urgent()? {
    ///     b'!' => println!("interrupted"),
    ///     other => println!("{other}?"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_urgent(&self) -> io::Result<u8> {
        self.inner.take_urgent(false)
    }

    /// The same, and it can be read again.
    ///
    /// # Errors
    /// As [`TcpStream::read_urgent`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.peek_urgent()?, stream.read_urgent()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek_urgent(&self) -> io::Result<u8> {
        self.inner.take_urgent(true)
    }

    /// Whether everything before the mark of urgent data was read (sockatmark). A read stops there, and the next one goes on
    /// behind it, or in line with the urgent byte.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// use std::io::Read;
    ///
    /// # fn example(mut stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let mut bytes = [0; 512];
    /// while !stream.at_mark()? && stream.read(&mut bytes)? > 0 {} // what the urgent byte makes worthless
    /// # Ok(())
    /// # }
    /// ```
    pub fn at_mark(&self) -> io::Result<bool> {
        let glance = self.inner.socket.glance()?;
        let is_reached = glance.condition.flags.contains(Flags::MARK);
        Ok(is_reached && glance.received == self.inner.socket.read())
    }
}

impl Inner {
    /// Sends bytes inside a command, of which the last is urgent.
    fn send_urgent(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let length = bytes.len().min(INLINE_BYTES_MAX);
        let (sent, _writer) = self.wait_for_room(|_, room| {
            let bytes = bytes.get(..length.min(room)).unwrap_or(bytes);
            self.submit_marked(bytes, SendMark::Urgent)
        })?;
        Ok(sent)
    }

    /// Sends bytes inside a command that says more of them.
    pub(super) fn submit_marked(&self, bytes: &[u8], mark: SendMark) -> io::Result<usize> {
        let socket = self.socket.name()?.handle;
        self.socket
            .submit_with_read(bytes, |read| Command::SendMarked {
                socket,
                offset: self.socket.advance(bytes.len()),
                read,
                mark,
            })?;
        Ok(bytes.len())
    }

    fn take_urgent(&self, is_peek: bool) -> io::Result<u8> {
        let value = self.socket.ask(|ticket, socket| Command::TakeUrgent {
            ticket,
            socket,
            is_peek,
        })?;
        match value {
            NO_URGENT_BYTE => Err(io::ErrorKind::UnexpectedEof.into()),
            byte => Ok((byte & 0xff) as u8),
        }
    }

    /// Everything before the mark was read, and the reader goes on.
    pub(super) fn pass_mark(&self, read: u64) -> io::Result<()> {
        self.socket
            .ask(|ticket, socket| Command::PassMark {
                ticket,
                socket,
                read,
            })
            .map(drop)
    }
}
