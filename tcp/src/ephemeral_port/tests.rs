//! Ports are free, at home, in range, and spread.

use std::cell::Cell;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use super::{EphemeralPorts, SEARCH_MAX};
use crate::address::Endpoint;

fn here() -> IpAddr {
    Ipv4Addr::new(10, 0, 0, 1).into()
}

fn remote(port: u16) -> Endpoint {
    Endpoint::new(Ipv4Addr::new(10, 0, 0, 2).into(), port)
}

#[test]
fn every_port_of_the_range_is_used_before_none_is_left() {
    let mut ports = EphemeralPorts::new(&[1; 16], (40_000, 40_099));
    let used = std::cell::RefCell::new(HashSet::new());
    for _ in 0..100 {
        let port = ports
            .choose(here(), remote(80), &|_| true, &|flow| {
                used.borrow().contains(&flow.local.port)
            })
            .expect("one is left");
        assert!((40_000..=40_099).contains(&port));
        assert!(used.borrow_mut().insert(port));
    }
    let none = ports.choose(here(), remote(80), &|_| true, &|flow| {
        used.borrow().contains(&flow.local.port)
    });
    assert_eq!(none, None);
    // Another peer has all of them again.
    assert!(
        ports
            .choose(here(), remote(81), &|_| true, &|_| false)
            .is_some()
    );
}

#[test]
fn only_ports_that_come_home_are_taken() {
    let mut ports = EphemeralPorts::new(&[1; 16], (60_999, 32_768));
    for _ in 0..1_000 {
        let port = ports.choose(
            here(),
            remote(80),
            &|flow| flow.local.port % 4 == 3,
            &|_| false,
        );
        assert_eq!(port.expect("a quarter of the ports come home") % 4, 3);
    }
}

#[test]
fn the_search_is_bounded() {
    let mut ports = EphemeralPorts::new(&[1; 16], (0, u16::MAX));
    let asked = Cell::new(0);
    let port = ports.choose(here(), remote(80), &|_| true, &|flow| {
        assert_ne!(flow.local.port, 0);
        asked.set(asked.get() + 1);
        true
    });
    assert_eq!(port, None);
    assert!(asked.get() <= SEARCH_MAX);
}

#[test]
fn peers_do_not_see_each_others_ports() {
    let mut ports = EphemeralPorts::new(&[1; 16], (32_768, 60_999));
    let mut choose = |peer| ports.choose(here(), remote(peer), &|_| true, &|_| false);
    let starts: HashSet<_> = (1..=100)
        .map(|peer| choose(peer).expect("all are free"))
        .collect();
    assert!(starts.len() > 90, "offsets are hashed: {}", starts.len());
}

#[test]
fn steps_do_not_count_connections() {
    let mut ports = EphemeralPorts::new(&[1; 16], (32_768, 60_999));
    let choose = || ports.choose(here(), remote(80), &|_| true, &|_| false);
    let chosen: Vec<_> = std::iter::from_fn(choose).take(1_000).collect();
    let near = chosen
        .windows(2)
        .filter(|pair| pair[1] == pair[0] + 1)
        .count();
    assert!((800..990).contains(&near), "{near} of 999 are neighbours");
    let distinct: HashSet<_> = chosen.iter().collect();
    assert_eq!(distinct.len(), 1_000);
}

#[test]
fn peers_of_one_machine_rarely_share_a_counter() {
    let mut ports = EphemeralPorts::new(&[1; 16], (32_768, 60_999));
    for peer in 1..=256 {
        ports.choose(here(), remote(peer), &|_| true, &|_| false);
    }
    let moved = ports.steps.iter().filter(|step| **step > 0).count();
    assert!(moved >= 250, "{moved}");
}
