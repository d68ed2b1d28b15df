//! A million frames that nobody should send, at workers over a test port: it never panics, each
//! frame is delivered or counted under a named reason, all that it sends in answer is sound, and
//! when the noise is over and time has passed nothing is left behind.

mod bench;
mod frames;
mod heard;
mod parts;
mod repair;
mod sent;

use std::time::Duration;

use bench::{Bench, HEARD_MAX};
use frames::Frames;
use rand::SeedableRng;
use rand::rngs::SmallRng;

const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const OURS: [u8; 4] = [10, 0, 0, 1];
const ECHO_PORT: u16 = 7;

#[test]
fn a_million_frames_are_delivered_or_dropped_for_a_reason() {
    for seed in 0..SEEDS {
        // One worker and two in turn; with two, frames arrive at the wrong one half of the time.
        let workers = 1 + (seed % 2) as usize;
        // Printed by the harness when the test fails.
        println!("seed {seed}, workers {workers}");
        let bench = run(seed, workers, FRAMES / SEEDS);
        println!("{}", bench.report());
        bench.assert_variety();
        bench.assert_nothing_stays();
    }
}

fn run(seed: u64, workers: usize, count: u64) -> Bench {
    let mut bench = Bench::new(workers);
    let mut frames = Frames::new(SmallRng::seed_from_u64(seed));
    let mut given = 0;
    while given < count {
        let burst = 1 + frames.below(32);
        for _ in 0..burst {
            let heard = frames.below(HEARD_MAX);
            let frame = frames.next(bench.heard(heard));
            bench.give(&frame, frames.below(64));
        }
        given += burst;
        bench.turn();
        // Mostly a little time, now and then enough for timers of all kinds.
        let micros = match frames.below(2_000) {
            0 => frames.below(100_000_000),
            1..20 => frames.below(1_000_000),
            _ => frames.below(200),
        };
        bench.pass(Duration::from_micros(micros));
        bench.assert_accounted();
    }
    bench
}

const FRAMES: u64 = 1_000_000;
const SEEDS: u64 = 4;
