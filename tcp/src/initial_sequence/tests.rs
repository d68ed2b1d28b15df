//! Numbers rise with the clock and are apart between flows.

use std::net::{IpAddr, Ipv4Addr};

use super::{InitialSequence, TimestampOffsets};
use crate::address::{Endpoint, Flow};
use crate::time::Instant;

fn flow(port: u16) -> Flow {
    let address = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    Flow {
        local: Endpoint::new(address, port),
        remote: Endpoint::new(address, 80),
    }
}

#[test]
fn a_flow_opened_again_goes_on_at_four_microseconds_a_number() {
    let numbers = InitialSequence::new(&[3; 16]);
    let first = numbers.number(Instant::from_micros(1_000), &flow(1));
    let second = numbers.number(Instant::from_micros(1_400), &flow(1));
    assert_eq!(second.since(first), 100);
    // The clock wraps after 4.77 hours and the numbers with it.
    let wrapped = numbers.number(Instant::from_micros(1_000 + (4 << 32)), &flow(1));
    assert_eq!(wrapped, first);
}

#[test]
fn flows_and_secrets_are_apart() {
    let now = Instant::from_millis(5);
    let numbers = InitialSequence::new(&[3; 16]);
    assert_ne!(numbers.number(now, &flow(1)), numbers.number(now, &flow(2)));
    assert_ne!(
        numbers.number(now, &flow(1)),
        InitialSequence::new(&[4; 16]).number(now, &flow(1))
    );
    let offsets = TimestampOffsets::new(&[5; 16]);
    assert_ne!(offsets.offset(&flow(1)), offsets.offset(&flow(2)));
    assert_eq!(offsets.offset(&flow(1)), offsets.offset(&flow(1)));
}
