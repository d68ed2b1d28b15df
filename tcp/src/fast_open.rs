//! TCP Fast Open (RFC 7413): what a shard keeps for it beside its connections.
//!
//! `cookie.rs` makes and checks cookies, `queue.rs` bounds what a listener has pending, `blackhole.rs` knows when networks
//! swallow such connections, `openings.rs` remembers each handshake until it is over. The rules stand in
//! `connection/fast_open` (both ends) and `shard/fast_open.rs` (SYNs that meet a listener).

mod blackhole;
mod cookie;
mod marks;
mod openings;
mod queue;

use crate::event::ListenerId;
use crate::flow_hash::FlowHash;
use crate::limits::Limits;
use crate::time::Instant;

pub use cookie::{FastOpenCookie, FastOpenKey};

pub(crate) use blackhole::Blackhole;
pub(crate) use cookie::{CookieKeys, MadeWith};
pub(crate) use marks::{Failure, Marks};
pub(crate) use openings::{Opening, Openings};
use queue::Queue;

/// A shard's part in Fast Open.
pub(crate) struct FastOpens {
    pub(crate) keys: CookieKeys,
    pub(crate) openings: Openings,
    pub(crate) blackhole: Blackhole,
    /// Of each listener, by slot.
    queues: Box<[Queue]>,
}

impl FastOpens {
    pub(crate) fn new(limits: &Limits, key: &[u8; 16], hash: FlowHash) -> Self {
        let keys = limits.opening.fast_open.keys;
        let (present, previous) = keys.unwrap_or((FastOpenKey(*key), None));
        Self {
            keys: CookieKeys::new(&present, previous.as_ref()),
            openings: Openings::new(limits.requests_max, hash),
            blackhole: Blackhole::default(),
            queues: vec![Queue::default(); limits.listeners_max].into(),
        }
    }

    /// Connections of a listener that a SYN made and no ACK has confirmed yet, and those that were reset lately.
    /// RFC 7413, section 4.2 (PendingFastOpenRequests).
    pub(crate) fn pending(&mut self, now: Instant, id: ListenerId) -> u32 {
        self.queue(id).map_or(0, |queue| queue.length(now))
    }

    /// One more is pending.
    pub(crate) fn begun(&mut self, id: ListenerId) {
        if let Some(queue) = self.queue(id) {
            queue.begin();
        }
    }

    /// One is no longer. `is_suspect`: the peer reset it, so that it counts for a while longer.
    pub(crate) fn ended(&mut self, now: Instant, id: ListenerId, is_suspect: bool) {
        if let Some(queue) = self.queue(id) {
            queue.end(now, is_suspect);
        }
    }

    fn queue(&mut self, id: ListenerId) -> Option<&mut Queue> {
        let queue = self.queues.get_mut(id.slot as usize)?;
        queue.belong_to(id.generation);
        Some(queue)
    }
}

/// What is allowed of Fast Open: the bits of Linux's `net.ipv4.tcp_fastopen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastOpenSettings {
    bits: u32,
    /// How long active opens do without after networks swallowed three segments in a row; zero: never (Linux:
    /// tcp_fastopen_blackhole_timeout).
    pub blackhole_timeout: std::time::Duration,
    /// The key of new cookies, instead of the secret one, and the one before it, whose cookies are still good.
    pub keys: Option<(FastOpenKey, Option<FastOpenKey>)>,
}

impl FastOpenSettings {
    /// What `bits` of `net.ipv4.tcp_fastopen` allow.
    /// RFC 7413, section 2: who opens asks for it, and so does who listens, whatever is allowed.
    pub const fn of_bits(bits: u32) -> Self {
        Self {
            bits,
            blackhole_timeout: std::time::Duration::ZERO,
            keys: None,
        }
    }

    /// The bits.
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// Connections may be opened so.
    pub(crate) const fn allows_clients(&self) -> bool {
        self.bits & CLIENT != 0
    }

    /// Listeners may accept it.
    pub(crate) const fn allows_servers(&self) -> bool {
        self.bits & SERVER != 0
    }

    /// Data goes with a SYN without any cookie.
    pub(crate) const fn clients_need_no_cookie(&self) -> bool {
        self.bits & CLIENT_NO_COOKIE != 0
    }

    /// Data is taken from a SYN without any cookie.
    pub(crate) const fn servers_need_no_cookie(&self) -> bool {
        self.bits & SERVER_NO_COOKIE != 0
    }

    /// Listeners accept it that did not ask for it.
    pub(crate) const fn covers_all_listeners(&self) -> bool {
        self.bits & ALL_LISTENERS != 0 && self.allows_servers()
    }
}

impl Default for FastOpenSettings {
    fn default() -> Self {
        Self::of_bits(CLIENT)
    }
}

/// As Linux's TFO_CLIENT_ENABLE, TFO_SERVER_ENABLE, TFO_CLIENT_NO_COOKIE, TFO_SERVER_COOKIE_NOT_REQD and
/// TFO_SERVER_WO_SOCKOPT1.
const CLIENT: u32 = 1;
const SERVER: u32 = 2;
const CLIENT_NO_COOKIE: u32 = 4;
const SERVER_NO_COOKIE: u32 = 0x200;
const ALL_LISTENERS: u32 = 0x400;
