//! When and how connections find out for themselves what a path carries (RFC 4821).

use std::time::Duration;

/// Settings of packetization layer path MTU discovery. Defaults follow Linux.
#[derive(Clone, Copy, Debug)]
pub struct MtuProbing {
    /// When segments are probed with (Linux: tcp_mtu_probing).
    pub mode: MtuProbingMode,
    /// Payload of segments that a search begins with (Linux: tcp_base_mss).
    pub base_payload: u16,
    /// The least payload that timeouts in a row halve it to (Linux: tcp_mtu_probe_floor).
    pub floor_payload: u16,
    /// A range with fewer bytes is not searched further (Linux: tcp_probe_threshold).
    pub threshold_bytes: u16,
    /// How long after its beginning a search that is over begins anew (Linux: tcp_probe_interval).
    pub interval: Duration,
}

/// When segments are probed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtuProbingMode {
    /// Never: routers tell.
    #[default]
    Off,
    /// Once timeouts in a row make it likely that the path swallows large segments and says nothing.
    BlackHole,
    /// From the beginning on.
    Always,
}

impl MtuProbingMode {
    /// Every one of them, at the place that is its number on Linux.
    pub const ALL: [Self; 3] = [Self::Off, Self::BlackHole, Self::Always];

    /// The word that configurations use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::BlackHole => "blackhole",
            Self::Always => "always",
        }
    }
}

impl Default for MtuProbing {
    fn default() -> Self {
        Self {
            mode: MtuProbingMode::Off,
            base_payload: 1_024,
            floor_payload: 48,
            threshold_bytes: 8,
            interval: Duration::from_secs(600),
        }
    }
}
