//! What a connection counts by RFC 4898.

use std::io;

use coremill_ring::listing::OBJECTS;
use coremill_ring::option::{STATISTICS, STATISTICS_OBJECTS};

use super::TcpStream;

/// What a connection has counted since it was asked to, at the moment of asking: the core of the extended statistics of
/// RFC 4898. Names are the MIB's without `tcpEStats`, in its groups Perf, Path, Stack and App; times are microseconds
/// throughout, also where the MIB has milliseconds. A group Info has those fields of Linux's TCP_INFO that the MIB lacks,
/// in Linux's units (`InfoTotalRtoTime` is milliseconds).
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// for (name, value) in stream.statistics()?.iter() {
///     println!("{name} {value}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    values: Vec<u64>,
}

impl Statistics {
    /// The value of one object; None for a name that is none.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// let limited = stream.statistics()?.value("PerfSndLimTimeRwin");
    /// println!("the peer's window held us back for {limited:?} us");
    /// # Ok(())
    /// # }
    /// ```
    pub fn value(&self, name: &str) -> Option<u64> {
        let mut all = self.iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Name and value of each object.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{} objects", stream.statistics()?.iter().count());
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        OBJECTS.into_iter().zip(self.values.iter().copied())
    }
}

impl TcpStream {
    /// Whether the connection counts what RFC 4898 wants. It costs it the short ways of the daemon's TCP; what was counted is
    /// forgotten when it ends. A daemon with `tcp.statistics` has all connections count, whatever is set here.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_statistics(true)
    /// # }
    /// ```
    pub fn set_statistics(&self, on: bool) -> io::Result<()> {
        self.inner.set(STATISTICS, i64::from(on))
    }

    /// What it has counted; its worker says it within a turn.
    ///
    /// # Errors
    /// `ENODATA` when it does not count: [`TcpStream::set_statistics`], also where `tcp.extensions_max` left no room for it;
    /// otherwise as [`TcpStream::info`].
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{:?} segments", stream.statistics()?.value("PerfSegsOut"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn statistics(&self) -> io::Result<Statistics> {
        let values = self.listing(STATISTICS_OBJECTS)?;
        Ok(Statistics { values })
    }
}
