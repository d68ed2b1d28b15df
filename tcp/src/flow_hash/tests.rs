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

/// Flows as clients make them: many ports of one address, many addresses with one port, and strides of both.
fn usual_flows(local: IpAddr, stride: u32, remote: impl Fn(u32) -> IpAddr) -> [Vec<Flow>; 2] {
    let end = |address, port| Endpoint::new(address, port);
    let from_ports = (0..FLOWS).map(|at| Flow {
        local: end(local, 80),
        remote: end(remote(at >> 16), at.wrapping_mul(stride) as u16),
    });
    let from_addresses = (0..FLOWS).map(|at| Flow {
        local: end(local, 80),
        remote: end(remote(at * stride), 1_024),
    });
    [from_ports.collect(), from_addresses.collect()]
}

#[test]
fn flows_that_follow_each_other_spread_over_the_buckets() {
    let wide = |at: u32| Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(at)).into();
    let narrow = |at: u32| Ipv4Addr::from_bits(0x0a00_0000 + at).into();
    for key in 0..16 {
        let hash = FlowHash::new(&[key; 16]);
        for stride in [1, 3, 256, 257, 4_097] {
            let flows = usual_flows(Ipv4Addr::new(192, 0, 2, 1).into(), stride, narrow)
                .into_iter()
                .chain(usual_flows(Ipv6Addr::LOCALHOST.into(), stride, wide));
            for flows in flows {
                let mut buckets = vec![0_u8; FLOWS as usize];
                let different: std::collections::HashSet<_> = flows.iter().collect();
                for flow in different {
                    buckets[hash.of(flow) as usize % FLOWS as usize] += 1;
                }
                // Random numbers fill one of so many buckets with nine or so.
                let fullest = buckets.iter().max();
                assert!(
                    fullest <= Some(&12),
                    "{fullest:?}, key {key}, stride {stride}"
                );
            }
        }
    }
}

const FLOWS: u32 = 1 << 14;
