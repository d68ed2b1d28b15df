//! The numbers that users name the fields by.

use super::*;

#[test]
fn the_ecn_bits_of_a_tos_byte_are_not_the_users() {
    let fields = IpFields::default().with_tos(0xbb);
    assert_eq!(fields.dscp, 0x2e);
    assert_eq!(fields.tos(), 0xb8);
}

#[test]
fn each_kind_of_discovery_has_linuxs_number() {
    for number in 0..4 {
        let kind = PathMtuDiscovery::from_number(number).expect("a kind");
        assert_eq!(kind.number(), number);
    }
    assert_eq!(PathMtuDiscovery::from_number(4), None);
    assert_eq!(PathMtuDiscovery::default().number(), 1);
}

#[test]
fn only_a_smaller_time_to_live_is_rejected() {
    let fields = IpFields {
        min_ttl: 255,
        ..IpFields::DEFAULT
    };
    assert!(fields.rejects(254));
    assert!(!fields.rejects(255));
    assert!(!IpFields::DEFAULT.rejects(0));
}
