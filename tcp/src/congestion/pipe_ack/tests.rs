//! RFC 7661: validated and not.

use crate::congestion::tests::Path;
use crate::congestion::{Algorithm, CongestionSettings, Reason, Validation};
use std::time::Duration;

/// A window of 100 segments, of which `used` are in flight for some round trips.
fn path(used: u32) -> Path {
    let settings = CongestionSettings {
        algorithm: Algorithm::NewReno,
        validation: Validation::Rfc7661,
        ..CongestionSettings::default()
    };
    let mut path = Path::with(1_000, &settings);
    path.acknowledge(10_000);
    path.wait_millis(2_000);
    path.windows.set_window(100_000);
    path.windows.threshold = 50_000;
    for _ in 0..10 {
        path.deliver(used * 1_000, used * 1_000);
        path.wait_millis(200);
    }
    path
}

#[test]
fn a_window_of_which_half_is_used_grows_and_one_of_which_less_is_does_not() {
    let mut used = path(60);
    let before = used.windows.window();
    for _ in 0..2 {
        used.deliver(60_000, 60_000);
    }
    assert_eq!(used.windows.window(), before + 1_000);
    let mut unused = path(30);
    let before = unused.windows.window();
    unused.deliver(30_000, 30_000);
    assert_eq!(unused.windows.window(), before);
}

#[test]
fn a_window_that_is_not_used_stays_for_five_minutes() {
    let mut path = path(20);
    assert_eq!(path.windows.window(), 100_000);
    path.wait_millis(290_000);
    path.deliver(20_000, 20_000);
    assert_eq!(path.windows.window(), 100_000);
    path.wait_millis(10_000);
    path.deliver(20_000, 20_000);
    assert_eq!(path.windows.window(), 50_000);
    assert_eq!(path.windows.slow_start_threshold(), 75_000);
}

#[test]
fn idleness_within_five_minutes_takes_nothing() {
    let mut path = path(20);
    let last_sent = path.now;
    path.wait_millis(60_000);
    let timeout = Duration::from_millis(200);
    path.windows
        .on_idle(&mut path.pool, path.now, last_sent, timeout);
    assert_eq!(path.windows.window(), 100_000);
    path.wait_millis(240_000);
    path.windows
        .on_idle(&mut path.pool, path.now, last_sent, timeout);
    assert_eq!(path.windows.window(), 50_000);
}

/// RFC 7661, section 4.4.2.
#[test]
fn a_loss_leaves_half_of_what_was_used() {
    let mut unused = path(20);
    unused.reduce(16_000, Reason::Loss);
    assert_eq!(unused.both(), (10_000, 10_000));
    let mut used = path(60);
    let window = used.windows.window();
    used.reduce(60_000, Reason::Loss);
    assert_eq!(used.both(), (window, 30_000));
}
