//! One side of the world: a shard that listens, and the link away from it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coremill_tcp::options::{ListenOptions, SocketOptions};
use coremill_tcp::pool::Pool;
use coremill_tcp::{Endpoint, Instant, Shard, State};

use super::allocations::none;
use super::choices::BELIEVES_ROUTERS;
use super::link::Link;
use super::plan::Plan;
use super::random::Random;
use super::watched_memory::WatchedMemory;

#[derive(Debug)]
pub struct Side {
    pub shard: Shard<WatchedMemory>,
    pub address: IpAddr,
    /// Towards the other side.
    pub link: Link,
    held: Arc<AtomicUsize>,
    /// Keys of the listener.
    keys: usize,
    /// Connections that wait for accept.
    queued: Arc<AtomicUsize>,
}

impl Side {
    pub fn new(plan: &Plan, side: usize, random: &mut Random) -> Self {
        let address = address_of(plan, side);
        let memory = WatchedMemory::new(plan.limits[side].memory_bytes);
        let held = memory.held();
        let queued = Arc::new(AtomicUsize::new(0));
        let mut shard = Shard::new(
            plan.limits[side].clone(),
            plan.secrets[side].clone(),
            memory,
        );
        let listening = ListenOptions {
            local: Endpoint::new(address, PORT),
            backlog: plan.backlogs[side],
            queued: queued.clone(),
            cookie: NO_COOKIE,
            socket: SocketOptions {
                fast_open_queue: plan.fast_opens,
                urgent_inline: true,
                ..SocketOptions::default()
            },
        };
        let listener = none(|| shard.listen(listening)).expect("the first listener");
        let peer = address_of(plan, 1 - side);
        if plan.signs.is_some() {
            let set = none(|| shard.set_listener_ao(listener, BELIEVES_ROUTERS));
            set.expect("a listener");
        }
        let keys = plan.signs.map_or(Vec::new(), |signs| signs.keys(peer));
        for key in &keys {
            let key = key.clone();
            none(|| shard.add_listener_key(listener, key)).expect("room for keys");
        }
        let random = Random::new(random.next());
        let link = Link::new(plan.links[side].clone(), random, plan.origin);
        Self {
            shard,
            address,
            link,
            held,
            keys: keys.len(),
            queued,
        }
    }

    /// Nothing is left but the listener.
    pub fn check(&mut self, now: Instant) {
        // Gauges are not written with each segment.
        self.shard.advance(now, 0);
        self.shard.count_pool_entries();
        assert_eq!(self.shard.live_records(), 0, "records stay behind");
        assert_eq!(
            self.shard.live_send_records(),
            0,
            "send records stay behind"
        );
        let held = self.held.load(Ordering::Relaxed);
        assert_eq!(held, 0, "memory stays behind");
        assert_eq!(
            self.shard.live_pool_entries(),
            self.keys,
            "entries of pools stay behind"
        );
        let queued = self.queued.load(Ordering::Relaxed);
        assert_eq!(queued, 0, "places in the accept queue stay behind");
        let counters = self.shard.counters();
        for state in State::ALL {
            let expected = u64::from(state == State::Listen);
            let count = counters.states[state as usize].get();
            assert_eq!(count, expected, "gauge of {state:?}");
        }
        assert_eq!(counters.orphans.get(), 0, "gauge of orphans");
        for (pool, gauge) in Pool::ALL.into_iter().zip(&counters.pool_entries) {
            let expected = if pool == Pool::Keys { self.keys } else { 0 };
            assert_eq!(gauge.get(), expected as u64, "gauge of {pool:?}");
        }
    }
}

fn address_of(plan: &Plan, side: usize) -> IpAddr {
    let last = side as u8 + 1;
    if plan.is_wide {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)).into()
    } else {
        Ipv4Addr::new(10, 0, 0, last).into()
    }
}

/// Both sides listen here.
pub const PORT: u16 = 80;
/// Of listeners, and of connections nobody has accepted.
pub const NO_COOKIE: u64 = u64::MAX;
