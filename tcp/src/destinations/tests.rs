//! What is remembered of destinations, for how long, and what makes room.

use super::*;

const LIFETIME: Duration = Duration::from_secs(600);

fn flow(last: u8) -> Flow {
    Flow {
        local: Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 80),
        remote: Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), 5_000),
    }
}

fn table(max: usize) -> Destinations {
    Destinations::new(max, FlowHash::new(&[7; 16]))
}

fn learn(table: &mut Destinations, now: Instant, last: u8, mtu: u16) -> Instant {
    let known = table
        .find_or_add(now, &flow(last))
        .expect("there is a place");
    known.learn_path_mtu(now, mtu, LIFETIME)
}

fn path_mtu(table: &mut Destinations, now: Instant, last: u8) -> Option<(u16, Instant)> {
    table.find(now, &flow(last))?.path_mtu(now)
}

#[test]
fn a_path_is_known_until_it_expires() {
    let mut table = table(16);
    let now = Instant::from_millis(1_000);
    assert_eq!(path_mtu(&mut table, now, 1), None);
    let expires = learn(&mut table, now, 1, 1_400);
    assert_eq!(expires, now + LIFETIME);
    let last = now + (LIFETIME - Duration::from_nanos(1));
    assert_eq!(path_mtu(&mut table, last, 1), Some((1_400, expires)));
    assert_eq!(path_mtu(&mut table, last, 2), None);
    assert_eq!(path_mtu(&mut table, expires, 1), None);
}

#[test]
fn a_destination_learnt_anew_has_one_place() {
    let mut table = table(1);
    let now = Instant::from_millis(1_000);
    for last in 1..=4 {
        learn(&mut table, now, last, 1_400);
    }
    let later = now + Duration::from_secs(1);
    learn(&mut table, later, 3, 1_300);
    for (last, mtu) in [(1, 1_400), (2, 1_400), (3, 1_300), (4, 1_400)] {
        let known = path_mtu(&mut table, later, last);
        assert_eq!(known.map(|(mtu, _)| mtu), Some(mtu));
    }
    assert_eq!(table.evicted, 0);
}

#[test]
fn the_destination_unused_for_longest_makes_room() {
    let mut table = table(4);
    let start = Instant::from_millis(1_000);
    let at = |second| start + Duration::from_secs(second);
    for last in 1..=4 {
        learn(&mut table, at(u64::from(last)), last, 1_400);
    }
    // Somebody asks for the oldest: the second is the one to go.
    assert!(path_mtu(&mut table, at(5), 1).is_some());
    learn(&mut table, at(6), 5, 1_400);
    assert_eq!(table.evicted, 1);
    for (last, is_known) in [(1, true), (2, false), (3, true), (4, true), (5, true)] {
        assert_eq!(path_mtu(&mut table, at(7), last).is_some(), is_known);
    }
}

#[test]
fn another_of_our_addresses_knows_nothing_of_it() {
    let mut table = table(16);
    let now = Instant::from_millis(1_000);
    learn(&mut table, now, 1, 1_400);
    let mut other = flow(1);
    other.local.address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    assert!(table.find(now, &other).is_none());
    other = flow(1);
    other.local.port = 81;
    other.remote.port = 1;
    assert!(
        table.find(now, &other).is_some(),
        "ports make no difference"
    );
}

#[test]
fn one_or_all_can_be_forgotten() {
    let mut table = table(64);
    let now = Instant::from_millis(1_000);
    for last in 1..=8 {
        learn(&mut table, now, last, 1_400);
    }
    let rows = |table: &Destinations| {
        let places = 0..table.places();
        places.filter(|place| table.at(*place).is_some()).count()
    };
    assert_eq!(rows(&table), 8);
    assert_eq!(table.forget(Some(flow(3).remote.address)), 1);
    assert_eq!(table.forget(Some(flow(3).remote.address)), 0);
    assert!(table.find(now, &flow(3)).is_none());
    assert_eq!(table.forget(None), 7);
    assert_eq!(rows(&table), 0);
}
