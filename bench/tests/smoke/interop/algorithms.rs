//! Congestion control: each of the kernel's against each of ours, over a path that loses and marks.

use coremill_client::option::CONGESTION;

use super::exchange::{end, exchange};
use super::impairment::{Impairment, PERCENT};
use super::kernel;
use super::pair::{Opener, Pair, Wishes};
use super::path::Path;
use super::world::World;
use crate::command::run as command;
use crate::topology::IN_CLIENT;

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    path.set("tcp_ecn", "1");
    let world = World::start(&path, workers, "ecn = \"ask\"");
    let words = [
        &IN_CLIENT[..],
        &["sysctl", "-n", "net.ipv4.tcp_available_congestion_control"],
    ];
    let available = command(&words.concat());
    let available: Vec<_> = available.split_ascii_whitespace().collect();
    for theirs in ["cubic", "reno", "bbr"] {
        if !available.contains(&theirs) {
            eprintln!("SKIPPED: this kernel has {available:?} and not {theirs}");
            continue;
        }
        for (at, (ours, number)) in (0_usize..).zip(OURS) {
            over(&world, Opener::ALL[at % 2], theirs, (ours, number));
        }
    }
    world.end();
}

fn over(world: &World, opener: Opener, theirs: &str, ours: (&str, i64)) {
    world.path.relay.set(Impairment::NONE);
    let wishes = Wishes {
        kernel_algorithm: Some(theirs),
        ours: &[(CONGESTION, ours.1)],
        ..Wishes::default()
    };
    let pair = Pair::open(world, opener, wishes);
    world.path.relay.set(TROUBLE);
    let time = exchange(&pair, BYTES);
    world.path.relay.set(Impairment::NONE);
    let shown = kernel::shown(pair.client_port());
    assert!(shown.has(theirs), "{shown:?}");
    let remote = pair.theirs.local_addr().expect("its address").to_string();
    let rows = world.daemon.rows(&["sockets"]);
    let row = rows.iter().find(|row| row["remote"] == remote.as_str());
    let row = row.unwrap_or_else(|| panic!("{remote} is not among {rows:?}"));
    let named = row["congestion"].as_str().unwrap_or_default();
    assert!(named.starts_with(ours.0), "{row}");
    assert!(
        row["slow_start_threshold_bytes"].is_u64() || ours.0 == "bbr",
        "{row}"
    );
    eprintln!(
        "{theirs} of the kernel, {named} of ours, opened by {opener:?}: {BYTES} bytes each way in {time:?}, \
         {} sent again by us, {} by the kernel",
        row["retransmissions"],
        shown.retransmissions()
    );
    end(pair);
}

/// By the numbers of the option.
const OURS: [(&str, i64); 4] = [("cubic", 1), ("newreno", 2), ("bbr", 3), ("dctcp", 4)];
const TROUBLE: Impairment = Impairment {
    lost: PERCENT / 2,
    marked: PERCENT / 2,
    ..Impairment::NONE
};
const BYTES: usize = 1 << 20;
const SEED: u64 = 8;
