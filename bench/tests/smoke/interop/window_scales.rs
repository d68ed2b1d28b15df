//! Window scales from 0 to 14 at each end: what a SYN offers follows from the receive buffer, and both ends read each
//! other's windows rightly by it.

use std::fs;

use super::exchange::{end, exchange};
use super::kernel;
use super::pair::{Opener, Pair, Wishes};
use super::path::Path;
use super::world::World;
use crate::isolation::is_long;

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    let world = World::start(&path, workers, "");
    for scale in 0..=SCALE_MAX {
        let buffer = kernel_buffer(&path, scale);
        for opener in Opener::ALL {
            with(&world, opener, buffer, (OURS_BY_DEFAULT, scale));
        }
    }
    world.end();
    let scales: &[u8] = match is_long() {
        true => &[0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14],
        false => &[0, 1, 5, 10, 14],
    };
    for scale in scales {
        // A unit more than the scale below can tell, or all that can be told without one.
        let bytes = match scale {
            0 => 65_535,
            scale => 65_536_u64 << (scale - 1),
        };
        // The largest takes more memory than there is by default.
        let memory = bytes.max(256 << 20);
        let tcp = format!("receive_buffer = \"{bytes}B\"\nmemory = \"{memory}B\"");
        let world = World::start(&path, workers, &tcp);
        let buffer = kernel_buffer(&path, SCALE_MAX - scale);
        for opener in Opener::ALL {
            with(&world, opener, buffer, (*scale, SCALE_MAX - scale));
        }
        world.end();
    }
}

/// Makes the kernel choose `scale`: by SO_RCVBUF, which has a bound, or by its settings, which cannot choose less than that.
fn kernel_buffer(path: &Path, scale: u8) -> Option<usize> {
    // Linux counts the bits of the largest buffer above 15.
    let largest = 1_usize << (15 + scale);
    // It doubles what a socket asks for, and takes half for its own needs: a quarter more than is needed.
    let asked = largest / 4 * 5;
    let bound = fs::read_to_string("/proc/sys/net/core/rmem_max");
    let bound = bound.ok().and_then(|text| text.trim().parse().ok());
    // Where it is not shown, it is Linux's own.
    if asked <= bound.unwrap_or(212_992) {
        return Some(asked);
    }
    path.set("tcp_rmem", &format!("4096 131072 {largest}"));
    None
}

fn with(world: &World, opener: Opener, buffer: Option<usize>, scales: (u8, u8)) {
    world.path.relay.take_seen();
    let wishes = Wishes {
        kernel_receive_buffer: buffer,
        ..Wishes::default()
    };
    let pair = Pair::open(world, opener, wishes);
    let time = exchange(&pair, BYTES);
    let offered = world.path.relay.take_seen();
    let offered = offered.map(|way| way.syn.and_then(|syn| syn.scale));
    eprintln!("scales {offered:?}, opened by {opener:?}: {BYTES} bytes each way in {time:?}");
    assert_eq!(offered, [Some(scales.0), Some(scales.1)], "{opener:?}");
    let shown = kernel::shown(pair.client_port());
    assert_eq!(shown.scales(), Some(scales), "{shown:?}");
    assert!(pair.ours.info().expect("info").has_window_scale);
    end(pair);
}

const SCALE_MAX: u8 = 14;
/// Of a receive buffer of 6 MiB.
const OURS_BY_DEFAULT: u8 = 7;
const BYTES: usize = 256 << 10;
const SEED: u64 = 6;
