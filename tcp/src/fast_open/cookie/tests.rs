//! Cookies are the kernel's, those of another address or key are none, and lengths that cannot be are passed over.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1));

/// The key that packetdrill's scripts set with `net.ipv4.tcp_fastopen_key`.
fn published() -> FastOpenKey {
    FastOpenKey::parse("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4").expect("four groups")
}

#[test]
fn a_key_is_four_groups_of_eight_digits() {
    let key = FastOpenKey::parse(
        "04030201-08070605-0c0b0a09-100f0e0d
",
    );
    let bytes: Vec<u8> = (1..=16).collect();
    assert_eq!(key.map(|key| key.0.to_vec()), Some(bytes));
    let text = key.map(|key| key.text());
    assert_eq!(text.as_deref(), Some("04030201-08070605-0c0b0a09-100f0e0d"));
    for text in [
        "",
        "1-2-3",
        "1-2-3-4-5",
        "1-2-3-x",
        "1-2-3-123456789",
        "1-2--4",
    ] {
        assert_eq!(FastOpenKey::parse(text), None, "{text}");
    }
}

#[test]
fn a_cookie_is_the_one_that_linux_makes_of_the_same_key() {
    let keys = CookieKeys::new(&published(), None);
    let made = keys.make(PEER, OURS).expect("there is a key");
    // As packetdrill's scripts expect it of the kernel.
    let expected = [0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb];
    assert_eq!(made.as_slice(), expected);
    let zero = CookieKeys::new(&FastOpenKey([0; 16]), None);
    let made = zero.make(PEER, OURS).expect("there is a key");
    let expected = [0xb7, 0xc1, 0x23, 0x50, 0xa9, 0x0d, 0xc8, 0xf5];
    assert_eq!(made.as_slice(), expected);
}

#[test]
fn only_the_keys_in_use_recognize_a_cookie() {
    let [old, new, other] = [1, 2, 3].map(|byte| FastOpenKey([byte; 16]));
    let shown = CookieKeys::new(&old, None).make(PEER, OURS);
    let shown = shown.expect("there is a key");
    let rotated = CookieKeys::new(&new, Some(&old));
    assert_eq!(rotated.check(PEER, OURS, &shown), Some(MadeWith::Previous));
    let fresh = rotated.make(PEER, OURS).expect("there is a key");
    assert_eq!(rotated.check(PEER, OURS, &fresh), Some(MadeWith::Present));
    assert_eq!(
        CookieKeys::new(&other, None).check(PEER, OURS, &shown),
        None
    );
    assert_eq!(CookieKeys::default().check(PEER, OURS, &shown), None);
}

#[test]
fn a_cookie_is_bound_to_both_addresses() {
    let keys = CookieKeys::new(&FastOpenKey([1; 16]), None);
    let shown = keys.make(PEER, OURS).expect("there is a key");
    assert_eq!(keys.check(OURS, PEER, &shown), None);
    let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let of_six = keys.make(six, six).expect("there is a key");
    assert_eq!(keys.check(six, six, &of_six), Some(MadeWith::Present));
    assert_ne!(of_six, shown);
}

#[test]
fn lengths_that_cannot_be_are_no_cookie() {
    let bytes = [7; 18];
    for length in 0..=bytes.len() {
        // RFC 7413, section 4.1.1: even, and 4 to 16; empty is the request.
        let is_one = length == 0 || ((4..=16).contains(&length) && length % 2 == 0);
        let cookie = FastOpenCookie::of(&bytes[..length]);
        assert_eq!(cookie.is_some(), is_one, "{length}");
        assert!(cookie.is_none_or(|cookie| cookie.as_slice().len() == length));
    }
}
