//! What memory a connection has, as Linux's SO_MEMINFO tells it: an array of 32-bit numbers, whose places have these names.

/// The array of SO_MEMINFO (SK_MEMINFO_RMEM_ALLOC to SK_MEMINFO_DROPS). What has no counterpart here is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Chunks that hold what was received, in order or not, until it is read.
    pub receive_held: u32,
    /// SO_RCVBUF: bytes of payload that may wait to be read. Chunks may be twice that, and one more.
    pub receive_buffer: u32,
    /// What waits below TCP: nothing that is charged to a connection, since segments are copied into packets.
    pub send_held: u32,
    /// SO_SNDBUF, as far as it has grown.
    pub send_buffer: u32,
    /// Bytes of all chunks held that hold nothing: what may still come without another chunk.
    pub forward: u32,
    /// Chunks that hold what was written, sent or not, until it is acknowledged.
    pub send_queued: u32,
    /// The block of what only few connections need, such as keys.
    pub option_memory: u32,
    /// Segments that wait because the connection is busy: none ever, a worker takes each at once.
    pub backlog: u32,
    /// Segments dropped for want of memory; not counted for each connection.
    pub drops: u32,
}

impl MemoryInfo {
    /// The array.
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
}
