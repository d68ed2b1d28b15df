use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn route(network: [u8; 4], prefix_length: u8, port: usize) -> Route {
    Route {
        network: IpAddr::V4(network.into()),
        prefix_length,
        gateway: None,
        port,
        source: Ipv4Addr::new(10, 0, 0, 1).into(),
        local_through_port: false,
    }
}

fn port_for(routes: &PlainRoutes, destination: [u8; 4]) -> Option<usize> {
    Some(routes.lookup(IpAddr::V4(destination.into()))?.port)
}

#[test]
fn the_longest_prefix_wins_in_any_order_of_adding() {
    let added = [
        route([0, 0, 0, 0], 0, 0),
        route([10, 0, 0, 0], 8, 1),
        route([10, 1, 0, 0], 16, 2),
        route([10, 1, 2, 3], 32, 3),
    ];
    for first in 0..added.len() {
        let mut routes = PlainRoutes::new(4);
        for offset in 0..added.len() {
            routes.add(added[(first + offset) % added.len()]).unwrap();
        }
        assert_eq!(port_for(&routes, [192, 0, 2, 1]), Some(0));
        assert_eq!(port_for(&routes, [10, 9, 9, 9]), Some(1));
        assert_eq!(port_for(&routes, [10, 1, 9, 9]), Some(2));
        assert_eq!(port_for(&routes, [10, 1, 2, 3]), Some(3));
    }
}

#[test]
fn adding_again_replaces_and_changes_the_generation() {
    let mut routes = PlainRoutes::new(1);
    let empty = routes.generation();
    routes.add(route([10, 0, 0, 77], 24, 1)).unwrap();
    let added = routes.generation();
    // Bits beyond the prefix do not make another network.
    routes.add(route([10, 0, 0, 0], 24, 2)).unwrap();
    assert_eq!(port_for(&routes, [10, 0, 0, 5]), Some(2));
    assert!(empty != added && added != routes.generation());
    assert_eq!(
        routes.add(route([10, 0, 1, 0], 24, 1)),
        Err(RouteError::Full(1))
    );
    routes.remove(IpAddr::V4([10, 0, 0, 9].into()), 24).unwrap();
    assert_eq!(port_for(&routes, [10, 0, 0, 5]), None);
    let gone = routes.remove(IpAddr::V4([10, 0, 0, 0].into()), 24);
    assert_eq!(gone, Err(RouteError::NotFound));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut routes = PlainRoutes::new(4);
    let too_long = RouteError::PrefixTooLong(33);
    assert_eq!(routes.add(route([10, 0, 0, 0], 33, 0)), Err(too_long));
    let mixed = Route {
        gateway: Some(Ipv6Addr::LOCALHOST.into()),
        ..route([10, 0, 0, 0], 8, 0)
    };
    assert_eq!(routes.add(mixed), Err(RouteError::MixedFamilies));
    let mut rows = 0;
    routes.rows(&mut |_| rows += 1);
    assert_eq!(rows, 0);
}

#[test]
fn families_do_not_mix() {
    let mut routes = PlainRoutes::new(4);
    routes.add(route([0, 0, 0, 0], 0, 0)).unwrap();
    assert_eq!(routes.lookup(Ipv6Addr::LOCALHOST.into()), None);
    routes
        .add(Route {
            network: "2001:db8::".parse().unwrap(),
            prefix_length: 32,
            source: "2001:db8::1".parse().unwrap(),
            gateway: Some("fe80::1".parse().unwrap()),
            ..route([0, 0, 0, 0], 0, 7)
        })
        .unwrap();
    let destination = "2001:db8:5::9".parse().unwrap();
    let found = routes.lookup(destination).unwrap();
    assert_eq!(found.port, 7);
    assert_eq!(
        found.next_hop(destination),
        "fe80::1".parse::<IpAddr>().unwrap()
    );
}

proptest! {
    #[test]
    fn agrees_with_looking_at_each_route(
        added in prop::collection::vec((any::<u32>(), 0u8..=32), 0..20),
        destination: u32,
    ) {
        let mut routes = PlainRoutes::new(32);
        for (port, &(network, prefix_length)) in added.iter().enumerate() {
            routes.add(route(network.to_be_bytes(), prefix_length, port)).unwrap();
        }
        let contains = |&&(network, length): &&(u32, u8)| {
            length == 0 || (network ^ destination) >> (32 - u32::from(length)) == 0
        };
        let longest = added.iter().filter(contains).map(|&(_, length)| length).max();
        let found = routes.lookup(IpAddr::V4(Ipv4Addr::from_bits(destination)));
        prop_assert_eq!(found.map(|route| route.prefix_length), longest);
    }
}
