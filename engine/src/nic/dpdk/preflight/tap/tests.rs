//! Arguments, queues and names, each wrong in turn; none of it needs a tap device.

use super::*;

fn port(device: &str) -> PortOptions {
    PortOptions {
        name: String::from("p0"),
        device: Device::Virtual(device.to_string()),
        addresses: Vec::new(),
        mtu: None,
        receive_descriptors: 256,
        transmit_descriptors: 256,
        segmentation: true,
    }
}

#[test]
fn arguments_that_the_driver_would_pass_over_are_refused() {
    let name = |device| check_arguments("p0", device).expect("right");
    assert_eq!(name("net_tap0"), None);
    assert_eq!(name("net_tap0,iface=cm0,mac=fixed"), Some("cm0"));
    assert_eq!(
        name("net_tap0,iface=fifteen-letters"),
        Some("fifteen-letters")
    );
    for wrong in [
        "ifac=cm0",
        "iface=",
        "iface",
        "iface=sixteen-letters-",
        "iface=a/b",
        "mac=",
    ] {
        let error = check_arguments("p0", &format!("net_tap0,{wrong}")).expect_err(wrong);
        assert!(
            matches!(&error, EalError::TapArgument { argument, .. } if argument == wrong),
            "{error}"
        );
    }
}

#[test]
fn more_queues_than_fit_the_drivers_message_are_refused() {
    let error = check(&port("net_tap0,iface=cm-test"), 5).expect_err("ten descriptors");
    assert!(
        matches!(
            &error,
            EalError::TooFewQueues {
                offered: 4,
                workers: 5,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn interfaces_are_found_by_their_whole_name() {
    let listing = "Inter-|   Receive\n face |bytes\n    lo: 1 2\n  cm01: 0 0\n";
    assert!(lists(listing, "lo") && lists(listing, "cm01"));
    assert!(!lists(listing, "cm0") && !lists(listing, "m01") && !lists("", "lo"));
}
