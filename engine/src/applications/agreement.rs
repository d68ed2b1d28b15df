//! What the workers agree on about a domain's listeners: each is on all workers, or on none.
//!
//! The first worker decides, so that of two who want one address all workers prefer the same; then the others follow.
//! The worker that took the command answers when all have it. The table is locked for that alone: when a listener comes,
//! changes or goes. A turn looks at the version.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coremill_ring::handle::Handle;
use coremill_tcp::options::SocketOptions;

use super::key_store::KeyStore;
use super::subscribers::Subscribers;

/// Where a listener stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is none of this number.
    Free,
    /// The first worker has not decided yet.
    Asked,
    /// It is to be on every worker.
    Agreed,
    /// It cannot be, for this reason: to be on none.
    Refused(u16),
    /// Its user let go: to be on none.
    Closing,
}

/// A listener, as all workers see it.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) phase: Phase,
    pub(super) socket: Option<Handle>,
    pub(super) local: SocketAddr,
    pub(super) backlog: usize,
    pub(super) options: SocketOptions,
    pub(super) subscribers: Subscribers,
    /// Connections that wait in all shards.
    pub(super) queued: Arc<AtomicUsize>,
    /// Workers that listen.
    pub(super) having: u32,
}

/// A domain's listeners.
#[derive(Debug)]
pub(super) struct Agreements {
    version: AtomicU32,
    table: Mutex<Box<[Agreed]>>,
    keys: Mutex<KeyStore>,
}

impl Agreements {
    /// Room for `count` listeners.
    pub(super) fn new(count: u32) -> Self {
        let free = |_| Agreed {
            phase: Phase::Free,
            socket: None,
            local: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            backlog: 0,
            options: SocketOptions::default(),
            subscribers: Subscribers::default(),
            queued: Arc::default(),
            having: 0,
        };
        Self {
            version: AtomicU32::new(0),
            table: Mutex::new((0..count).map(free).collect()),
            keys: Mutex::new(KeyStore::new(KEYS_MAX)),
        }
    }

    /// Changes whenever the table did.
    pub(super) fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    /// The table; a worker that panicked left it as it was.
    pub(super) fn table(&self) -> MutexGuard<'_, Box<[Agreed]>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The listeners' keys, by their numbers; locked behind the table, which is locked too.
    pub(super) fn keys(&self) -> MutexGuard<'_, KeyStore> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table was changed; its guard is still held.
    pub(super) fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Agreed {
    /// Nobody listens any more.
    pub(super) fn free(&mut self) {
        self.phase = Phase::Free;
        self.socket = None;
        self.subscribers = Subscribers::default();
        self.having = 0;
    }
}

/// Keys of all listeners of an application: a route reflector's, with one for each neighbour.
const KEYS_MAX: usize = 1_024;
