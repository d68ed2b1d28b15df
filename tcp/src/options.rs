//! What a user asks of a listener or a connection when opening it, and of its options later.
//!
//! `socket_option.rs` names the options and says what each may be; `sets.rs` is how a connection keeps them.

pub mod sets;
mod socket_option;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crate::address::Endpoint;
use crate::fast_open::FastOpenSettings;
use crate::ip_fields::IpFields;
use crate::limits::Limits;

pub use socket_option::{OptionError, SocketOption};

/// A passive open. The same listener exists on every shard; what is shared hangs on `queued`.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Address (unspecified: any of ours) and port to listen on.
    pub local: Endpoint,
    /// Completed connections that may wait for accept over all shards together; one more than
    /// this may, as in Linux.
    pub backlog: usize,
    /// How many wait now, over all shards: the one shared atomic per accept.
    pub queued: Arc<AtomicUsize>,
    /// Returned with each event of this listener.
    pub cookie: u64,
    /// What accepted connections start with.
    pub socket: SocketOptions,
}

impl ListenOptions {
    /// Fast Open connections that may be pending; 0 where it is off.
    /// RFC 7413, section 4.2: the application asks for it, unless the configuration does for all.
    pub(crate) fn fast_open_queue(&self, settings: &FastOpenSettings) -> u32 {
        match self.socket.fast_open_queue {
            0 if settings.covers_all_listeners() => u32::try_from(self.backlog).unwrap_or(u32::MAX),
            length => u32::from(length),
        }
    }

    /// SYN-ACK timeouts that cover the time to wait for data (as Linux counts it).
    pub(crate) fn defer_accept_timeouts(&self, limits: &Limits) -> u32 {
        let mut timeout = limits.rto_initial;
        let wanted = Duration::from_secs(u64::from(self.socket.defer_accept_seconds));
        let (mut count, mut covered) = (0, Duration::ZERO);
        while covered < wanted && count < u32::from(u8::MAX) {
            count += 1;
            covered = covered.saturating_add(timeout);
            timeout = timeout.saturating_mul(2).min(limits.rto_max);
        }
        count
    }
}

/// An active open.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// Our address, as the route to the peer says.
    pub source: IpAddr,
    /// Our port; None takes an ephemeral one (RFC 6056).
    pub source_port: Option<u16>,
    /// The peer.
    pub remote: Endpoint,
    /// MTU of the link towards the peer.
    pub mtu: u16,
    /// Returned with each event of this connection.
    pub cookie: u64,
    /// Options of the connection.
    pub socket: SocketOptions,
}

/// Options of a connection with Linux's defaults. A listener's are those that accepted connections begin with.
/// RFC 9293, MUST-21.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SocketOptions {
    /// TCP_NODELAY: no Nagle.
    /// RFC 9293, MUST-17.
    pub no_delay: bool,
    /// TCP_CORK: full segments only, for 200 ms at most.
    pub cork: bool,
    /// SO_KEEPALIVE.
    /// RFC 9293, MUST-24, MUST-25.
    pub keepalive: bool,
    /// SO_OOBINLINE: urgent data stays in the stream.
    pub urgent_inline: bool,
    /// TCP_SYNCNT: SYN retransmissions before an active open fails; 0 for the shard's.
    pub syn_retries: u8,
    /// TCP_DEFER_ACCEPT in seconds; 0: not. A connection waits for accept only once data has come, or
    /// when so much time has passed. Of an active open the handshake's ACK waits for data to go with.
    pub defer_accept_seconds: u16,
    /// TCP_KEEPCNT; 0 for the shard's.
    pub keepalive_count: u8,
    /// TCP_KEEPIDLE in seconds; 0 for the shard's.
    pub keepalive_idle_seconds: u16,
    /// TCP_KEEPINTVL in seconds; 0 for the shard's.
    pub keepalive_interval_seconds: u16,
    /// TCP_LINGER2 in seconds: the time in FIN-WAIT-2; 0 for the shard's, below 0 for none at all.
    pub fin_wait_2_seconds: i16,
    /// TCP_USER_TIMEOUT in milliseconds; 0 for as long as retransmissions go.
    pub user_timeout_millis: u32,
    /// TCP_NOTSENT_LOWAT in bytes: not sent yet, beyond which there is no room; 0 for the shard's.
    pub unsent_low_water: u32,
    /// TCP_WINDOW_CLAMP in bytes: the window offered is never larger; 0 for no such bound.
    pub window_clamp: u32,
    /// TCP_CONGESTION: the number of an algorithm; 0 for the shard's.
    pub congestion: u8,
    /// SO_MAX_PACING_RATE in bytes per second; 0 for none.
    pub pacing_rate_max: u64,
    /// SO_SNDBUF in bytes of payload, which ends the buffer's own growth; 0 for the shard's.
    pub send_buffer_bytes: u32,
    /// SO_RCVBUF in bytes of payload, which ends the buffer's own growth; 0 for the shard's.
    pub receive_buffer_bytes: u32,
    /// TCP_FASTOPEN of a listener: Fast Open connections that may be pending; 0: it is off.
    pub fast_open_queue: u16,
    /// TCP_FASTOPEN_CONNECT: connecting waits for the first data if the peer's cookie is known.
    pub fast_open_connect: bool,
    /// TCP_FASTOPEN_NO_COOKIE: data goes with the SYN, and is taken from it, without any.
    pub fast_open_no_cookie: bool,
    /// Coremill's own: what RFC 4898 wants to be counted is; the shard may want it of all.
    pub statistics: bool,
    /// IP_TOS, IP_TTL, IP_MINTTL and IP_MTU_DISCOVER.
    pub ip: IpFields,
}

impl SocketOptions {
    /// Nothing is asked for.
    pub const DEFAULT: Self = Self {
        no_delay: false,
        cork: false,
        keepalive: false,
        urgent_inline: false,
        syn_retries: 0,
        defer_accept_seconds: 0,
        keepalive_count: 0,
        keepalive_idle_seconds: 0,
        keepalive_interval_seconds: 0,
        fin_wait_2_seconds: 0,
        user_timeout_millis: 0,
        unsent_low_water: 0,
        window_clamp: 0,
        congestion: 0,
        pacing_rate_max: 0,
        send_buffer_bytes: 0,
        receive_buffer_bytes: 0,
        fast_open_queue: 0,
        fast_open_connect: false,
        fast_open_no_cookie: false,
        statistics: false,
        ip: IpFields::DEFAULT,
    };

    /// Bytes that may wait to be sent; `u32::MAX` for no bound of their own.
    #[inline]
    pub(crate) fn unsent_low_water(&self, limits: &Limits) -> u32 {
        match self.unsent_low_water {
            0 => limits.unsent_low_water,
            bytes => bytes,
        }
    }

    /// How long the peer may be silent before it is probed.
    /// RFC 9293, MUST-27.
    pub(crate) fn keepalive_idle(&self, limits: &Limits) -> Duration {
        match self.keepalive_idle_seconds {
            0 => limits.keepalive_idle,
            seconds => Duration::from_secs(u64::from(seconds)),
        }
    }

    /// The time between probes.
    pub(crate) fn keepalive_interval(&self, limits: &Limits) -> Duration {
        match self.keepalive_interval_seconds {
            0 => limits.keepalive_interval,
            seconds => Duration::from_secs(u64::from(seconds)),
        }
    }

    /// SYN retransmissions before an active open fails: as in Linux, those that come at an even pace
    /// are not counted.
    pub(crate) fn syn_retries(&self, limits: &Limits) -> u32 {
        let retries = self.syn_retries_doubled(limits);
        retries.saturating_add(limits.opening.syn_linear_timeouts)
    }

    /// Those that are.
    pub(crate) fn syn_retries_doubled(&self, limits: &Limits) -> u32 {
        match self.syn_retries {
            0 => limits.syn_retries,
            count => u32::from(count),
        }
    }

    /// Probes that may stay unanswered.
    pub(crate) fn keepalive_count(&self, limits: &Limits) -> u32 {
        match self.keepalive_count {
            0 => limits.keepalive_count,
            count => u32::from(count),
        }
    }
}
