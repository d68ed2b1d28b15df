//! Many neighbours: the bound, who goes, and random use.

use proptest::prelude::*;

use super::*;

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

#[test]
fn at_the_bound_strangers_take_nobodys_place_that_is_in_use() {
    let mut bench = Bench::new(4, 4);
    for last in 10..14 {
        bench.send(address(last), last);
        bench.outputs();
        assert!(bench.learn(address(last), PEER_MAC, true, false));
        bench.outputs();
    }
    assert!(!bench.learn(address(20), OTHER_MAC, false, true));
    assert_eq!(bench.neighbors.len(), 4);
    // What we want ourselves takes the place of the one used longest ago.
    bench.now = bench.now + Duration::from_millis(5);
    for last in [10, 11, 13] {
        bench.send(address(last), last);
    }
    assert!(matches!(bench.send(address(30), 30), Resolution::Queued));
    let gone = bench.neighbors.find(0, address(12).into());
    assert_eq!((bench.neighbors.len(), gone), (4, None));
}

#[test]
fn when_all_wait_there_is_no_room() {
    let mut bench = Bench::new(2, 4);
    bench.send(address(10), 1);
    bench.send(address(11), 2);
    let full = bench.send(address(12), 3);
    assert!(matches!(
        full,
        Resolution::Dropped(LinkDropReason::NeighborTableFull, _)
    ));
}

#[test]
fn a_scan_of_the_network_leaves_known_neighbours_alone() {
    let mut bench = Bench::reachable();
    for last in 10..=250 {
        bench.learn(address(last), OTHER_MAC, false, true);
    }
    assert_eq!(bench.state(), Some(NeighborState::Reachable));
    assert_eq!(bench.neighbors.len(), 8);
}

#[test]
fn rows_come_in_slices() {
    let mut bench = Bench::new(8, 4);
    for last in 10..15 {
        bench.learn(address(last), OTHER_MAC, false, true);
    }
    let (mut start, mut seen) = (Some(0), Vec::new());
    while let Some(from) = start {
        let mut rows = Vec::with_capacity(2);
        start = bench.neighbors.rows(bench.now, from, &mut rows);
        seen.extend(rows.iter().map(|row| row.address));
    }
    seen.sort_unstable();
    let all: Vec<_> = (10..15).map(|last| IpAddr::V4(address(last))).collect();
    assert_eq!(seen, all);
}

#[test]
fn ports_and_ipv6_that_nobody_can_answer_end_in_reasons() {
    let mut bench = Bench::new(8, 4);
    let resolution = bench
        .neighbors
        .resolve(bench.now, 9, PEER.into(), buffer_of(&[1]));
    assert!(matches!(
        resolution,
        Resolution::Dropped(LinkDropReason::NeighborTableFull, _)
    ));
    let six: IpAddr = "fe80::1".parse().unwrap();
    let resolution = bench.neighbors.resolve(bench.now, 0, six, buffer_of(&[7]));
    assert!(matches!(resolution, Resolution::Queued));
    assert_eq!(bench.pass(5_000), [Seen::Failed(7)]);
}

/// What a random user does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(u8),
    Learn(u8, bool, bool),
    Confirm(u8),
    Pass(u32),
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    let last = 2..10u8;
    prop_oneof![
        4 => last.clone().prop_map(Step::Send),
        3 => (last.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(last, solicited, create)| Step::Learn(last, solicited, create)),
        1 => last.prop_map(Step::Confirm),
        2 => (0..70_000u32).prop_map(Step::Pass),
        2 => Just(Step::Drain),
    ]
}

proptest! {
    /// Each packet ends exactly once: ready, sent or dropped; and in the end nothing stays.
    #[test]
    fn no_packet_is_lost_and_no_entry_stays(steps in prop::collection::vec(step(), 0..120)) {
        let mut bench = Bench::new(4, 2);
        let (mut given, mut ended) = (0, 0);
        for step in steps {
            match step {
                Step::Send(last) => {
                    given += 1;
                    ended += usize::from(!matches!(
                        bench.send(address(last), last),
                        Resolution::Queued
                    ));
                }
                Step::Learn(last, solicited, create) => {
                    bench.learn(address(last), PEER_MAC, solicited, create);
                }
                Step::Confirm(last) => {
                    let found = bench.neighbors.find(0, address(last).into());
                    if let Some(neighbor) = found {
                        bench.neighbors.confirm(bench.now, neighbor);
                    }
                }
                Step::Pass(millis) => ended += packets(&bench.pass(millis.into())),
                Step::Drain => ended += packets(&bench.outputs()),
            }
            let pending: usize = bench.rows().iter().map(|row| row.pending).sum();
            prop_assert_eq!(given, ended + pending);
            prop_assert!(bench.neighbors.len() <= 4);
        }
        bench.outputs();
        bench.pass(1_000_000);
        prop_assert!(bench.neighbors.is_empty());
        prop_assert_eq!(bench.neighbors.next_deadline(), None);
    }
}

fn packets(seen: &[Seen]) -> usize {
    let requests = seen
        .iter()
        .filter(|seen| matches!(seen, Seen::Request { .. }));
    seen.len() - requests.count()
}
