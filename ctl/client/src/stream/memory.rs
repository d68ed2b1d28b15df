//! What memory a connection has.

use std::io;

use coremill_ring::listing::numbers_of;
use coremill_ring::option::MEMORY_INFO;

use super::TcpStream;

/// What memory a connection has in the daemon, at the moment of asking; as Linux's SO_MEMINFO, whose array
/// [`MemoryInfo::to_array`] gives.
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// println!("{} bytes hold what was not read", stream.memory_info()?.receive_held);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryInfo {
    /// Chunks that hold what was received, in order or not, and what waits in this process's memory to be read.
    pub receive_held: u32,
    /// SO_RCVBUF as it is by now: bytes of payload. Chunks may be twice that, and one more.
    pub receive_buffer: u32,
    /// What waits below TCP: 0, since segments are copied into packets there.
    pub send_held: u32,
    /// SO_SNDBUF as it is by now.
    pub send_buffer: u32,
    /// Bytes of all chunks that hold nothing yet.
    pub forward: u32,
    /// Chunks that hold what was written and is not acknowledged.
    pub send_queued: u32,
    /// What only few connections need, such as keys or [`Statistics`](crate::Statistics).
    pub option_memory: u32,
    /// Segments that wait because the connection is busy: 0, none ever does.
    pub backlog: u32,
    /// Segments dropped for want of memory: 0, since only the daemon counts them, for all connections together.
    pub drops: u32,
}

impl MemoryInfo {
    /// The numbers in the order of Linux's array.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// assert_eq!(stream.memory_info()?.to_array().len(), 9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_array(self) -> [u32; 9] {
        [
            self.receive_held,
            self.receive_buffer,
            self.send_held,
            self.send_buffer,
            self.forward,
            self.send_queued,
            self.option_memory,
            self.backlog,
            self.drops,
        ]
    }

    fn of(words: &[u64]) -> Option<Self> {
        let numbers = numbers_of(words);
        let [
            receive_held,
            receive_buffer,
            send_held,
            send_buffer,
            forward,
            send_queued,
            option_memory,
            backlog,
            drops,
            ..,
        ] = *numbers.as_slice()
        else {
            return None;
        };
        Some(Self {
            receive_held,
            receive_buffer,
            send_held,
            send_buffer,
            forward,
            send_queued,
            option_memory,
            backlog,
            drops,
        })
    }
}

impl TcpStream {
    /// What memory the connection has (SO_MEMINFO); its worker says it within a turn.
    ///
    /// # Errors
    /// As [`TcpStream::info`]; `ENOTCONN` as well when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let memory = stream.memory_info()?;
    /// println!("{} of {} bytes", memory.send_queued, memory.send_buffer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn memory_info(&self) -> io::Result<MemoryInfo> {
        let words = self.listing(MEMORY_INFO)?;
        MemoryInfo::of(&words).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The words of an option that is several numbers.
    pub(super) fn listing(&self, option: u32) -> io::Result<Vec<u64>> {
        let socket = &self.inner.socket;
        let handle = socket.wait_for_name(None)?.handle;
        // Or the worker would count as unread what it was not told of.
        socket.tell_read()?;
        socket.context.ask_listing(socket.worker, handle, option)
    }
}
