//! Different flows, keys and purposes give different hashes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{FlowHash, FlowSecret};
use crate::address::{Endpoint, Flow};

fn flow(local: IpAddr, remote: IpAddr) -> Flow {
    Flow {
        local: Endpoint::new(local, 1_000),
        remote: Endpoint::new(remote, 2_000),
    }
}

#[test]
fn every_part_of_a_flow_and_the_key_count() {
    let here = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
    let there = IpAddr::from(Ipv4Addr::new(10, 0, 0, 2));
    let hash = FlowHash::new(&[7; 16]);
    let base = flow(here, there);
    let mut other_port = base;
    other_port.local.port = 1_001;
    let mut other_remote = base;
    other_remote.remote.port = 1_001;
    let wide = flow(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::UNSPECIFIED.into());
    let hashes = [
        hash.of(&base),
        hash.of(&flow(there, here)),
        hash.of(&other_port),
        hash.of(&other_remote),
        hash.of(&wide),
        FlowHash::new(&[8; 16]).of(&base),
    ];
    for (index, one) in hashes.iter().enumerate() {
        assert!(hashes[index + 1..].iter().all(|other| other != one));
    }
    assert_eq!(hash.of(&base), hash.of(&base));
}

#[test]
fn purposes_give_independent_functions() {
    let secret = FlowSecret::new(&[1; 16]);
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    let remote = Endpoint::new(here, 80);
    assert_ne!(
        secret.of_addresses(here, &remote, 1),
        secret.of_addresses(here, &remote, 2)
    );
}

#[test]
fn the_short_form_is_siphash() {
    let flow = flow(
        IpAddr::from(Ipv4Addr::new(10, 0, 0, 1)),
        IpAddr::from(Ipv4Addr::new(192, 168, 7, 250)),
    );
    let mut bytes = super::FlowBytes::default();
    bytes.push_flow(&flow);
    assert_eq!(bytes.as_slice().len(), 12);
    for key in [
        [0; 16],
        [7; 16],
        std::array::from_fn(|at| 251_u8.wrapping_mul(at as u8)),
    ] {
        let hash = FlowHash::new(&key);
        assert_eq!(hash.of(&flow), hash.any.hash(bytes.as_slice()));
    }
}
