//! Timestamps, SACK, window scaling and explicit congestion notification: with both ends, and switched off at either.

use super::exchange::{end, exchange};
use super::impairment::{Impairment, PERCENT};
use super::kernel::{self, Shown};
use super::pair::{Opener, Pair, Wishes};
use super::path::Path;
use super::seen::{Seen, Syn};
use super::world::World;

/// Where it is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Off {
    Nowhere,
    Here,
    There,
}

/// What can be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feature {
    Stamps,
    Sack,
    Scaling,
    Ecn,
}

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    let world = World::start(&path, workers, ASKS);
    // As ours, it asks for ECN when it opens; and agrees when asked.
    path.set("tcp_ecn", "1");
    all(&world, Off::Nowhere, None);
    for feature in Feature::ALL {
        path.set(feature.setting(), "0");
        all(&world, Off::There, Some(feature));
        path.set(feature.setting(), "1");
    }
    world.end();
    for feature in Feature::ALL {
        let world = World::start(&path, workers, feature.lines());
        all(&world, Off::Here, Some(feature));
        world.end();
    }
}

/// Every feature is in use but the one that is off somewhere.
fn all(world: &World, off: Off, feature: Option<Feature>) {
    for opener in Opener::ALL {
        world.path.relay.set(Impairment::NONE);
        world.path.relay.take_seen();
        let pair = Pair::open(world, opener, Wishes::default());
        let syns = world
            .path
            .relay
            .take_seen()
            .map(|way| way.syn.expect("a SYN"));
        world.path.relay.set(TROUBLE);
        let marks = ["InCEPkts", "TCPDeliveredCE"].map(|name| world.daemon.counter(name));
        let time = exchange(&pair, BYTES);
        world.path.relay.set(Impairment::NONE);
        let seen = world.path.relay.take_seen();
        let shown = kernel::shown(pair.client_port());
        eprintln!(
            "{feature:?} off {off:?}, opened by {opener:?}: {BYTES} bytes each way in {time:?}"
        );
        for any in Feature::ALL {
            let is_off = feature == Some(any);
            // Who opens offers what it has; who answers only what was offered and what it has.
            let offers = match (is_off, off, opener) {
                (false, ..) => [true, true],
                (true, Off::Here, Opener::Ours) | (true, Off::There, Opener::Kernel) => {
                    [false, false]
                }
                (true, Off::Here, Opener::Kernel) => [false, true],
                (true, ..) => [true, false],
            };
            assert_eq!(
                syns.map(|syn| any.is_offered(syn)),
                offers,
                "{any:?}: {syns:?}"
            );
            assert_eq!(any.is_shown(&shown), !is_off, "{any:?}: {shown:?}");
            any.is_seen(&seen, !is_off);
        }
        let info = pair.ours.info().expect("info");
        let is_on = |asked: Feature| feature != Some(asked);
        assert_eq!(info.has_timestamps, is_on(Feature::Stamps));
        assert_eq!(info.has_sack, is_on(Feature::Sack));
        assert_eq!(info.has_window_scale, is_on(Feature::Scaling));
        let after = ["InCEPkts", "TCPDeliveredCE"].map(|name| world.daemon.counter(name));
        for (before, after) in marks.into_iter().zip(after) {
            assert_eq!(
                after > before,
                is_on(Feature::Ecn),
                "{marks:?}, then {after}"
            );
        }
        end(pair);
    }
}

impl Feature {
    const ALL: [Self; 4] = [Self::Stamps, Self::Sack, Self::Scaling, Self::Ecn];

    /// Of the kernel.
    fn setting(self) -> &'static str {
        match self {
            Self::Stamps => "tcp_timestamps",
            Self::Sack => "tcp_sack",
            Self::Scaling => "tcp_window_scaling",
            Self::Ecn => "tcp_ecn",
        }
    }

    /// Of our configuration, to switch it off alone.
    fn lines(self) -> &'static str {
        match self {
            Self::Stamps => "ecn = \"ask\"\ntimestamps = false",
            Self::Sack => "ecn = \"ask\"\nsack = false",
            Self::Scaling => "ecn = \"ask\"\nwindow_scaling = false",
            Self::Ecn => "ecn = \"off\"",
        }
    }

    fn is_offered(self, syn: Syn) -> bool {
        match self {
            Self::Stamps => syn.stamps,
            Self::Sack => syn.sack,
            Self::Scaling => syn.scale.is_some(),
            Self::Ecn => syn.ecn,
        }
    }

    fn is_shown(self, shown: &Shown) -> bool {
        match self {
            Self::Stamps => shown.has("ts"),
            Self::Sack => shown.has("sack"),
            Self::Scaling => shown.scales().is_some(),
            Self::Ecn => shown.has("ecn"),
        }
    }

    /// Whether packets of both directions show it, in a transfer with losses and marks.
    fn is_seen(self, seen: &[Seen; 2], is_on: bool) {
        for way in seen {
            match self {
                Self::Stamps => {
                    let wrong = if is_on { way.unstamped } else { way.stamped };
                    assert_eq!(wrong, 0, "{way:?}");
                }
                Self::Sack => assert_eq!(way.sacks > 0, is_on, "{way:?}"),
                Self::Scaling => {}
                Self::Ecn => {
                    assert_eq!(way.data_ect > way.data / 2, is_on, "{way:?}");
                    let shown = [way.marked, way.echoes, way.reduced];
                    assert_eq!(shown.map(|count| count > 0), [is_on; 3], "{way:?}");
                }
            }
        }
    }
}

const ASKS: &str = "ecn = \"ask\"";
const TROUBLE: Impairment = Impairment {
    lost: 2 * PERCENT,
    marked: 5 * PERCENT,
    ..Impairment::NONE
};
const BYTES: usize = 512 << 10;
const SEED: u64 = 7;
