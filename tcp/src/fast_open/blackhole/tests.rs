//! How long Fast Open is done without.

use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);

fn at(second: u64) -> Instant {
    Instant::from_millis(second * 1_000)
}

#[test]
fn each_time_is_twice_as_long_up_to_64_times() {
    let mut blackhole = Blackhole::default();
    assert!(!blackhole.is_avoided(at(1), TIMEOUT));
    let mut now = 1_000;
    for factor in [1, 2, 4, 8, 16, 32, 64, 64] {
        assert!(blackhole.met(at(now), TIMEOUT));
        assert!(blackhole.is_avoided(at(now + 10 * factor - 1), TIMEOUT));
        now += 10 * factor;
        assert!(!blackhole.is_avoided(at(now), TIMEOUT), "{factor}");
    }
    assert!(blackhole.is_known());
    blackhole.is_gone();
    assert!(!blackhole.is_known());
    blackhole.met(at(now), TIMEOUT);
    assert!(!blackhole.is_avoided(at(now + 10), TIMEOUT));
}

#[test]
fn without_a_timeout_nothing_is_given_up() {
    let mut blackhole = Blackhole::default();
    assert!(!blackhole.met(at(1), Duration::ZERO));
    assert!(!blackhole.is_known());
}
