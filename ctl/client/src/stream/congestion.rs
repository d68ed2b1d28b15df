//! How fast a connection may send: its congestion control by name, and a bound of its rate.

use std::io;

use coremill_ring::listing::numbers_of;
use coremill_ring::option::{CONGESTION, CONGESTION_INFO, PACING_RATE_MAX};
use rustix::io::Errno;

use super::TcpStream;

/// What a congestion control alone knows, as Linux's TCP_CC_INFO.
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// if let coremill_client::CongestionInfo::Bbr { bandwidth, .. } = stream.congestion_info()? {
///     println!("{bandwidth} bytes a second");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CongestionInfo {
    /// Nothing: it has no numbers of its own (CUBIC, NewReno).
    None,
    /// Of BBR.
    Bbr {
        /// Bottleneck bandwidth in bytes a second.
        bandwidth: u64,
        /// Smallest round trip in microseconds; 0 before the first.
        round_trip_least_us: u32,
        /// Gain of the pacing rate, in 256ths.
        pacing_gain: u32,
        /// Gain of the window, in 256ths.
        window_gain: u32,
    },
    /// Of DCTCP.
    Dctcp {
        /// The share of marked bytes, in 1,024ths.
        alpha: u32,
        /// Bytes marked in the present window.
        marked_bytes: u32,
        /// Bytes delivered in it.
        delivered_bytes: u32,
    },
}

impl CongestionInfo {
    fn of(words: &[u64]) -> Option<Self> {
        let numbers = numbers_of(words);
        let [number, first, second, third, fourth, fifth, ..] = *numbers.as_slice() else {
            return None;
        };
        let name = usize::try_from(number).ok()?.checked_sub(1);
        Some(match name.and_then(|at| NAMES.get(at)).copied() {
            Some("bbr") => Self::Bbr {
                bandwidth: u64::from(second) << 32 | u64::from(first),
                round_trip_least_us: third,
                pacing_gain: fourth,
                window_gain: fifth,
            },
            Some("dctcp") => Self::Dctcp {
                alpha: second,
                marked_bytes: third,
                delivered_bytes: fourth,
            },
            _ => Self::None,
        })
    }
}

impl TcpStream {
    /// What its congestion control alone knows (TCP_CC_INFO); its worker says it within a turn.
    ///
    /// # Errors
    /// As [`TcpStream::info`]; `ENOTCONN` as well when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{:?}", stream.congestion_info()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn congestion_info(&self) -> io::Result<CongestionInfo> {
        let words = self.listing(CONGESTION_INFO)?;
        CongestionInfo::of(&words).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Chooses the congestion control (TCP_CONGESTION) by name: `cubic`, `newreno` (or `reno`), `bbr`, `dctcp`.
    ///
    /// # Errors
    /// `ENOENT` for another name, `EPERM` for one that `tcp.congestion_allowed` does not have, `EBADF` when the connection is
    /// over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_congestion("bbr")
    /// # }
    /// ```
    pub fn set_congestion(&self, name: &str) -> io::Result<()> {
        let name = if name == "reno" { "newreno" } else { name };
        let number = (1..).zip(NAMES).find(|(_, known)| *known == name);
        let (number, _) = number.ok_or(Errno::NOENT)?;
        self.inner.set(CONGESTION, number)
    }

    /// The name of its congestion control.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{}", stream.congestion()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn congestion(&self) -> io::Result<&'static str> {
        let number = usize::try_from(self.inner.get(CONGESTION)?).unwrap_or(0);
        let name = number.checked_sub(1).and_then(|at| NAMES.get(at));
        // A later daemon may have more of them.
        Ok(name.copied().ok_or(Errno::NOENT)?)
    }

    /// Bytes a second that are sent at most (SO_MAX_PACING_RATE), spread evenly; None for no such bound.
    ///
    /// # Errors
    /// `EBADF` when the connection is over.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// stream.set_max_pacing_rate(Some(1_000_000))
    /// # }
    /// ```
    pub fn set_max_pacing_rate(&self, rate: Option<u64>) -> io::Result<()> {
        let rate = rate.map_or(-1, |rate| i64::try_from(rate).unwrap_or(i64::MAX));
        self.inner.set(PACING_RATE_MAX, rate)
    }

    /// What [`TcpStream::set_max_pacing_rate`] set.
    ///
    /// # Errors
    /// `EBADF` when the connection is over. One that does not block waits for its worker here too.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{:?}", stream.max_pacing_rate()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_pacing_rate(&self) -> io::Result<Option<u64>> {
        // Below 0: no bound.
        Ok(u64::try_from(self.inner.get(PACING_RATE_MAX)?).ok())
    }
}

/// In the order of their numbers, from 1 on (`coremill_ring::option::CONGESTION`).
const NAMES: [&str; 4] = ["cubic", "newreno", "bbr", "dctcp"];
