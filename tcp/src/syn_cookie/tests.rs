//! Cookies come back as they were made, for two minutes, and nothing else does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::address::Endpoint;

const KEY: [u8; 16] = [7; 16];
const MINUTE_MILLIS: u64 = 60_000;

fn flow(port: u16) -> Flow {
    Flow {
        local: Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 80),
        remote: Endpoint::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), port),
    }
}

#[test]
fn the_largest_size_that_the_peer_takes_is_remembered() {
    let secret = SynCookieSecret::new(&KEY);
    let now = Instant::from_millis(5 * MINUTE_MILLIS);
    let theirs = SequenceNumber::new(1);
    for (mss, remembered) in [
        (1, 536),
        (536, 536),
        (1_000, 996),
        (1_459, 1_440),
        (1_460, 1_460),
        (65_000, 8_960),
    ] {
        let (cookie, kept) = secret.make(now, &flow(1), theirs, mss);
        assert_eq!(kept, remembered);
        assert_eq!(
            secret.check(now, &flow(1), theirs, cookie),
            Some(remembered)
        );
    }
}

#[test]
fn sizes_of_ipv6_are_its_own() {
    let secret = SynCookieSecret::new(&KEY);
    let now = Instant::from_millis(0);
    let theirs = SequenceNumber::new(9);
    let flow = Flow {
        local: Endpoint::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 80),
        remote: Endpoint::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 81),
    };
    let (cookie, _) = secret.make(now, &flow, theirs, 1_440);
    assert_eq!(secret.check(now, &flow, theirs, cookie), Some(1_440));
}

#[test]
fn a_cookie_is_believed_in_its_minute_and_the_next() {
    let secret = SynCookieSecret::new(&KEY);
    let theirs = SequenceNumber::new(77);
    let made = Instant::from_millis(300 * MINUTE_MILLIS);
    let (cookie, _) = secret.make(made, &flow(1), theirs, 1_460);
    for (minutes, is_believed) in [(0, true), (1, true), (2, false), (3, false), (255, false)] {
        let now = Instant::from_millis((300 + minutes) * MINUTE_MILLIS);
        let found = secret.check(now, &flow(1), theirs, cookie);
        assert_eq!(found.is_some(), is_believed, "after {minutes} minutes");
    }
    // Nor before it was made.
    let before = Instant::from_millis(299 * MINUTE_MILLIS);
    assert_eq!(secret.check(before, &flow(1), theirs, cookie), None);
}

#[test]
fn the_acknowledgement_of_a_few_bytes_more_is_no_cookie() {
    let secret = SynCookieSecret::new(&KEY);
    let theirs = SequenceNumber::new(77);
    let now = Instant::from_millis(300 * MINUTE_MILLIS);
    for mss in [536, 1_000, 1_460] {
        let (cookie, _) = secret.make(now, &flow(1), theirs, mss);
        for more in 1..=10 {
            assert_eq!(secret.check(now, &flow(1), theirs, cookie + more), None);
        }
    }
}

proptest! {
    /// Eight values of 2^24 in each of two minutes of 256 pass: one guess in about a quarter of a billion.
    #[test]
    fn a_guess_is_refused(guess: u32, port: u16) {
        let secret = SynCookieSecret::new(&KEY);
        let now = Instant::from_millis(7 * MINUTE_MILLIS);
        let theirs = SequenceNumber::new(5);
        let found = secret.check(now, &flow(port), theirs, SequenceNumber::new(guess));
        prop_assert_eq!(found, None);
    }

    #[test]
    fn a_cookie_is_for_one_flow_and_one_number(theirs: u32, other in 1_u32.., mss in 536_u16..) {
        let secret = SynCookieSecret::new(&KEY);
        let now = Instant::from_millis(7 * MINUTE_MILLIS);
        let number = SequenceNumber::new(theirs);
        let (cookie, kept) = secret.make(now, &flow(1), number, mss);
        prop_assert_eq!(secret.check(now, &flow(1), number, cookie), Some(kept));
        prop_assert_eq!(secret.check(now, &flow(2), number, cookie), None);
        prop_assert_eq!(secret.check(now, &flow(1), number + other, cookie), None);
        let foreign = SynCookieSecret::new(&[8; 16]);
        prop_assert_eq!(foreign.check(now, &flow(1), number, cookie), None);
    }

    #[test]
    fn options_come_back_and_the_stamp_is_never_ahead(
        clock: u32,
        scale in prop::option::of(0_u8..15),
        sack: bool,
        ecn: bool,
    ) {
        let options = CookieOptions { window_scale: scale, sack, ecn };
        let stamp = options.stamp(clock);
        prop_assert_eq!(CookieOptions::of_stamp(stamp), options);
        prop_assert!(clock.wrapping_sub(stamp) <= 64, "{} behind", clock.wrapping_sub(stamp));
    }
}
