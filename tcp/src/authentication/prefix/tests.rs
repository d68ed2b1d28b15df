use std::net::IpAddr;

use super::*;

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix::new(address.parse().unwrap(), length.parse().unwrap()).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn it_contains_what_begins_with_its_bits() {
    assert!(prefix("10.1.0.0/16").contains(address("10.1.255.1")));
    assert!(!prefix("10.1.0.0/16").contains(address("10.2.0.1")));
    assert!(prefix("10.1.2.3/32").contains(address("10.1.2.3")));
    assert!(!prefix("10.1.2.3/32").contains(address("10.1.2.2")));
    assert!(prefix("0.0.0.0/0").contains(address("255.1.2.3")));
    assert!(prefix("2001:db8::/32").contains(address("2001:db8:1::1")));
    assert!(!prefix("2001:db8::/32").contains(address("2001:db9::1")));
    assert!(prefix("::/0").contains(address("2001:db9::1")));
}

#[test]
fn families_do_not_mix_but_for_ipv4_within_ipv6() {
    assert!(!prefix("0.0.0.0/0").contains(address("2001:db8::1")));
    assert!(!prefix("::/0").contains(address("10.0.0.1")));
    assert_eq!(prefix("::ffff:10.1.0.0/112"), prefix("10.1.0.0/16"));
    assert_eq!(
        Prefix::of(address("::ffff:10.1.2.3")),
        prefix("10.1.2.3/32")
    );
}

#[test]
fn bits_behind_the_prefix_do_not_matter() {
    assert_eq!(prefix("10.1.2.3/16"), prefix("10.1.0.0/16"));
}

#[test]
fn a_prefix_longer_than_an_address_is_none() {
    assert_eq!(Prefix::new(address("10.0.0.0"), 33), None);
    assert_eq!(Prefix::new(address("2001:db8::"), 129), None);
    assert_eq!(Prefix::new(address("::ffff:10.0.0.0"), 95), None);
}

#[test]
fn two_overlap_when_one_is_within_the_other() {
    assert!(prefix("10.0.0.0/8").overlaps(&prefix("10.1.0.0/16")));
    assert!(prefix("10.1.0.0/16").overlaps(&prefix("10.0.0.0/8")));
    assert!(!prefix("10.1.0.0/16").overlaps(&prefix("10.2.0.0/16")));
    assert!(!prefix("::/0").overlaps(&prefix("10.2.0.0/16")));
}
