//! The pools beside memory that all connections of a shard share: what each is called, and how much of it is taken.
//! An idle connection has a congestion block at most, one that is gone has nothing in any of them.

/// A pool that is reserved at start, and that connections (or listeners) take entries from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Segments that are outstanding.
    SendRecords,
    /// Ranges received out of order, and duplicates that are to be told of.
    Ranges,
    /// What recovery from a loss remembers.
    Scoreboards,
    /// What only connections with a rare feature need.
    Extensions,
    /// Keys of TCP-MD5 and TCP-AO, those of listeners included.
    Keys,
    /// What a congestion window that has moved is remembered by.
    CongestionBlocks,
    /// Active opens with data in their SYN.
    FastOpens,
}

impl Pool {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::SendRecords,
        Self::Ranges,
        Self::Scoreboards,
        Self::Extensions,
        Self::Keys,
        Self::CongestionBlocks,
        Self::FastOpens,
    ];

    /// Its name in metrics and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SendRecords => "send_records",
            Self::Ranges => "ranges",
            Self::Scoreboards => "scoreboards",
            Self::Extensions => "extensions",
            Self::Keys => "keys",
            Self::CongestionBlocks => "congestion_blocks",
            Self::FastOpens => "fast_opens",
        }
    }
}

#[cfg(test)]
mod tests;
