//! Every bound and default of a shard. All memory is reserved when the shard is made.

mod mtu_probing;
mod opening;

pub use mtu_probing::{MtuProbing, MtuProbingMode};
pub use opening::{OpeningLimits, SYN_COOKIE_VALID, SynCookies, TimeWaitReuse};

use std::time::Duration;

use crate::congestion::CongestionSettings;
use crate::ecn::{EcnMode, EcnOption};

/// Bounds, timers and defaults of one shard. Defaults follow Linux where Linux has one.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that are neither half-open requests nor in TIME-WAIT.
    pub connections_max: usize,
    /// Half-open passive connections (RFC 4987).
    pub requests_max: usize,
    /// TIME-WAIT records.
    pub time_wait_max: usize,
    /// Listeners.
    pub listeners_max: usize,
    /// Connections that their user closed and that still live (orphans).
    pub orphans_max: usize,
    /// Memory for bytes received and to be sent, in bytes, shared by all connections.
    pub memory_bytes: usize,
    /// Bytes a connection may hold to be sent, once its buffer has grown with the congestion window (Linux: tcp_wmem, the
    /// third).
    pub send_buffer_bytes: usize,
    /// Bytes it may hold at least, and while memory is short (Linux: tcp_wmem, the second).
    pub send_buffer_first_bytes: usize,
    /// Bytes a connection may hold received and unread, once its buffer has grown; the window offered follows from it.
    pub receive_buffer_bytes: usize,
    /// Bytes written and not sent beyond which a connection has no room (tcp_notsent_lowat); `u32::MAX` for none.
    pub unsent_low_water: u32,
    /// Blocks for what only few connections need: urgent data, signatures, Fast Open, BBR.
    pub extensions_max: usize,
    /// Keys of TCP-MD5 and TCP-AO, those of connections included: each has its own.
    pub keys_max: usize,
    /// Segments of TCP-AO from peers that there is no key for are taken as if they were not signed (Linux drops them).
    /// RFC 5925, section 7.3.
    pub accepts_unknown_ao: bool,
    /// Out-of-order ranges per connection.
    pub reassembly_ranges_max: usize,
    /// Segments sent and not acknowledged, of all connections together.
    pub send_records_max: usize,
    /// How losses are found where the peer sends SACK (Linux: tcp_recovery).
    pub loss_detection: LossDetection,
    /// Probe the tail of a flight before the retransmission timer runs out (RFC 8985; Linux: tcp_early_retrans).
    pub tail_loss_probe: bool,
    /// Find out whether a retransmission timeout was spurious (RFC 5682; Linux: tcp_frto).
    pub spurious_timeout_detection: bool,
    /// Duplicates that mean a loss before reordering was seen (Linux: tcp_reordering).
    pub reordering: u16,
    /// What reordering may raise that to (Linux: tcp_max_reordering).
    pub reordering_max: u16,
    /// Lower bound of the retransmission timer (Linux: 200 ms; RFC 6298 says 1 s).
    pub rto_min: Duration,
    /// Retransmission timer before the first measurement (RFC 6298).
    pub rto_initial: Duration,
    /// Upper bound of the retransmission timer.
    pub rto_max: Duration,
    /// SYN retransmissions before an active open fails with ETIMEDOUT.
    /// RFC 9293, MUST-23.
    pub syn_retries: u32,
    /// SYN-ACK retransmissions before a request is dropped.
    pub syn_ack_retries: u32,
    /// Retransmissions after which the way to the peer is doubted: the layer below is to look at it again (Linux:
    /// tcp_retries1).
    /// RFC 9293, SHLD-10 (R1).
    pub retries1: u32,
    /// Retransmissions before an established connection fails with ETIMEDOUT (R2; Linux: tcp_retries2), but not sooner
    /// than so many take where each wait is twice the one before, from 200 ms on.
    /// RFC 9293, SHLD-11.
    pub retries: u32,
    /// The same for an orphan.
    pub orphan_retries: u32,
    /// How long an orphan may take to send what is queued, whatever its peer does.
    pub orphan_timeout: Duration,
    /// Bytes that all orphans together may hold.
    pub orphan_bytes_max: usize,
    /// Longest delay of an acknowledgement; it follows the data from 40 ms up.
    pub delayed_ack: Duration,
    /// How long an orphan may stay in FIN-WAIT-2.
    pub fin_wait_2: Duration,
    /// How long TIME-WAIT lasts.
    pub time_wait: Duration,
    /// Idle time before keepalive probes, where a connection asks for them.
    /// RFC 9293, MUST-27, MUST-28.
    pub keepalive_idle: Duration,
    /// Time between keepalive probes.
    pub keepalive_interval: Duration,
    /// Unanswered keepalive probes before the connection fails.
    pub keepalive_count: u32,
    /// SYNs, cookies, what is remembered of peers.
    pub opening: OpeningLimits,
    /// Congestion control.
    pub congestion: CongestionSettings,
    /// Send and accept the window scale option.
    pub window_scaling: bool,
    /// Send and accept timestamps.
    pub timestamps: bool,
    /// Offer SACK.
    pub sack: bool,
    /// Tell of what came twice by SACK (RFC 2883).
    pub duplicate_sack: bool,
    /// All connections count what RFC 4898 wants, each in one of `extensions_max` blocks.
    pub statistics: bool,
    /// Answer an overflowing accept queue with RST instead of silence.
    pub abort_on_overflow: bool,
    /// First and last ephemeral port, both included.
    pub ephemeral_ports: (u16, u16),
    /// Challenge ACKs per second, at most (RFC 5961, section 7); at random down to half of it.
    pub challenge_acks_per_second: u32,
    /// Destinations that are remembered: path MTU, round trip, Fast Open cookie and so on.
    pub destinations_max: usize,
    /// Connections tell of their path when they end, for those to come (Linux: tcp_no_metrics_save is 0).
    pub saves_metrics: bool,
    /// The slow-start threshold too (Linux: tcp_no_ssthresh_metrics_save is 0).
    pub saves_threshold: bool,
    /// How long a path MTU below the link's is believed (RFC 1191: ten minutes; Linux: mtu_expires).
    pub path_mtu_lifetime: Duration,
    /// The least path MTU that an ICMP error for IPv4 is believed (Linux: min_pmtu).
    pub path_mtu_least: u16,
    /// When connections agree on explicit congestion notification (Linux: tcp_ecn).
    pub ecn: EcnMode,
    /// A SYN that is sent again does not ask for it (Linux: tcp_ecn_fallback).
    pub ecn_fallback: bool,
    /// When segments of connections with AccECN have its option (Linux: tcp_ecn_option).
    pub ecn_option: EcnOption,
    /// How often in a round trip, where it is sent sparingly and has no news (Linux: tcp_ecn_option_beacon).
    pub ecn_option_beacon: u32,
    /// How a path is searched for what it carries (RFC 4821).
    pub mtu_probing: MtuProbing,
    /// The urgent pointer of what is received names the last urgent byte, as the older reading of RFC 793 had it, and not
    /// the one behind (Linux: tcp_stdurg; RFC 6093, section 3.1).
    pub standard_urgent_pointer: bool,
    /// Time to live (hop limit) of what we send.
    /// RFC 9293, MUST-49.
    pub ttl: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            requests_max: 4_096,
            time_wait_max: 16_384,
            listeners_max: 256,
            orphans_max: 8_192,
            memory_bytes: 256 << 20,
            send_buffer_bytes: 4 << 20,
            send_buffer_first_bytes: 16 << 10,
            receive_buffer_bytes: 6 << 20,
            unsent_low_water: u32::MAX,
            extensions_max: 4_096,
            keys_max: 4_096,
            accepts_unknown_ao: false,
            reassembly_ranges_max: 32,
            send_records_max: 262_144,
            loss_detection: LossDetection::Rack,
            tail_loss_probe: true,
            spurious_timeout_detection: true,
            reordering: 3,
            reordering_max: 300,
            rto_min: Duration::from_millis(200),
            rto_initial: Duration::from_secs(1),
            rto_max: Duration::from_secs(120),
            syn_retries: 6,
            syn_ack_retries: 5,
            retries1: 3,
            retries: 15,
            orphan_retries: 8,
            orphan_timeout: Duration::from_secs(600),
            orphan_bytes_max: 64 << 20,
            delayed_ack: Duration::from_millis(200),
            fin_wait_2: Duration::from_secs(60),
            time_wait: Duration::from_secs(60),
            keepalive_idle: Duration::from_secs(7_200),
            keepalive_interval: Duration::from_secs(75),
            keepalive_count: 9,
            opening: OpeningLimits::default(),
            congestion: CongestionSettings::default(),
            window_scaling: true,
            timestamps: true,
            sack: true,
            duplicate_sack: true,
            statistics: false,
            abort_on_overflow: false,
            ephemeral_ports: (32_768, 60_999),
            challenge_acks_per_second: 1_000,
            destinations_max: 1_024,
            saves_metrics: true,
            saves_threshold: false,
            path_mtu_lifetime: Duration::from_secs(600),
            path_mtu_least: 552,
            ecn: EcnMode::Answer,
            ecn_fallback: true,
            ecn_option: EcnOption::Always,
            ecn_option_beacon: 3,
            mtu_probing: MtuProbing::default(),
            standard_urgent_pointer: false,
            ttl: 64,
        }
    }
}

/// How losses are found where the peer sends SACK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LossDetection {
    /// By time (RFC 8985).
    #[default]
    Rack,
    /// By segments and bytes received beyond (RFC 6675).
    Rfc6675,
    /// By the distance from the highest number received.
    Fack,
    /// By duplicates alone, as if there were no SACK (RFC 6582).
    NewReno,
}

impl LossDetection {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Rack, Self::Rfc6675, Self::Fack, Self::NewReno];

    /// The word that configurations use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rack => "rack",
            Self::Rfc6675 => "rfc6675",
            Self::Fack => "fack",
            Self::NewReno => "newreno",
        }
    }
}

/// Keys that belong to the daemon and are the same in each of its shards.
#[derive(Clone)]
pub struct Secrets {
    /// Initial sequence numbers (RFC 6528).
    pub initial_sequence: [u8; 16],
    /// Timestamp offsets per flow.
    pub timestamp_offset: [u8; 16],
    /// Ephemeral ports (RFC 6056).
    pub ephemeral_port: [u8; 16],
    /// Hash of the tables.
    pub table: [u8; 16],
    /// SYN cookies (RFC 4987).
    pub syn_cookie: [u8; 16],
    /// Fast Open cookies (RFC 7413).
    pub fast_open: [u8; 16],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}
