//! What each option may be, as Linux has it.

use super::{OptionError, SocketOption};
use crate::limits::Limits;
use crate::options::SocketOptions;

fn set(option: SocketOption, value: i64) -> Result<i64, OptionError> {
    let limits = Limits::default();
    let mut options = SocketOptions::DEFAULT;
    options.set(option, value, &limits)?;
    Ok(options.get(option, &limits))
}

#[test]
fn nothing_set_is_what_the_shard_has() {
    let limits = Limits::default();
    let get = |option| SocketOptions::DEFAULT.get(option, &limits);
    assert_eq!(get(SocketOption::KeepaliveIdle), 7_200);
    assert_eq!(get(SocketOption::KeepaliveInterval), 75);
    assert_eq!(get(SocketOption::KeepaliveCount), 9);
    assert_eq!(get(SocketOption::FinWait2), 60);
    assert_eq!(get(SocketOption::UserTimeout), 0);
    assert_eq!(get(SocketOption::SendBuffer), 16 << 10);
    assert_eq!(get(SocketOption::ReceiveBuffer), 65_535);
}

#[test]
fn switches_take_any_number() {
    for option in [
        SocketOption::NoDelay,
        SocketOption::Cork,
        SocketOption::Keepalive,
    ] {
        assert_eq!(set(option, 2), Ok(1));
        assert_eq!(set(option, 0), Ok(0));
    }
}

#[test]
fn what_is_out_of_bounds_is_invalid_or_bounded() {
    use SocketOption::*;
    for (option, bad) in [
        (KeepaliveIdle, 0),
        (KeepaliveIdle, 32_768),
        (KeepaliveInterval, -1),
        (KeepaliveCount, 0),
        (KeepaliveCount, 128),
        (UserTimeout, -1),
        (UnsentLowWater, -1),
    ] {
        assert_eq!(
            set(option, bad),
            Err(OptionError::Invalid),
            "{option:?} {bad}"
        );
    }
    assert_eq!(set(FinWait2, -7), Ok(-1));
    assert_eq!(set(FinWait2, 1_000), Ok(120));
    assert_eq!(set(WindowClamp, 1), Ok(1_152));
    assert_eq!(set(ReceiveBuffer, 1), Ok(2_304));
    assert_eq!(set(SendBuffer, i64::MAX), Ok(4 << 20));
}

#[test]
fn fields_of_the_ip_header_are_linuxs() {
    use SocketOption::*;
    assert_eq!(set(Tos, 0xbb), Ok(0xb8));
    assert_eq!(set(Ttl, 255), Ok(255));
    assert_eq!(set(Ttl, -1), Ok(64));
    assert_eq!(set(MinTtl, 0), Ok(0));
    assert_eq!(set(MtuDiscover, 3), Ok(3));
    for (option, bad) in [(Ttl, 0), (Ttl, 256), (MinTtl, 256), (MtuDiscover, 6)] {
        assert_eq!(
            set(option, bad),
            Err(OptionError::Invalid),
            "{option:?} {bad}"
        );
    }
}

/// What getsockopt gives for a socket that asked for nothing.
#[test]
fn defaults_are_linuxs() {
    let (options, limits) = (SocketOptions::default(), Limits::default());
    for (option, value) in [
        (SocketOption::NoDelay, 0),
        (SocketOption::Cork, 0),
        (SocketOption::QuickAck, 1),
        (SocketOption::Keepalive, 0),
        (SocketOption::KeepaliveIdle, 7_200),
        (SocketOption::KeepaliveInterval, 75),
        (SocketOption::KeepaliveCount, 9),
        (SocketOption::SynCount, 6),
        (SocketOption::DeferAccept, 0),
        (SocketOption::FinWait2, 60),
        (SocketOption::UserTimeout, 0),
        (SocketOption::FastOpen, 0),
        (SocketOption::FastOpenConnect, 0),
        (SocketOption::FastOpenNoCookie, 0),
        (SocketOption::Congestion, 1),
        (SocketOption::PacingRateMax, -1),
        (SocketOption::Ttl, 64),
        (SocketOption::MinTtl, 0),
    ] {
        assert_eq!(options.get(option, &limits), value, "{option:?}");
    }
}

#[test]
fn only_allowed_algorithms_can_be_chosen() {
    let mut limits = Limits::default();
    limits.congestion.allow(&[]);
    let mut options = SocketOptions::default();
    let chosen = options.set(SocketOption::Congestion, 3, &limits);
    assert_eq!(chosen, Err(OptionError::NotAllowed));
    let chosen = options.set(SocketOption::Congestion, 99, &limits);
    assert_eq!(chosen, Err(OptionError::NoAlgorithm));
}
