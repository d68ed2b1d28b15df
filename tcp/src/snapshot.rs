//! Rows for whoever wants to see what a shard holds, read slice by slice.

use std::net::IpAddr;
use std::time::Duration;

use crate::address::Flow;
use crate::congestion::{Algorithm, AlgorithmInfo, Phase};
use crate::error::{ConnectionError, ReceiveError};
use crate::fast_open::FastOpenCookie;
use crate::memory_info::MemoryInfo;
use crate::state::State;
use crate::statistics::Objects;
use crate::urgent::UrgentMark;

/// What a user who moves bytes wants to know of a connection; see [`Shard::look`](crate::Shard::look).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Why it failed, if it did.
    pub error: Option<ConnectionError>,
    /// Bytes received in order and not consumed, as far as one read gives them: up to the mark of urgent data.
    pub readable_bytes: usize,
    /// What `receive_slice` gives once those are consumed: more later, or nothing any more.
    pub behind: Result<(), ReceiveError>,
    /// Bytes that `send` would take.
    pub send_room_bytes: usize,
    /// Bytes sent and not yet acknowledged by the peer.
    pub send_queue_bytes: usize,
    /// The peer has acknowledged our end of stream, and all before it.
    pub is_delivered: bool,
    /// The mark of urgent data, where there is one that was not passed.
    pub mark: Option<UrgentMark>,
}

/// Where a walk over a shard's tables stands; start with the default, pass it back for the next slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) table: u8,
    pub(crate) slot: u32,
}

impl Cursor {
    /// The place as a number, for those who hand it to someone else and take it back.
    pub const fn to_bits(self) -> u64 {
        ((self.table as u64) << 32) | self.slot as u64
    }

    /// The place that `bits` names; any number is accepted, one that names no place is the end.
    pub const fn from_bits(bits: u64) -> Self {
        let table = bits >> 32;
        Self {
            table: if table > u8::MAX as u64 {
                u8::MAX
            } else {
                table as u8
            },
            slot: (bits & 0xffff_ffff) as u32,
        }
    }
}

/// One connection, half-open request or TIME-WAIT record.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionRow {
    /// Both ends.
    pub flow: Flow,
    /// State; requests show SYN-RECEIVED.
    pub state: State,
    /// Bytes received and not yet read.
    pub receive_queue_bytes: u32,
    /// Bytes written and not yet acknowledged.
    pub send_queue_bytes: u32,
    /// Congestion window in bytes.
    pub congestion_window_bytes: u32,
    /// Slow-start threshold in bytes, u32::MAX when none was set yet.
    pub slow_start_threshold_bytes: u32,
    /// Algorithm of congestion control; None for what is no connection.
    pub algorithm: Option<Algorithm>,
    /// Its own numbers.
    pub algorithm_info: AlgorithmInfo,
    /// Bytes per second at which segments leave, where they are paced.
    pub pacing_rate: Option<u64>,
    /// The peer's window in bytes, scaled.
    pub send_window_bytes: u32,
    /// Our window in bytes.
    pub receive_window_bytes: u32,
    /// Effective maximum segment size, without options.
    pub maximum_segment_bytes: u16,
    /// Largest segment that the peer was told to send, without options.
    pub receive_segment_bytes: u16,
    /// Smoothed round-trip time.
    pub round_trip: Option<Duration>,
    /// How much that varies (RTTVAR).
    pub round_trip_variation: Duration,
    /// Present retransmission timeout.
    pub retransmission_timeout: Duration,
    /// Segments retransmitted over the connection's life.
    pub retransmissions: u32,
    /// What has been sent and is not acknowledged, and what became of it.
    pub outstanding: Outstanding,
    /// Why nothing more is sent now, in one word (`idle`, `cwnd`, `window`, `nagle`, ...).
    pub hold: &'static str,
    /// True when its user has closed it.
    pub orphan: bool,
    /// What its segments are signed by, if they are.
    pub signed_by: Option<SignedBy>,
    /// What was agreed on about explicit congestion notification.
    pub ecn: EcnKind,
    /// What memory it has; None of what is no connection.
    pub memory: Option<MemoryInfo>,
    /// What it has counted, if it was asked to.
    pub statistics: Option<Objects>,
}

/// What both ends have agreed on about explicit congestion notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EcnKind {
    /// Nothing.
    #[default]
    None,
    /// The classic kind (RFC 3168).
    Classic,
    /// AccECN (RFC 9768).
    Accurate,
}

impl EcnKind {
    /// The word that operators see; None for nothing.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Classic => Some("ecn"),
            Self::Accurate => Some("accecn"),
        }
    }

    pub(crate) fn of(is_classic: bool, is_accurate: bool) -> Self {
        match (is_classic, is_accurate) {
            (_, true) => Self::Accurate,
            (true, false) => Self::Classic,
            (false, false) => Self::None,
        }
    }
}

/// What a connection's segments are signed by: which keys, never a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// TCP-MD5.
    Md5,
    /// TCP-AO.
    Ao {
        /// SendID of the key that signs.
        current_id: u8,
        /// RecvID of the key that the peer is asked to sign with.
        next_id: u8,
    },
}

/// What a connection has sent and is not acknowledged, and where loss recovery stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outstanding {
    /// Where recovery stands; [`Phase::word`] is the word for it.
    pub phase: Phase,
    /// Segments, and bytes.
    pub segments: u32,
    /// Bytes of them.
    pub bytes: u32,
    /// Of these bytes, what is thought to be in the network.
    pub in_flight_bytes: u32,
    /// Received beyond a hole.
    pub sacked: Amount,
    /// Taken for lost, sent again or not.
    pub lost: Amount,
    /// Of the lost ones, what was sent again and is on its way.
    pub retransmitted: Amount,
    /// Duplicates that mean a loss: more once the path is known to reorder.
    pub reordering_segments: u16,
}

/// Segments, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many segments.
    pub segments: u32,
    /// How many bytes.
    pub bytes: u32,
}

/// What one shard remembers of a destination; None for what is not known.
#[derive(Clone, Copy, Debug)]
pub struct DestinationRow {
    /// Our address.
    pub source: IpAddr,
    /// The destination's.
    pub destination: IpAddr,
    /// Since when nobody asked for it.
    pub age: Duration,
    /// Smoothed round-trip time.
    pub round_trip: Option<Duration>,
    /// How much that varies (RTTVAR).
    pub round_trip_variation: Option<Duration>,
    /// Where slow start ended.
    pub slow_start_threshold_segments: Option<u32>,
    /// The congestion window that connections came to.
    pub congestion_window_segments: Option<u32>,
    /// Duplicates that mean a loss, where the path reorders.
    pub reordering_segments: Option<u32>,
    /// What the path carries, where that is less than the link.
    pub path_mtu: Option<u16>,
    /// What a search has found: packets of so many bytes arrive, and larger ones than so many do not, or were not tried.
    pub path_mtu_found: Option<(u16, u16)>,
    /// Its Fast Open cookie.
    pub fast_open_cookie: Option<FastOpenCookie>,
    /// The segment size that it named when it was asked for one.
    pub fast_open_segment_bytes: Option<u32>,
    /// SYNs with data in a row that were lost.
    pub fast_open_syn_losses: u8,
    /// How long ago the last of them was.
    pub fast_open_lost: Option<Duration>,
}

/// One listener on one shard.
#[derive(Clone, Copy, Debug)]
pub struct ListenerRow {
    /// Address and port.
    pub local: crate::address::Endpoint,
    /// Connections waiting for accept on this shard.
    pub accept_queue: usize,
    /// Bound of the accept queue over all shards.
    pub backlog: usize,
    /// Half-open requests of this listener on this shard.
    pub requests: usize,
    /// Connections refused because the accept queue was full.
    pub overflows: u64,
}
