//! DPDK's forwarding table against the plain one, as a tree and as DIR-24-8. One test, since EAL
//! starts once in a process.

use std::net::IpAddr;

use coremill_engine::nic::dpdk::{Eal, FibRoutes};
use coremill_engine::options::{EalMemory, EalOptions};
use coremill_engine::routes::{PlainRoutes, Route, RouteError, Routes};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[test]
fn forwarding_table_agrees_with_the_plain_one() {
    let directory = tempfile::tempdir().expect("a runtime directory");
    let options = EalOptions {
        memory: EalMemory::Ordinary { megabytes: 128 },
        file_prefix: String::from("routes"),
        runtime_directory: Some(directory.path().to_path_buf()),
        log_level: 4,
        extra_arguments: Vec::new(),
        packets: 1_023,
    };
    let eal = Eal::start(&options, &[], 1).expect("EAL starts without ports");
    for routes_max in [300, 2_000] {
        for seed in 0..4 {
            same_answers(&eal, routes_max, seed);
        }
    }
    bounds_and_families(&eal);
}

fn same_answers(eal: &Eal, routes_max: usize, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut ours = FibRoutes::new(eal, routes_max).expect("a table");
    let mut plain = PlainRoutes::new(routes_max);
    let mut added: Vec<(IpAddr, u8)> = Vec::new();
    for step in 0..2_000 {
        let (network, prefix_length) = match random.random_range(0..4) {
            0 if !added.is_empty() => added[random.random_range(0..added.len())],
            _ => (close_address(&mut random), random.random_range(0..=32)),
        };
        let outcome = if random.random_bool(0.3) {
            (
                ours.remove(network, prefix_length),
                plain.remove(network, prefix_length),
            )
        } else {
            added.push((network, prefix_length));
            let route = route(network, prefix_length, step);
            (ours.add(route), plain.add(route))
        };
        assert_eq!(outcome.0, outcome.1, "seed {seed}, step {step}");
        assert_eq!(ours.generation(), plain.generation());
        let destination = close_address(&mut random);
        assert_eq!(
            ours.lookup(destination),
            plain.lookup(destination),
            "{routes_max} routes, seed {seed}, step {step}, {destination}"
        );
    }
    let shown = |routes: &dyn Routes| {
        let mut rows = Vec::new();
        routes.rows(&mut |row| rows.push((row.prefix_length, row.network, row.port)));
        assert!(
            rows.is_sorted_by(|one, next| one.0 >= next.0),
            "longest prefix first"
        );
        rows.sort();
        rows
    };
    assert_eq!(shown(&ours), shown(&plain));
}

fn bounds_and_families(eal: &Eal) {
    let mut routes = FibRoutes::new(eal, 1).expect("a table");
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    routes.add(route(address("10.1.2.3"), 8, 1)).expect("room");
    let more = routes.add(route(address("11.0.0.0"), 8, 2));
    assert_eq!(more, Err(RouteError::Full(1)));
    assert_eq!(
        routes.add(route(address("10.0.0.0"), 33, 2)),
        Err(RouteError::PrefixTooLong(33))
    );
    let mut mixed = route(address("10.0.0.0"), 8, 2);
    mixed.gateway = Some(address("fe80::1"));
    assert_eq!(routes.add(mixed), Err(RouteError::MixedFamilies));
    routes
        .add(route(address("10.0.0.0"), 8, 3))
        .expect("replaced");
    assert_eq!(
        routes.lookup(address("10.9.9.9")).map(|route| route.port),
        Some(3)
    );
    assert_eq!(routes.lookup(address("11.9.9.9")), None);
    let mut six = route(address("2001:db8::"), 32, 4);
    six.source = address("2001:db8::1");
    routes.add(six).expect("room for IPv6");
    assert_eq!(
        routes
            .lookup(address("2001:db8::9"))
            .map(|route| route.port),
        Some(4)
    );
    assert_eq!(routes.lookup(address("2001:db9::9")), None);
    routes.remove(address("2001:db8::"), 32).expect("there");
    routes.remove(address("10.0.0.0"), 8).expect("there");
    assert_eq!(
        routes.remove(address("10.0.0.0"), 8),
        Err(RouteError::NotFound)
    );
    routes
        .add(route(address("0.0.0.0"), 0, 5))
        .expect("room again");
    assert_eq!(
        routes
            .lookup(address("203.0.113.1"))
            .map(|route| route.port),
        Some(5)
    );
}

/// Addresses that share prefixes often.
fn close_address(random: &mut StdRng) -> IpAddr {
    let mut octet = || random.random_range(0..3u8) * 64;
    IpAddr::from([10 + octet(), octet(), octet(), octet()])
}

fn route(network: IpAddr, prefix_length: u8, port: usize) -> Route {
    let source = IpAddr::from([10, 0, 0, 1]);
    Route {
        network,
        prefix_length,
        gateway: None,
        port,
        source,
        local_through_port: false,
    }
}
