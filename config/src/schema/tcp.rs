//! `[tcp]`: bounds, timers and defaults of each worker's TCP shard.

use std::time::Duration;

use serde::Deserialize;

use super::congestion::{Algorithm, ByteCounting, Hystart, WindowValidation};
use crate::{duration, size};

/// `[tcp]`. Defaults follow Linux where Linux has one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tcp {
    pub connections_max: usize,
    pub requests_max: usize,
    pub time_wait_max: usize,
    pub listeners_max: usize,
    pub orphans_max: usize,
    #[serde(with = "size")]
    pub memory: usize,
    #[serde(with = "size")]
    pub send_buffer: usize,
    #[serde(with = "size")]
    pub send_buffer_first: usize,
    #[serde(with = "size")]
    pub receive_buffer: usize,
    #[serde(with = "size")]
    pub unsent_low_water: usize,
    pub extensions_max: usize,
    pub keys_max: usize,
    pub accept_unknown_ao: bool,
    pub reassembly_ranges_max: usize,
    pub send_records_max: usize,
    pub loss_detection: LossDetection,
    pub tail_loss_probe: bool,
    pub spurious_timeout_detection: bool,
    pub reordering: u16,
    pub reordering_max: u16,
    #[serde(with = "duration")]
    pub rto_min: Duration,
    #[serde(with = "duration")]
    pub rto_initial: Duration,
    #[serde(with = "duration")]
    pub rto_max: Duration,
    pub syn_retries: u32,
    pub syn_linear_timeouts: u32,
    pub syn_cookies: SynCookies,
    pub segment_min: u16,
    pub syn_ack_retries: u32,
    pub retries1: u32,
    pub retries: u32,
    pub orphan_retries: u32,
    #[serde(with = "duration")]
    pub orphan_timeout: Duration,
    #[serde(with = "size")]
    pub orphan_memory: usize,
    #[serde(with = "duration")]
    pub delayed_ack: Duration,
    #[serde(with = "duration")]
    pub fin_wait_2: Duration,
    #[serde(with = "duration")]
    pub time_wait: Duration,
    pub time_wait_reuse: TimeWaitReuse,
    #[serde(with = "duration")]
    pub time_wait_reuse_delay: Duration,
    pub fast_open: u32,
    pub fast_open_keys: Vec<String>,
    #[serde(with = "duration")]
    pub fast_open_blackhole_timeout: Duration,
    #[serde(with = "duration")]
    pub keepalive_idle: Duration,
    #[serde(with = "duration")]
    pub keepalive_interval: Duration,
    pub keepalive_count: u32,
    pub initial_window_segments: u32,
    pub congestion: Algorithm,
    pub congestion_allowed: Vec<Algorithm>,
    pub congestion_blocks_max: usize,
    pub byte_counting: ByteCounting,
    pub hystart: Hystart,
    pub idle_restart: bool,
    pub window_validation: WindowValidation,
    pub pacing: bool,
    pub window_scaling: bool,
    pub timestamps: bool,
    pub sack: bool,
    pub duplicate_sack: bool,
    pub statistics: bool,
    pub abort_on_overflow: bool,
    pub ephemeral_port_first: u16,
    pub ephemeral_port_last: u16,
    pub challenge_acks_per_second: u32,
    pub destinations_max: usize,
    pub save_metrics: bool,
    pub save_threshold: bool,
    #[serde(with = "duration")]
    pub path_mtu_lifetime: Duration,
    pub path_mtu_least: u16,
    pub ecn: Ecn,
    pub ecn_fallback: bool,
    pub ecn_option: EcnOption,
    pub ecn_option_beacon: u32,
    pub mtu_probing: MtuProbing,
    pub base_mss: u16,
    pub mtu_probe_floor: u16,
    pub probe_threshold: u16,
    #[serde(with = "duration")]
    pub probe_interval: Duration,
    pub standard_urgent_pointer: bool,
    pub ttl: u8,
}

/// How losses are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossDetection {
    Rack,
    Rfc6675,
    Fack,
    Newreno,
}

/// `tcp.time_wait_reuse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeWaitReuse {
    Off,
    Loopback,
    On,
}

/// `tcp.syn_cookies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SynCookies {
    Off,
    Auto,
    Always,
}

/// `tcp.ecn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ecn {
    Off,
    Ask,
    Answer,
    AskAccurate,
    AnswerAccurateAsk,
    AnswerAccurate,
}

/// `tcp.ecn_option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EcnOption {
    Never,
    Sparing,
    Always,
    Persistent,
}

/// `tcp.mtu_probing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MtuProbing {
    Off,
    BlackHole,
    Always,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            congestion_allowed: Algorithm::ALL.to_vec(),
            ..STANDARD
        }
    }
}

/// What holds where the file says nothing, but for what a constant cannot be.
const STANDARD: Tcp = Tcp {
    connections_max: 16_384,
    requests_max: 4_096,
    time_wait_max: 16_384,
    listeners_max: 256,
    orphans_max: 8_192,
    memory: 256 << 20,
    send_buffer: 4 << 20,
    send_buffer_first: 16 << 10,
    receive_buffer: 6 << 20,
    unsent_low_water: 4 << 30,
    extensions_max: 4_096,
    keys_max: 4_096,
    accept_unknown_ao: false,
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
    syn_linear_timeouts: 4,
    syn_cookies: SynCookies::Auto,
    segment_min: 48,
    syn_ack_retries: 5,
    retries1: 3,
    retries: 15,
    orphan_retries: 8,
    orphan_timeout: Duration::from_secs(600),
    orphan_memory: 64 << 20,
    delayed_ack: Duration::from_millis(200),
    fin_wait_2: Duration::from_secs(60),
    time_wait: Duration::from_secs(60),
    time_wait_reuse: TimeWaitReuse::Loopback,
    time_wait_reuse_delay: Duration::from_secs(1),
    fast_open: 1,
    fast_open_keys: Vec::new(),
    fast_open_blackhole_timeout: Duration::ZERO,
    keepalive_idle: Duration::from_secs(7_200),
    keepalive_interval: Duration::from_secs(75),
    keepalive_count: 9,
    initial_window_segments: 10,
    congestion: Algorithm::Cubic,
    congestion_allowed: Vec::new(),
    congestion_blocks_max: 16_384,
    byte_counting: ByteCounting::Unlimited,
    hystart: Hystart::Linux,
    idle_restart: true,
    window_validation: WindowValidation::Linux,
    pacing: false,
    window_scaling: true,
    timestamps: true,
    sack: true,
    duplicate_sack: true,
    statistics: false,
    abort_on_overflow: false,
    ephemeral_port_first: 32_768,
    ephemeral_port_last: 60_999,
    challenge_acks_per_second: 1_000,
    destinations_max: 1_024,
    save_metrics: true,
    save_threshold: false,
    path_mtu_lifetime: Duration::from_secs(600),
    path_mtu_least: 552,
    ecn: Ecn::Answer,
    ecn_fallback: true,
    ecn_option: EcnOption::Always,
    ecn_option_beacon: 3,
    mtu_probing: MtuProbing::Off,
    base_mss: 1_024,
    mtu_probe_floor: 48,
    probe_threshold: 8,
    probe_interval: Duration::from_secs(600),
    standard_urgent_pointer: false,
    ttl: 64,
};
