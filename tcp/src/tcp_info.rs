//! What a connection has come to, as `struct tcp_info` of Linux has it (tcp(7): TCP_INFO), as far as a field has a
//! meaning here. What Linux counts for each connection is counted here for those that are asked to, else it is zero.

mod counted;
mod ecn;

pub use counted::CountedInfo;
pub use ecn::EcnInfo;

use crate::congestion::Phase;
use crate::state::State;

/// Fields of `struct tcp_info`, by Linux's names and in its units; [`TcpInfo::to_bytes`] lays them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// State, by Linux's number.
    pub state: u8,
    /// Where loss recovery stands: open, disorder, CWR, recovery, loss.
    pub ca_state: u8,
    /// Timeouts in a row.
    pub retransmits: u8,
    /// Probes in a row that were not answered.
    pub probes: u8,
    /// How often the timeout was doubled.
    pub backoff: u8,
    /// Agreed on: timestamps 1, SACK 2, window scale 4, ECN 8; a segment came that could be marked 16; data of a SYN was
    /// acknowledged 32.
    pub options: u8,
    /// The peer's window shift, and ours four bits higher.
    pub scales: u8,
    /// Why data did not go with the SYN: 1 for want of a cookie, 2 not acknowledged, 3 the SYN timed out.
    pub fast_open_failure: u8,
    /// Retransmission timeout in microseconds.
    pub rto: u32,
    /// Delay of acknowledgements in microseconds.
    pub ato: u32,
    /// Payload of a full segment of ours.
    pub snd_mss: u32,
    /// Payload of a full segment of the peer's, as far as was seen.
    pub rcv_mss: u32,
    /// Segments not acknowledged.
    pub unacked: u32,
    /// Of these, received beyond a hole.
    pub sacked: u32,
    /// Of these, taken for lost.
    pub lost: u32,
    /// Of these, sent again and on their way.
    pub retrans: u32,
    /// Milliseconds since data was sent.
    pub last_data_sent: u32,
    /// Milliseconds since data arrived.
    pub last_data_recv: u32,
    /// Milliseconds since an acceptable segment arrived.
    pub last_ack_recv: u32,
    /// Bytes of IP packet that the path carries.
    pub pmtu: u32,
    /// Window that is offered at most now.
    pub rcv_ssthresh: u32,
    /// Smoothed round-trip time in microseconds.
    pub rtt: u32,
    /// How much that varies, in microseconds.
    pub rttvar: u32,
    /// Slow-start threshold in segments, 0x7fffffff when none was set.
    pub snd_ssthresh: u32,
    /// Congestion window in segments.
    pub snd_cwnd: u32,
    /// Segment size that the peer was told.
    pub advmss: u32,
    /// Duplicates that mean a loss.
    pub reordering: u32,
    /// Bytes that may wait for the reader.
    pub rcv_space: u32,
    /// Segments retransmitted over its life.
    pub total_retrans: u32,
    /// Bytes a second that are let out at most; all ones for no bound.
    pub pacing_rate: u64,
    /// What the user allows of it (SO_MAX_PACING_RATE); all ones for no bound.
    pub max_pacing_rate: u64,
    /// Bytes written and not sent.
    pub notsent_bytes: u32,
    /// Smallest round trip in microseconds; all ones before the first.
    pub min_rtt: u32,
    /// The peer's window.
    pub snd_wnd: u32,
    /// Ours.
    pub rcv_wnd: u32,
    /// Explicit congestion notification.
    pub ecn: EcnInfo,
    /// What it has counted; None where it was not asked to.
    pub counted: Option<CountedInfo>,
}

impl TcpInfo {
    /// As getsockopt gives it; fields that are not known are zero.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (_, at, width, value) in self.all() {
            let value = value.to_ne_bytes();
            let value = match cfg!(target_endian = "big") {
                true => value.get(8 - width..),
                false => value.get(..width),
            };
            if let (Some(place), Some(value)) = (bytes.get_mut(at..at + width), value) {
                place.copy_from_slice(value);
            }
        }
        bytes
    }

    /// The byte that two fields share: whether the delivery rate tells of the user, and why data did not go with the SYN.
    fn mixed(&self) -> u8 {
        let limited = self
            .counted
            .is_some_and(|counted| counted.delivery_rate_app_limited);
        u8::from(limited) | self.fast_open_failure << 1
    }

    /// Name and value of each field that is known here.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.all().map(|(name, _, _, value)| (name, value))
    }

    /// Name, offset, width and value of each field that is known here.
    fn all(&self) -> impl Iterator<Item = (&'static str, usize, usize, u64)> {
        let counted = self.counted.iter().flat_map(CountedInfo::placed);
        let own = self.placed().into_iter();
        own.chain(self.ecn.placed()).chain(counted)
    }

    /// Name, offset, width and value of each field of its own.
    fn placed(&self) -> [(&'static str, usize, usize, u64); FIELDS] {
        [
            ("tcpi_state", 0, 1, u64::from(self.state)),
            ("tcpi_ca_state", 1, 1, u64::from(self.ca_state)),
            ("tcpi_retransmits", 2, 1, u64::from(self.retransmits)),
            ("tcpi_probes", 3, 1, u64::from(self.probes)),
            ("tcpi_backoff", 4, 1, u64::from(self.backoff)),
            ("tcpi_options", 5, 1, u64::from(self.options)),
            ("tcpi_scales", 6, 1, u64::from(self.scales)),
            ("tcpi_fastopen_client_fail", 7, 1, u64::from(self.mixed())),
            ("tcpi_rto", 8, 4, u64::from(self.rto)),
            ("tcpi_ato", 12, 4, u64::from(self.ato)),
            ("tcpi_snd_mss", 16, 4, u64::from(self.snd_mss)),
            ("tcpi_rcv_mss", 20, 4, u64::from(self.rcv_mss)),
            ("tcpi_unacked", 24, 4, u64::from(self.unacked)),
            ("tcpi_sacked", 28, 4, u64::from(self.sacked)),
            ("tcpi_lost", 32, 4, u64::from(self.lost)),
            ("tcpi_retrans", 36, 4, u64::from(self.retrans)),
            ("tcpi_last_data_sent", 44, 4, u64::from(self.last_data_sent)),
            ("tcpi_last_data_recv", 52, 4, u64::from(self.last_data_recv)),
            ("tcpi_last_ack_recv", 56, 4, u64::from(self.last_ack_recv)),
            ("tcpi_pmtu", 60, 4, u64::from(self.pmtu)),
            ("tcpi_rcv_ssthresh", 64, 4, u64::from(self.rcv_ssthresh)),
            ("tcpi_rtt", 68, 4, u64::from(self.rtt)),
            ("tcpi_rttvar", 72, 4, u64::from(self.rttvar)),
            ("tcpi_snd_ssthresh", 76, 4, u64::from(self.snd_ssthresh)),
            ("tcpi_snd_cwnd", 80, 4, u64::from(self.snd_cwnd)),
            ("tcpi_advmss", 84, 4, u64::from(self.advmss)),
            ("tcpi_reordering", 88, 4, u64::from(self.reordering)),
            ("tcpi_rcv_space", 96, 4, u64::from(self.rcv_space)),
            ("tcpi_total_retrans", 100, 4, u64::from(self.total_retrans)),
            ("tcpi_pacing_rate", 104, 8, self.pacing_rate),
            ("tcpi_max_pacing_rate", 112, 8, self.max_pacing_rate),
            ("tcpi_notsent_bytes", 144, 4, u64::from(self.notsent_bytes)),
            ("tcpi_min_rtt", 148, 4, u64::from(self.min_rtt)),
            ("tcpi_snd_wnd", 228, 4, u64::from(self.snd_wnd)),
            ("tcpi_rcv_wnd", 232, 4, u64::from(self.rcv_wnd)),
        ]
    }
}

/// As `enum` in Linux's `tcp_states.h`.
pub fn state_number(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

/// As `enum tcp_ca_state` in Linux's `tcp.h`.
pub fn recovery_number(phase: Phase) -> u8 {
    match phase {
        Phase::Open => 0,
        Phase::Disorder => 1,
        Phase::Reducing => 2,
        Phase::Recovery => 3,
        Phase::Loss => 4,
    }
}

/// Bytes of the structure, as of Linux 7.0.
pub const BYTES: usize = 280;
const FIELDS: usize = 35;

#[cfg(test)]
mod tests;
