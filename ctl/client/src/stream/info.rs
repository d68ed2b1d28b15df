//! What a connection has come to.

use std::io;
use std::time::Duration;

use coremill_ring::info::Info;

use super::TcpStream;

/// What a connection has come to, at the moment of asking; as Linux's TCP_INFO.
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// let info = stream.info()?;
/// println!("{:?}, round trip {:?}", info.state, info.round_trip);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// Its state.
    pub state: TcpState,
    /// Smoothed round-trip time; None before the first measurement.
    pub round_trip: Option<Duration>,
    /// How much that varies.
    pub round_trip_variation: Duration,
    /// Present retransmission timeout.
    pub retransmission_timeout: Duration,
    /// Segments retransmitted over its life.
    pub retransmissions: u32,
    /// Congestion window in bytes.
    pub congestion_window_bytes: u32,
    /// Slow-start threshold in bytes; None when none was set yet.
    pub slow_start_threshold_bytes: Option<u32>,
    /// The window that the peer offers, in bytes.
    pub send_window_bytes: u32,
    /// The window that we offer, in bytes.
    pub receive_window_bytes: u32,
    /// Bytes of the largest segment that is sent, without options.
    pub send_segment_bytes: u32,
    /// Bytes of the largest segment that the peer was told to send.
    pub receive_segment_bytes: u32,
    /// Bytes written that the peer has not acknowledged.
    pub send_queue_bytes: u32,
    /// Bytes received that were not read.
    pub receive_queue_bytes: u32,
    /// Bytes received in order, over its life.
    pub received_bytes: u64,
    /// Bytes written, over its life.
    pub sent_bytes: u64,
    /// Bytes of these that the peer acknowledged.
    pub acknowledged_bytes: u64,
    /// Where loss recovery stands, by Linux's number: 0 open, 1 disorder, 2 window reduced, 3 recovery, 4 after a timeout.
    pub recovery: u32,
    /// Timeouts in a row.
    pub timeouts: u32,
    /// Probes in a row that were not answered.
    pub probes: u32,
    /// Both ends send timestamps.
    pub has_timestamps: bool,
    /// Both ends take selective acknowledgements.
    pub has_sack: bool,
    /// Windows are scaled.
    pub has_window_scale: bool,
    /// How far the peer's window is shifted.
    pub send_window_shift: u8,
    /// How far ours is.
    pub receive_window_shift: u8,
    /// Data of the SYN was acknowledged (TCP Fast Open).
    pub has_syn_data: bool,
    /// Why data did not go with the SYN, by Linux's number: 1 for want of a cookie, 2 not acknowledged, 3 the SYN timed out.
    pub fast_open_failure: u8,
    /// How often the retransmission timeout was doubled.
    pub backoff: u8,
    /// Explicit congestion notification.
    pub ecn: EcnInfo,
    /// How long an acknowledgement waits at present.
    pub acknowledgement_delay: Duration,
    /// Duplicates that mean a loss.
    pub reordering_segments: u32,
    /// Segments sent and not acknowledged.
    pub unacknowledged_segments: u32,
    /// Of these, received beyond a hole.
    pub sacked_segments: u32,
    /// Of these, taken for lost.
    pub lost_segments: u32,
    /// Of these, sent again and on their way.
    pub resent_segments: u32,
    /// Time since data was sent.
    pub since_sent: Duration,
    /// Time since data arrived.
    pub since_received: Duration,
    /// Time since anything acceptable arrived.
    pub since_heard: Duration,
    /// Bytes of IP packet that the path carries.
    pub path_mtu_bytes: u32,
    /// Smallest round trip; None before the first.
    pub round_trip_least: Option<Duration>,
    /// Bytes written and not sent.
    pub unsent_bytes: u32,
    /// Bytes that may wait for the reader in the daemon.
    pub receive_buffer_bytes: u32,
    /// Bytes of the largest segment that the peer sent, without options.
    pub seen_segment_bytes: u32,
    /// Bytes a second that are let out at most; None for no bound.
    pub pacing_rate: Option<u64>,
}

/// What a connection has come to with explicit congestion notification. Counters are those of AccECN (RFC 9768).
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// println!("{} segments arrived marked", stream.info()?.ecn.delivered.marked_segments);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EcnInfo {
    /// Both ends take part.
    pub is_agreed: bool,
    /// A segment came that routers could mark.
    pub is_seen: bool,
    /// What was agreed on, by Linux's number: 0 nothing, 1 the classic kind, 2 AccECN; 3 while our SYN asks for that.
    pub mode: u8,
    /// Whether the peer's options come: 0 none, 1 an empty one, 2 with counters, 3 zeroed on the way.
    pub option_seen: u8,
    /// What failed: 1 ours is not told, 2 the peer's is not heard, 4 our options get lost, 8 the peer's are zeroed.
    pub failures: u8,
    /// What was sent and arrived.
    pub delivered: EcnCounts,
    /// What was received.
    pub received: EcnCounts,
}

/// Segments and bytes of one direction by their marks.
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// println!("{} bytes came marked", stream.info()?.ecn.received.marked_bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcnCounts {
    /// Segments that a router marked (CE).
    pub marked_segments: u32,
    /// Bytes that came as ECT(1).
    pub ect1_bytes: u32,
    /// Bytes that came as ECT(0).
    pub ect0_bytes: u32,
    /// Bytes that came as CE.
    pub marked_bytes: u32,
}

/// The states of RFC 9293.
///
/// ```no_run
/// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
/// let is_open = stream.info()?.state == coremill_client::TcpState::Established;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpState {
    /// Both directions open.
    Established,
    /// Our SYN is on its way.
    SynSent,
    /// Both SYNs are, ours not acknowledged.
    SynReceived,
    /// Our end of stream is on its way.
    FinWait1,
    /// Our end of stream is acknowledged.
    FinWait2,
    /// Both ended, and wait for old segments to vanish.
    TimeWait,
    /// No connection.
    Closed,
    /// The peer ended its direction.
    CloseWait,
    /// The peer ended, and then we did.
    LastAck,
    /// Waits for connections.
    Listen,
    /// Both ended at once.
    Closing,
}

impl TcpStream {
    /// What the connection has come to; its worker says it within a turn.
    ///
    /// # Errors
    /// `ENOTCONN` when it was never connected, `ECONNRESET` when the attachment is over, `TimedOut` after ten
    /// seconds without an answer. One that does not block waits here too: on tokio, ask in `spawn_blocking`.
    ///
    /// ```no_run
    /// # fn example(stream: &coremill_client::TcpStream) -> std::io::Result<()> {
    /// println!("{} bytes wait for their acknowledgement", stream.info()?.send_queue_bytes);
    /// # Ok(())
    /// # }
    /// ```
    pub fn info(&self) -> io::Result<TcpInfo> {
        let socket = &self.inner.socket;
        let handle = socket.wait_for_name(None)?.handle;
        // Or the worker would count as unread what it was not told of.
        socket.tell_read()?;
        let info = socket.context.ask_info(socket.worker, handle)?;
        Ok(TcpInfo::from(info))
    }
}

impl From<Info> for TcpInfo {
    fn from(info: Info) -> Self {
        let time = |micros: u32| Duration::from_micros(u64::from(micros));
        let millis = |millis: u32| Duration::from_millis(u64::from(millis));
        let threshold = info.slow_start_threshold_bytes;
        Self {
            state: TcpState::from_number(info.state),
            round_trip: (info.round_trip_us != 0).then(|| time(info.round_trip_us)),
            round_trip_variation: time(info.round_trip_variation_us),
            retransmission_timeout: time(info.retransmission_timeout_us),
            retransmissions: info.retransmissions,
            congestion_window_bytes: info.congestion_window_bytes,
            slow_start_threshold_bytes: (threshold != u32::MAX).then_some(threshold),
            send_window_bytes: info.send_window_bytes,
            receive_window_bytes: info.receive_window_bytes,
            send_segment_bytes: info.send_segment_bytes,
            receive_segment_bytes: info.receive_segment_bytes,
            send_queue_bytes: info.send_queue_bytes,
            receive_queue_bytes: info.receive_queue_bytes,
            received_bytes: info.received_bytes,
            sent_bytes: info.sent_bytes,
            acknowledged_bytes: info.acknowledged_bytes,
            recovery: info.recovery,
            timeouts: info.timeouts,
            probes: info.probes,
            has_timestamps: info.options & 1 != 0,
            has_sack: info.options & 2 != 0,
            has_window_scale: info.options & 4 != 0,
            send_window_shift: info.send_window_shift,
            receive_window_shift: info.receive_window_shift,
            has_syn_data: info.options & 32 != 0,
            fast_open_failure: info.fast_open_failure,
            backoff: info.backoff,
            ecn: EcnInfo {
                is_agreed: info.options & 8 != 0,
                is_seen: info.options & 16 != 0,
                mode: info.ecn_mode,
                option_seen: info.ecn_option_seen,
                failures: info.ecn_failures,
                delivered: EcnCounts::from(info.ecn_delivered),
                received: EcnCounts::from(info.ecn_received),
            },
            acknowledgement_delay: time(info.acknowledgement_delay_us),
            reordering_segments: info.reordering_segments,
            unacknowledged_segments: info.unacknowledged_segments,
            sacked_segments: info.sacked_segments,
            lost_segments: info.lost_segments,
            resent_segments: info.resent_segments,
            since_sent: millis(info.since_sent_ms),
            since_received: millis(info.since_received_ms),
            since_heard: millis(info.since_heard_ms),
            path_mtu_bytes: info.path_mtu_bytes,
            round_trip_least: (info.round_trip_least_us != u32::MAX)
                .then(|| time(info.round_trip_least_us)),
            unsent_bytes: info.unsent_bytes,
            receive_buffer_bytes: info.receive_buffer_bytes,
            seen_segment_bytes: info.seen_segment_bytes,
            pacing_rate: (info.pacing_rate != u64::MAX).then_some(info.pacing_rate),
        }
    }
}

impl From<[u32; 4]> for EcnCounts {
    fn from([marked_segments, ect1_bytes, ect0_bytes, marked_bytes]: [u32; 4]) -> Self {
        Self {
            marked_segments,
            ect1_bytes,
            ect0_bytes,
            marked_bytes,
        }
    }
}

impl TcpState {
    /// By Linux's number.
    fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => Self::Closed,
        }
    }
}
