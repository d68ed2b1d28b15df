//! Checks how values fit together, once each of them is allowed by itself.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::error::Problem;
use crate::load::Sources;
use crate::schema::{Config, EalMemory, Route};

mod applications;

/// Everything that does not fit together.
pub fn relations(config: &Config, sources: &Sources) -> Vec<Problem> {
    let mut problems = Vec::new();
    ports(config, sources, &mut problems);
    workers(config, sources, &mut problems);
    for (index, route) in config.routes.iter().enumerate() {
        self::route(config, index, route, sources, &mut problems);
    }
    services(config, sources, &mut problems);
    tcp(config, sources, &mut problems);
    applications::applications(&config.applications, sources, &mut problems);
    problems
}

fn ports(config: &Config, sources: &Sources, problems: &mut Vec<Problem>) {
    if config.ports.is_empty() {
        problems.push(Problem {
            origin: sources.origin("ports"),
            key: "ports".into(),
            value: None,
            complaint: "there is no port".into(),
            allowed: "at least one [[ports]] with name, device and addresses".into(),
        });
    }
    let (mut names, mut devices, mut addresses) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (index, port) in config.ports.iter().enumerate() {
        if !names.insert(&port.name) {
            let key = format!("ports[{index}].name");
            let value = format!("{:?}", port.name);
            problems.push(sources.problem(
                key,
                value,
                "another port has this name",
                "a name of its own",
            ));
        }
        let device = port.device.split(',').next().unwrap_or_default();
        if !devices.insert(device) {
            let key = format!("ports[{index}].device");
            let value = format!("{:?}", port.device);
            problems.push(sources.problem(
                key,
                value,
                "another port has this device",
                "a device of its own",
            ));
        }
        for (place, network) in port.addresses.iter().enumerate() {
            let key = format!("ports[{index}].addresses[{place}]");
            let address = network.address;
            if unusable(address) {
                let complaint = "not an address that a host can have";
                problems.push(sources.problem(
                    key,
                    network,
                    complaint,
                    "a unicast address that is not loopback",
                ));
            } else if !network.is_of_host() {
                let complaint = "the network's own or its broadcast address";
                problems.push(sources.problem(key, network, complaint, "an address between"));
            } else if !addresses.insert(address) {
                problems.push(sources.problem(key, network, "given twice", "each address once"));
            }
        }
    }
}

fn workers(config: &Config, sources: &Sources, problems: &mut Vec<Problem>) {
    let workers = &config.workers;
    let distinct: BTreeSet<_> = workers.cores.iter().collect();
    if distinct.len() != workers.cores.len() {
        let value = format!("{:?}", workers.cores);
        problems.push(sources.problem(
            "workers.cores",
            value,
            "a core is named twice",
            "each core once",
        ));
    }
    if let Some(count) = workers.count
        && !workers.cores.is_empty()
        && count != workers.cores.len()
    {
        let complaint = format!("workers.cores has {} entries", workers.cores.len());
        problems.push(sources.problem(
            "workers.count",
            count,
            complaint,
            "the number of cores, or leave it out",
        ));
    }
    let count = config.workers.count.unwrap_or(workers.cores.len().max(1));
    let queued: usize = config
        .ports
        .iter()
        .map(|port| usize::from(port.receive_descriptors) * count)
        .sum();
    if queued >= config.eal.packets as usize {
        let complaint = format!("the ports' receive queues alone hold {queued}");
        let allowed = "more packets than all ports' receive_descriptors times workers; twice as many is sensible";
        problems.push(sources.problem("eal.packets", config.eal.packets, complaint, allowed));
    }
    // A packet takes its data room and about 256 bytes of bookkeeping.
    let needed = (config.eal.packets as usize).saturating_mul(PACKET_BYTES);
    if config.eal.memory == EalMemory::Ordinary && needed > config.eal.memory_size {
        let value = format!("{:?}", crate::size::format(config.eal.memory_size as u64));
        let complaint = format!(
            "{} packets alone take {} MiB",
            config.eal.packets,
            needed >> 20
        );
        problems.push(sources.problem(
            "eal.memory_size",
            value,
            complaint,
            "more memory, or fewer eal.packets",
        ));
    }
}

fn route(
    config: &Config,
    index: usize,
    route: &Route,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) {
    let mut complain = |key: &str, value: String, complaint: &str, allowed: String| {
        problems.push(sources.problem(format!("routes[{index}].{key}"), value, complaint, allowed));
    };
    let network = route.network;
    if network.base() != network.address {
        let allowed = format!("{}/{}", network.base(), network.prefix_length);
        complain("network", network.to_string(), "has a host part", allowed);
    }
    let Some(port) = config.ports.iter().find(|port| port.name == route.port) else {
        let names: Vec<&str> = config.ports.iter().map(|port| port.name.as_str()).collect();
        complain(
            "port",
            format!("{:?}", route.port),
            "no such port",
            names.join(", "),
        );
        return;
    };
    if let Some(gateway) = route.gateway {
        if gateway.is_ipv4() != network.address.is_ipv4() {
            complain(
                "gateway",
                gateway.to_string(),
                "not of the network's family",
                "the same family".into(),
            );
        } else if !port.addresses.iter().any(|own| own.contains(gateway)) {
            let allowed = format!("an address in a network of port {}", port.name);
            complain(
                "gateway",
                gateway.to_string(),
                "not on the port's link",
                allowed,
            );
        }
    }
    if let Some(source) = route.source
        && !own_addresses(config).any(|own| own == source)
    {
        let own: Vec<String> = own_addresses(config).map(|own| own.to_string()).collect();
        complain(
            "source",
            source.to_string(),
            "not an own address",
            own.join(", "),
        );
    }
}

fn services(config: &Config, sources: &Sources, problems: &mut Vec<Problem>) {
    let mut names = BTreeSet::new();
    let mut listening: Vec<(SocketAddr, &str)> = Vec::new();
    for (index, service) in config.services.iter().enumerate() {
        if !names.insert(&service.name) {
            let value = format!("{:?}", service.name);
            let key = format!("services[{index}].name");
            problems.push(sources.problem(
                key,
                value,
                "another service has this name",
                "a name of its own",
            ));
        }
        let Some(listen) = service.kind.listen() else {
            continue;
        };
        let key = format!("services[{index}].listen");
        if !listen.ip().is_unspecified() && !own_addresses(config).any(|own| own == listen.ip()) {
            let own: Vec<String> = own_addresses(config).map(|own| own.to_string()).collect();
            let allowed = format!("0.0.0.0 or an own address: {}", own.join(", "));
            problems.push(sources.problem(&key, listen, "not an own address", allowed));
        }
        if let Some((_, other)) = listening.iter().find(|(other, _)| *other == listen) {
            let complaint = format!("service {other} listens there");
            problems.push(sources.problem(
                &key,
                listen,
                complaint,
                "an address and port of its own",
            ));
        }
        listening.push((listen, &service.name));
    }
    if listening.len() > config.tcp.listeners_max {
        let complaint = format!("{} services listen", listening.len());
        problems.push(sources.problem(
            "tcp.listeners_max",
            config.tcp.listeners_max,
            complaint,
            "at least as many",
        ));
    }
}

fn tcp(config: &Config, sources: &Sources, problems: &mut Vec<Problem>) {
    let tcp = &config.tcp;
    if tcp.ephemeral_port_first > tcp.ephemeral_port_last {
        let complaint = format!("above ephemeral_port_last = {}", tcp.ephemeral_port_last);
        problems.push(sources.problem(
            "tcp.ephemeral_port_first",
            tcp.ephemeral_port_first,
            complaint,
            "first up to last",
        ));
    }
    if tcp.rto_min > tcp.rto_max || tcp.rto_initial > tcp.rto_max {
        let value = format!("{:?}", crate::duration::format(tcp.rto_max));
        problems.push(sources.problem(
            "tcp.rto_max",
            value,
            "below rto_min or rto_initial",
            "at least as long as both",
        ));
    }
    if tcp.fast_open_keys.len() > 2 {
        problems.push(sources.problem(
            "tcp.fast_open_keys",
            format!("{} keys", tcp.fast_open_keys.len()),
            "more keys than are in use at a time",
            "the present key, and the one before it",
        ));
    }
    for (key, bytes) in [
        ("tcp.send_buffer", tcp.send_buffer),
        ("tcp.send_buffer_first", tcp.send_buffer_first),
        ("tcp.receive_buffer", tcp.receive_buffer),
    ] {
        if bytes > tcp.memory {
            let value = format!("{:?}", crate::size::format(bytes as u64));
            problems.push(sources.problem(
                key,
                value,
                "larger than tcp.memory",
                "at most tcp.memory",
            ));
        }
    }
}

fn own_addresses(config: &Config) -> impl Iterator<Item = IpAddr> {
    config
        .ports
        .iter()
        .flat_map(|port| port.addresses.iter().map(|network| network.address))
}

fn unusable(address: IpAddr) -> bool {
    address.is_unspecified()
        || address.is_multicast()
        || address.is_loopback()
        || address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST)
}

/// Data room of 2048 bytes, headroom, mbuf and pool header, rounded up.
const PACKET_BYTES: usize = 2_560;
