//! Tests of the limit.

use super::ChallengeLimit;
use crate::time::Instant;

fn taken(limit: &mut ChallengeLimit, second: u64, per_second_max: u32) -> u32 {
    let now = Instant::from_millis(second * 1_000);
    (0..2 * per_second_max)
        .map(|_| u32::from(limit.take(now, per_second_max)))
        .sum()
}

#[test]
fn no_second_allows_as_much_as_one_can_count_on() {
    let mut limit = ChallengeLimit::new(&[5; 16]);
    let counts: Vec<u32> = (0..50)
        .map(|second| taken(&mut limit, second, 100))
        .collect();
    assert!(
        counts.iter().all(|count| (50..=100).contains(count)),
        "{counts:?}"
    );
    let mut different = counts.clone();
    different.sort_unstable();
    different.dedup();
    assert!(different.len() > 10, "{counts:?}");
}

#[test]
fn none_allowed_means_none() {
    let mut limit = ChallengeLimit::new(&[5; 16]);
    assert!(!limit.take(Instant::from_millis(1), 0));
}

#[test]
fn one_a_second_is_one_in_each() {
    let mut limit = ChallengeLimit::new(&[7; 16]);
    for second in 1..100 {
        let now = Instant::from_nanos(second * 1_000_000_000);
        assert_eq!([limit.take(now, 1), limit.take(now, 1)], [true, false]);
    }
}
