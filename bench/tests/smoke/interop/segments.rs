//! Small packets: what the client's link carries and its MSS tells, what our own port carries, and what a hop in the middle
//! carries, of which only ICMP tells.

use super::exchange::{end, exchange};
use super::pair::{Opener, Pair, Wishes};
use super::path::Path;
use super::seen::Seen;
use super::world::World;
use crate::configuration;
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    let world = World::start(&path, workers, "");
    for mtu in MTUS {
        path.set_client_mtu(mtu);
        for opener in Opener::ALL {
            let (pair, seen) = transfer(&world, opener);
            assert_eq!(mss(seen[1]), mtu - HEADERS, "the client's offer");
            // Its own kernel knows the link, and ours the offer.
            assert_eq!(seen.map(|way| way.largest), [mtu, mtu], "{opener:?}");
            end(pair);
        }
    }
    path.set_client_mtu(ETHERNET);
    hop_in_the_middle(&world);
    world.end();
    for mtu in MTUS {
        of_our_port(&path, workers, mtu);
    }
}

/// Both ends believe in 1,500 bytes, and are told otherwise once they send.
fn hop_in_the_middle(world: &World) {
    for mtu in MTUS {
        for opener in Opener::ALL {
            let before = world.daemon.counter("PathMTUChanges");
            // What was told is remembered of a destination: a smaller one each time.
            let mtu = mtu - 4 * (opener as usize);
            world.path.set_near_mtu(mtu);
            let (pair, seen) = transfer(world, opener);
            assert_eq!(mss(seen[0]), ETHERNET - HEADERS, "our offer");
            assert_eq!(seen[0].largest, mtu, "{opener:?}: ours that came through");
            let path_mtu = pair.ours.info().expect("info").path_mtu_bytes;
            assert_eq!(path_mtu as usize, mtu);
            let changes = world.daemon.counter("PathMTUChanges") - before;
            eprintln!(
                "hop of {mtu} bytes, opened by {opener:?}: {changes} changes of segment size"
            );
            end(pair);
        }
    }
    world.path.set_near_mtu(ETHERNET);
}

fn of_our_port(path: &Path, workers: usize, mtu: usize) {
    let toml = configuration::toml(workers);
    let toml = toml.replace("[[ports]]\n", &format!("[[ports]]\nmtu = {mtu}\n"));
    let world = World::over(path, Daemon::start_with(&toml));
    for opener in Opener::ALL {
        let (pair, seen) = transfer(&world, opener);
        assert_eq!(mss(seen[0]), mtu - HEADERS, "our offer");
        assert_eq!(seen.map(|way| way.largest), [mtu, mtu], "{opener:?}");
        end(pair);
    }
    world.end();
}

/// Opens a connection with the relay's eyes open, and moves bytes both ways.
fn transfer(world: &World, opener: Opener) -> (Pair, [Seen; 2]) {
    world.path.relay.take_seen();
    let pair = Pair::open(world, opener, Wishes::default());
    let time = exchange(&pair, BYTES);
    let seen = world.path.relay.take_seen();
    eprintln!(
        "opened by {opener:?}: {BYTES} bytes each way in {time:?}, largest packets {:?}",
        seen.map(|way| way.largest)
    );
    (pair, seen)
}

fn mss(seen: Seen) -> usize {
    seen.syn.and_then(|syn| syn.mss).map_or(0, usize::from)
}

const MTUS: [usize; 2] = [1280, 576];
const ETHERNET: usize = 1500;
/// Of IPv4 and TCP.
const HEADERS: usize = 40;
const BYTES: usize = 1 << 20;
const SEED: u64 = 5;
