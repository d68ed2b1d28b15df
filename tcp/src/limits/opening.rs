//! Bounds and defaults of opening a connection: SYNs, cookies, what is remembered of peers.

use std::time::Duration;

use crate::address::Flow;
use crate::fast_open::FastOpenSettings;

/// How connections are opened. Defaults follow Linux where Linux has one.
#[derive(Clone, Debug)]
pub struct OpeningLimits {
    /// SYN timeouts before each doubles the next one (Linux: tcp_syn_linear_timeouts). As many
    /// retransmissions come on top of `syn_retries`.
    pub syn_linear_timeouts: u32,
    /// When a SYN is answered without a record of it.
    pub syn_cookies: SynCookies,
    /// Least segment that a peer's MSS makes us send, options included (Linux: tcp_min_snd_mss).
    pub segment_bytes_min: u16,
    /// When an active open may take a flow in TIME-WAIT (Linux: tcp_tw_reuse).
    pub time_wait_reuse: TimeWaitReuse,
    /// How long the flow must have been there (Linux: tcp_tw_reuse_delay).
    pub time_wait_reuse_delay: Duration,
    /// TCP Fast Open.
    pub fast_open: FastOpenSettings,
}

/// When an active open may take a flow in TIME-WAIT. Timestamps must have been in use: only they tell
/// the peer old segments from new ones (RFC 6191; RFC 7323, appendix B.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeWaitReuse {
    /// Never.
    Off,
    /// Between loopback addresses.
    Loopback,
    /// Always.
    On,
}

impl TimeWaitReuse {
    /// True when a flow between these addresses may be taken.
    pub(crate) fn allows(self, flow: &Flow) -> bool {
        match self {
            Self::Off => false,
            Self::Loopback => flow.local.address.is_loopback() || flow.remote.address.is_loopback(),
            Self::On => true,
        }
    }
}

/// When a SYN is answered by a cookie instead of a request being kept (RFC 4987, section 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynCookies {
    /// Never: SYNs that find no room are dropped.
    Off,
    /// When the table of requests or the listener's share of it is full.
    Auto,
    /// Always, for tests: Linux's 2.
    Always,
}

impl Default for OpeningLimits {
    fn default() -> Self {
        Self {
            syn_linear_timeouts: 4,
            syn_cookies: SynCookies::Auto,
            segment_bytes_min: 48,
            time_wait_reuse: TimeWaitReuse::Loopback,
            time_wait_reuse_delay: Duration::from_secs(1),
            fast_open: FastOpenSettings::default(),
        }
    }
}

/// A cookie is believed for two minutes after it was sent (RFC 4987; Linux: MAX_SYNCOOKIE_AGE).
pub const SYN_COOKIE_VALID: Duration = Duration::from_secs(120);
