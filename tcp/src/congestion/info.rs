//! What there is to see of an algorithm, as Linux's TCP_CC_INFO tells it.

use super::block::Private;
use super::hystart::Sign;
use super::{Algorithm, Congestion, CongestionPool};

/// The algorithm's own numbers. Algorithms without any, as on Linux, have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlgorithmInfo {
    /// Nothing to see, or nothing yet.
    #[default]
    None,
    /// DCTCP (Linux: tcp_dctcp_info).
    Dctcp {
        /// The share of marked bytes, in 1,024ths.
        alpha: u32,
        /// Bytes marked in the present window.
        marked_bytes: u32,
        /// Bytes delivered in it.
        delivered_bytes: u32,
    },
    /// BBR (Linux: tcp_bbr_info).
    Bbr {
        /// Bottleneck bandwidth in bytes per second.
        bandwidth: u64,
        /// Smallest round trip in microseconds; 0 before the first.
        round_trip_min_micros: u32,
        /// Gain of the pacing rate, in 256ths.
        pacing_gain: u32,
        /// Gain of the window, in 256ths.
        window_gain: u32,
    },
}

impl AlgorithmInfo {
    /// Linux's structure of it, in words of 32 bits: `tcp_bbr_info`, or `tcp_dctcp_info` (whose first word is that it is
    /// enabled; the mark seen last is not kept there). Nothing for algorithms without, as for CUBIC.
    pub fn to_words(self) -> [u32; 5] {
        match self {
            Self::None => [0; 5],
            Self::Dctcp {
                alpha,
                marked_bytes,
                delivered_bytes,
            } => [1, alpha, marked_bytes, delivered_bytes, 0],
            Self::Bbr {
                bandwidth,
                round_trip_min_micros,
                pacing_gain,
                window_gain,
            } => [
                bandwidth as u32,
                (bandwidth >> 32) as u32,
                round_trip_min_micros,
                pacing_gain,
                window_gain,
            ],
        }
    }
}

/// How slow starts have ended, and what was not to be had: what the shard counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct CongestionTally {
    /// Slow starts ended by a train of acknowledgements, and their windows in segments.
    pub trains: u64,
    /// See `trains`.
    pub train_segments: u64,
    /// Slow starts ended by a grown delay, and their windows in segments.
    pub delays: u64,
    /// See `delays`.
    pub delay_segments: u64,
    /// How often no block was left.
    pub exhausted: u64,
}

impl Congestion {
    /// The algorithm's own numbers.
    pub fn info(&self, pool: &CongestionPool) -> AlgorithmInfo {
        match pool.get(&self.block).map(|block| &block.private) {
            Some(Private::Dctcp(dctcp)) if self.algorithm == Algorithm::Dctcp => dctcp.info(),
            Some(Private::Bbr(bbr)) if self.algorithm == Algorithm::Bbr => bbr.info(),
            _ => AlgorithmInfo::None,
        }
    }
}

impl CongestionTally {
    /// A slow start has ended at `segments` segments.
    pub(super) fn count(&mut self, sign: Sign, segments: u32) {
        let (ends, sum) = match sign {
            Sign::Train => (&mut self.trains, &mut self.train_segments),
            Sign::Delay => (&mut self.delays, &mut self.delay_segments),
        };
        *ends += 1;
        *sum += u64::from(segments);
    }
}
