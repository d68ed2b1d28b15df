//! Options about how much waits: to be sent, to be acknowledged, to be read.

use std::io;

use coremill_ring::option::{RECEIVE_BUFFER, SEND_BUFFER, UNSENT_LOW_WATER, WINDOW_CLAMP};

use super::TcpStream;

impl TcpStream {
    /// How many written bytes may wait to be acknowledged (SO_SNDBUF), at most what the daemon's configuration has
    /// (`tcp.send_buffer`). It counts the bytes alone, and is not doubled as by Linux. What there was room for before can
    /// still be written: who wants a bound from the first byte on sets it on the listener, or on a
    /// [`TcpSocket`](crate::TcpSocket).
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_send_buffer_size(64 << 10)
    /// # }
    /// ```
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.inner.set(SEND_BUFFER, count(bytes))
    }

    /// What [`TcpStream::set_send_buffer_size`] or the listener set; otherwise the present size, which follows the congestion
    /// window.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.send_buffer_size()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        Ok(self.inner.get(SEND_BUFFER)?.try_into().unwrap_or(0))
    }

    /// How many received bytes may wait to be read (SO_RCVBUF), at most what the daemon's configuration has
    /// (`tcp.receive_buffer`). The buffer does not grow by itself any more. It counts the bytes alone, and is not doubled as by
    /// Linux.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_recv_buffer_size(64 << 10)
    /// # }
    /// ```
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.inner.set(RECEIVE_BUFFER, count(bytes))
    }

    /// What [`TcpStream::set_recv_buffer_size`] or the listener set; otherwise the present size, which follows what is read.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.recv_buffer_size()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        Ok(self.inner.get(RECEIVE_BUFFER)?.try_into().unwrap_or(0))
    }

    /// The largest window that the peer is offered (TCP_WINDOW_CLAMP); 0 for no bound but the buffer's.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_window_clamp(32 << 10)
    /// # }
    /// ```
    pub fn set_window_clamp(&self, bytes: usize) -> io::Result<()> {
        self.inner.set(WINDOW_CLAMP, count(bytes))
    }

    /// What [`TcpStream::set_window_clamp`] set, the listener had, or the daemon's configuration has.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.window_clamp()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn window_clamp(&self) -> io::Result<usize> {
        Ok(self.inner.get(WINDOW_CLAMP)?.try_into().unwrap_or(0))
    }

    /// There is room to write only while fewer bytes than this were written and not sent (TCP_NOTSENT_LOWAT); 0 for the
    /// daemon's. What is not written yet can still be chosen. As [`TcpStream::set_send_buffer_size`], it does not take
    /// back what there was room for before.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_notsent_lowat(16 << 10)
    /// # }
    /// ```
    pub fn set_notsent_lowat(&self, bytes: usize) -> io::Result<()> {
        self.inner.set(UNSENT_LOW_WATER, count(bytes))
    }

    /// What [`TcpStream::set_notsent_lowat`] set, the listener had, or the daemon's configuration has.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.notsent_lowat()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn notsent_lowat(&self) -> io::Result<usize> {
        Ok(self.inner.get(UNSENT_LOW_WATER)?.try_into().unwrap_or(0))
    }
}

fn count(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
