//! A daemon that asks for AccECN (RFC 9768), and a kernel that knows the classic kind only, or none: both fall back to what
//! they share, and marks slow both down, or nobody.

use super::exchange::{end, exchange};
use super::impairment::{Impairment, PERCENT};
use super::kernel;
use super::pair::{Opener, Pair, Wishes};
use super::path::Path;
use super::world::World;

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    let world = World::start(&path, workers, "ecn = \"ask-accurate\"");
    for kernel in ["0", "1", "2"] {
        path.set("tcp_ecn", kernel);
        for opener in Opener::ALL {
            fall_back(&world, kernel, opener);
        }
    }
    world.end();
}

fn fall_back(world: &World, kernel: &str, opener: Opener) {
    world.path.relay.set(Impairment::NONE);
    world.path.relay.take_seen();
    let pair = Pair::open(world, opener, Wishes::default());
    let opened = world.path.relay.take_seen();
    let [up, down] = opened.map(|way| way.syn.expect("a SYN"));
    world.path.relay.set(TROUBLE);
    let time = exchange(&pair, BYTES);
    world.path.relay.set(Impairment::NONE);
    let seen = world.path.relay.take_seen();
    let shown = kernel::shown(pair.client_port());
    let agreed = match opener {
        Opener::Ours => kernel != "0",
        // A kernel whose setting is 2 agrees, but does not ask.
        Opener::Kernel => kernel == "1",
    };
    eprintln!(
        "AccECN asked of a kernel with tcp_ecn = {kernel}, opened by {opener:?}: classic ECN {agreed}; {BYTES} bytes \
         each way in {time:?}, lost {:?}, marked {:?}",
        seen.map(|way| way.lost),
        seen.map(|way| way.marked),
    );
    // Only our own SYN asks for it, by AE, CWR and ECE; a classic answer has ECE alone.
    let asks = [up, down].map(|syn| syn.accurate);
    assert_eq!(
        asks.iter().any(|asks| *asks),
        opener == Opener::Ours,
        "{asks:?}"
    );
    assert_eq!(shown.has("ecn"), agreed, "{shown:?}");
    for way in seen {
        assert_eq!(way.data_ect > way.data / 2, agreed, "{way:?}");
        assert_eq!(way.echoes > 0 && way.reduced > 0, agreed, "{way:?}");
        assert!(way.lost > 0, "{way:?}");
    }
    end(pair);
}

const TROUBLE: Impairment = Impairment {
    lost: PERCENT,
    marked: 5 * PERCENT,
    ..Impairment::NONE
};
const BYTES: usize = 1 << 20;
const SEED: u64 = 13;
