//! One side of the world: a shard that listens, and the link away from it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coremill_tcp::options::{ListenOptions, SocketOptions};
use coremill_tcp::{Endpoint, Shard, State};

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
    /// Connections that wait for accept.
    queued: Arc<AtomicUsize>,
}

impl Side {
    pub fn new(plan: &Plan, side: usize, random: &mut Random) -> Self {
        let last = side as u8 + 1;
        let address: IpAddr = if plan.is_wide {
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)).into()
        } else {
            Ipv4Addr::new(10, 0, 0, last).into()
        };
        let memory = WatchedMemory::new(plan.limits[side].memory_bytes);
        let held = memory.held();
        let queued = Arc::new(AtomicUsize::new(0));
        let mut shard = Shard::new(
            plan.limits[side].clone(),
            plan.secrets[side].clone(),
            memory,
        );
        shard
            .listen(ListenOptions {
                local: Endpoint::new(address, PORT),
                backlog: plan.backlogs[side],
                queued: queued.clone(),
                cookie: NO_COOKIE,
                socket: SocketOptions {
                    fast_open_queue: plan.fast_opens,
                    ..SocketOptions::default()
                },
            })
            .expect("the first listener");
        let random = Random::new(random.next());
        let link = Link::new(plan.links[side].clone(), random, plan.origin);
        Self {
            shard,
            address,
            link,
            held,
            queued,
        }
    }

    /// Nothing is left but the listener.
    pub fn check(&self) {
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
            0,
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
    }
}

/// Both sides listen here.
pub const PORT: u16 = 80;
/// Of listeners, and of connections nobody has accepted.
pub const NO_COOKIE: u64 = u64::MAX;
