//! The configuration's defaults are the engine's, and every key arrives.

use std::path::Path;

use super::*;

fn options(text: &str) -> EngineOptions {
    let config = coremill_config::parse(text, Path::new("test"), std::iter::empty()).unwrap();
    engine_options(&config).unwrap()
}

const PORT: &str =
    "[[ports]]\nname = \"a\"\ndevice = \"net_tap0,iface=cm0\"\naddresses = [\"192.0.2.2/24\"]\n";

#[test]
fn defaults_are_those_of_the_engine() {
    let options = options(PORT);
    assert_eq!(
        format!("{:?}", options.tcp),
        format!("{:?}", Limits::default())
    );
    assert_eq!(
        format!("{:?}", options.neighbors),
        format!("{:?}", NeighborOptions::default())
    );
    assert_eq!(
        format!("{:?}", options.turn),
        format!("{:?}", TurnOptions::default())
    );
    assert_eq!(options.workers.len(), 1);
}

#[test]
fn devices_are_told_apart() {
    for (device, expected) in [
        (
            "net_tap0,iface=cm0",
            Device::Virtual("net_tap0,iface=cm0".into()),
        ),
        ("0000:03:00.0", Device::Pci("0000:03:00.0".into())),
        ("ring-loopback", Device::RingLoopback),
    ] {
        assert_eq!(
            options(&PORT.replace("net_tap0,iface=cm0", device)).ports[0].device,
            expected
        );
    }
}

#[test]
fn routes_find_their_port_and_workers_their_core() {
    let text = PORT.to_owned()
        + "[[ports]]\nname = \"b\"\ndevice = \"ring-loopback\"\naddresses = [\"198.51.100.2/24\"]\n\
           [[routes]]\nnetwork = \"203.0.113.0/24\"\nport = \"b\"\nlocal = \"port\"\n\
           [workers]\ncores = [3, 1]\nidle = \"spin\"\n";
    let options = options(&text);
    assert_eq!(options.routes[0].port, 1);
    assert!(options.routes[0].local_through_port);
    let cores: Vec<_> = options.workers.iter().map(|worker| worker.core).collect();
    assert_eq!(cores, [Some(3), Some(1)]);
    assert_eq!(options.workers[0].idle, IdlePolicy::Spin);
}

#[test]
fn secrets_differ_from_start_to_start() {
    let (one, two) = (options(PORT), options(PORT));
    assert_ne!(one.secrets.table, two.secrets.table);
    assert_ne!(one.steering_key, two.steering_key);
    assert_ne!(one.secrets.table, one.secrets.initial_sequence);
}
