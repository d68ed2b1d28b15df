//! Transfers both ways over a path that loses, reorders or doubles packets in both directions.

use super::exchange::{end, exchange};
use super::impairment::{Impairment, PERCENT};
use super::kernel;
use super::pair::{Opener, Pair, Wishes};
use super::path::Path;
use super::seen::Seen;
use super::world::World;
use crate::isolation::is_long;

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    let world = World::start(&path, workers, "");
    let grow = if is_long() { 16 } else { 1 };
    for (name, impairment, bytes) in ROWS {
        for opener in Opener::ALL {
            over(&world, name, impairment, bytes * grow, opener);
        }
    }
    world.end();
}

fn over(world: &World, name: &str, impairment: Impairment, bytes: usize, opener: Opener) {
    // The handshake is spared, or a lost SYN would cost a second.
    world.path.relay.set(Impairment::NONE);
    let pair = Pair::open(world, opener, Wishes::default());
    world.path.relay.take_seen();
    let before = COUNTERS.map(|name| world.daemon.counter(name));
    world.path.relay.set(impairment);
    let time = exchange(&pair, bytes);
    let kernel = kernel::shown(pair.client_port());
    world.path.relay.set(Impairment::NONE);
    let seen = world.path.relay.take_seen();
    let after = COUNTERS.map(|name| world.daemon.counter(name));
    let [repeated, queued, reordered, duplicates] = [0, 1, 2, 3].map(|at| after[at] - before[at]);
    eprintln!(
        "{name}, opened by {opener:?}: {bytes} bytes each way in {time:?}; lost {:?}, held back {:?}, doubled {:?} of \
         {:?}; sent again: {repeated} by us, {} by the kernel",
        seen.map(|way| way.lost),
        seen.map(|way| way.reordered),
        seen.map(|way| way.doubled),
        seen.map(|way| way.packets),
        kernel.retransmissions(),
    );
    for way in seen {
        met(impairment, way);
    }
    // Each of these is in the whole of 700 segments or more.
    if impairment.lost >= PERCENT {
        assert!(repeated > 0 && kernel.retransmissions() > 0);
        assert!(seen.iter().all(|way| way.sacks > 0), "{seen:?}");
    }
    if impairment.reordered > 0 {
        assert!(queued > 0, "nothing arrived out of order");
        assert!(reordered > 0, "we did not notice that the order changed");
    }
    if impairment.doubled > 0 {
        assert!(duplicates > 0, "no D-SACK from the kernel");
    }
    end(pair);
}

/// The path did what was asked of it.
fn met(impairment: Impairment, way: Seen) {
    let is_near = |share: u32, count: u64| {
        let expected = share as f64 / 1e6 * way.packets as f64;
        (count as f64 - expected).abs() <= expected / 2.0 + 5.0
    };
    assert!(is_near(impairment.lost, way.lost), "{way:?}");
    assert!(is_near(impairment.reordered, way.reordered), "{way:?}");
    assert!(is_near(impairment.doubled, way.doubled), "{way:?}");
}

const ROWS: [(&str, Impairment, usize); 5] = [
    ("0.1 % lost", lost(PERCENT / 10), 8 << 20),
    ("1 % lost", lost(PERCENT), 4 << 20),
    ("5 % lost", lost(5 * PERCENT), 1 << 20),
    (
        "2 % reordered",
        Impairment {
            reordered: 2 * PERCENT,
            ..Impairment::NONE
        },
        4 << 20,
    ),
    (
        "1 % lost, reordered and doubled each",
        Impairment {
            lost: PERCENT,
            reordered: PERCENT,
            doubled: PERCENT,
            marked: 0,
        },
        4 << 20,
    ),
];

const fn lost(lost: u32) -> Impairment {
    Impairment {
        lost,
        reordered: 0,
        doubled: 0,
        marked: 0,
    }
}

const COUNTERS: [&str; 4] = [
    "RetransSegs",
    "TCPOFOQueue",
    "TCPSACKReorder",
    "TCPDSACKRecv",
];
const SEED: u64 = 4;
