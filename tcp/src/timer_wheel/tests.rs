//! The wheel against an ordered map.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{AHEAD_MAX, TICK_NANOS, TimerWheel};
use crate::time::Instant;

fn fired(wheel: &mut TimerWheel, now: Instant) -> Vec<u32> {
    let mut keys = Vec::new();
    wheel.advance(now, usize::MAX, &mut |key| keys.push(key));
    keys
}

#[test]
fn a_timer_fires_once_within_a_tick() {
    let mut wheel = TimerWheel::new(4);
    let deadline = Instant::from_micros(200_000);
    wheel.arm(2, deadline);
    assert!(wheel.is_armed(2) && wheel.armed() == 1);
    assert!(fired(&mut wheel, Instant::from_micros(199_999)).is_empty());
    let late = deadline + Duration::from_nanos(TICK_NANOS);
    assert_eq!(fired(&mut wheel, late), [2]);
    assert!(!wheel.is_armed(2) && wheel.next_deadline().is_none());
    assert!(fired(&mut wheel, late + Duration::from_secs(1)).is_empty());
}

#[test]
fn timers_can_be_moved_both_ways_and_cancelled() {
    let mut wheel = TimerWheel::new(4);
    wheel.arm(0, Instant::from_millis(10));
    wheel.arm(0, Instant::from_millis(500));
    wheel.arm(1, Instant::from_millis(900));
    wheel.arm(1, Instant::from_millis(20));
    wheel.arm(2, Instant::from_millis(30));
    wheel.cancel(2);
    wheel.cancel(2);
    assert_eq!(fired(&mut wheel, Instant::from_millis(100)), [1]);
    assert_eq!(fired(&mut wheel, Instant::from_millis(501)), [0]);
    assert_eq!(wheel.armed(), 0);
}

#[test]
fn a_deadline_in_the_past_fires_at_once() {
    let mut wheel = TimerWheel::new(2);
    let now = Instant::from_millis(70_000);
    assert!(fired(&mut wheel, now).is_empty());
    wheel.arm(1, Instant::from_millis(3));
    assert!(
        wheel
            .next_deadline()
            .is_some_and(|deadline| deadline <= now)
    );
    assert_eq!(fired(&mut wheel, now), [1]);
}

#[test]
fn the_budget_bounds_one_call_and_loses_nothing() {
    let mut wheel = TimerWheel::new(1_000);
    let deadline = Instant::from_millis(7_200_000);
    for key in 0..1_000 {
        wheel.arm(key, deadline);
    }
    let now = deadline + Duration::from_millis(1);
    let mut count = 0;
    let mut calls = 0;
    while wheel.next_deadline().is_some() {
        assert!(wheel.advance(now, 10, &mut |_| count += 1) <= 10);
        calls += 1;
    }
    assert_eq!(count, 1_000);
    assert!(
        calls < 1_000,
        "at most a few steps a timer, and ten of them a call: {calls}"
    );
}

#[test]
fn the_end_of_time_is_in_range() {
    let mut wheel = TimerWheel::new(2);
    let (day, end) = (86_400_000, u64::MAX - 3 * TICK_NANOS);
    let quiet = fired(&mut wheel, Instant::from_nanos(end - 8 * TICK_NANOS));
    assert!(quiet.is_empty());
    wheel.arm(0, Instant::from_nanos(end));
    wheel.arm(1, Instant::from_millis(24 * day));
    assert_eq!(
        fired(&mut wheel, Instant::from_nanos(end - TICK_NANOS)),
        [1]
    );
    assert_eq!(fired(&mut wheel, Instant::from_nanos(u64::MAX)), [0]);
}

#[test]
fn what_is_too_far_away_fires_after_39_hours() {
    let mut wheel = TimerWheel::new(3);
    let hour = 3_600_000;
    assert!(fired(&mut wheel, Instant::from_millis(30 * hour)).is_empty());
    wheel.arm(0, Instant::from_nanos(u64::MAX));
    wheel.arm(1, Instant::from_millis(69 * hour));
    wheel.arm(2, Instant::from_millis(31 * hour));
    wheel.arm(2, Instant::from_millis(1_000 * hour));
    let told = wheel.deadline(0);
    assert_eq!(wheel.deadline(2), told);
    let told = told.expect("armed");
    assert!(told > Instant::from_millis(69 * hour) && told < Instant::from_millis(70 * hour));
    let before = Instant::from_nanos(told.as_nanos() - 1);
    assert_eq!(fired(&mut wheel, before), [1]);
    let mut last = fired(&mut wheel, told);
    last.sort_unstable();
    assert_eq!(last, [0, 2]);
}

#[derive(Clone, Debug)]
enum Step {
    Arm(u32, u64),
    Cancel(u32),
    Advance(u64, usize),
    FollowDeadline,
}

fn delay_nanos() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..200_000,
        0_u64..50_000_000,
        0_u64..3_000_000_000,
        0_u64..8_000_000_000_000,
        0_u64..2_500_000_000_000_000,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u32..KEYS, delay_nanos()).prop_map(|(key, delay)| Step::Arm(key, delay)),
        2 => (0_u32..KEYS).prop_map(Step::Cancel),
        4 => (delay_nanos(), prop_oneof![Just(usize::MAX), 0_usize..8])
            .prop_map(|(delay, budget)| Step::Advance(delay, budget)),
        2 => Just(Step::FollowDeadline),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn none_is_early_and_none_is_lost(steps in prop::collection::vec(step(), 1..150)) {
        let mut wheel = TimerWheel::new(KEYS as usize);
        let mut oracle: BTreeMap<u32, u64> = BTreeMap::new();
        let mut now = 0_u64;
        for step in steps {
            let budget = match step {
                Step::Arm(key, delay) => {
                    wheel.arm(key, Instant::from_nanos(now + delay));
                    let farthest = (wheel.current + AHEAD_MAX) * TICK_NANOS;
                    oracle.insert(key, (now + delay).min(farthest));
                    continue;
                }
                Step::Cancel(key) => {
                    wheel.cancel(key);
                    oracle.remove(&key);
                    continue;
                }
                Step::Advance(delay, budget) => {
                    now += delay;
                    budget
                }
                Step::FollowDeadline => {
                    let Some(deadline) = wheel.next_deadline() else { continue };
                    let earliest = oracle.values().min().expect("something is armed");
                    prop_assert!(deadline.as_nanos() < earliest + TICK_NANOS);
                    now = now.max(deadline.as_nanos());
                    usize::MAX
                }
            };
            let mut keys = Vec::new();
            let steps = wheel.advance(Instant::from_nanos(now), budget, &mut |key| keys.push(key));
            prop_assert!(steps <= budget && keys.len() <= steps);
            for key in keys {
                let deadline = oracle.remove(&key).expect("armed");
                prop_assert!(deadline <= now, "early");
            }
            if steps < budget {
                for deadline in oracle.values() {
                    prop_assert!(deadline.div_ceil(TICK_NANOS) > now / TICK_NANOS, "late");
                }
            }
            prop_assert_eq!(wheel.armed(), oracle.len());
            prop_assert_eq!(wheel.next_deadline().is_some(), !oracle.is_empty());
            for (key, deadline) in &oracle {
                let told = wheel.deadline(*key).expect("armed").as_nanos();
                prop_assert!(told >= *deadline);
            }
        }
    }
}

const KEYS: u32 = 40;
