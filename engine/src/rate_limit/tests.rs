use super::*;

fn taken(bucket: &mut TokenBucket, now: Instant, tries: usize) -> usize {
    (0..tries).filter(|_| bucket.take(now)).count()
}

#[test]
fn a_burst_is_a_tenth_of_a_second() {
    let mut bucket = TokenBucket::new(1_000);
    assert_eq!(taken(&mut bucket, Instant::from_millis(5), 1_000), 100);
}

#[test]
fn the_rate_holds_over_a_long_time() {
    let mut bucket = TokenBucket::new(1_000);
    let total: usize = (1..=10_000)
        .map(|millis| taken(&mut bucket, Instant::from_millis(millis), 5))
        .sum();
    // Ten seconds at the rate, and the burst that the bucket began with.
    assert!((10_000..=10_100).contains(&total), "{total}");
}

#[test]
fn slow_rates_give_single_tokens() {
    let mut bucket = TokenBucket::new(1);
    assert_eq!(taken(&mut bucket, Instant::from_millis(1), 10), 1);
    assert_eq!(taken(&mut bucket, Instant::from_millis(900), 10), 0);
    assert_eq!(taken(&mut bucket, Instant::from_millis(1_002), 10), 1);
}

#[test]
fn zero_gives_nothing_and_a_clock_that_stands_still_no_more() {
    assert_eq!(
        taken(&mut TokenBucket::new(0), Instant::from_millis(9_999), 10),
        0
    );
    let mut bucket = TokenBucket::new(10);
    let now = Instant::from_millis(50);
    assert_eq!(taken(&mut bucket, now, 10), 1);
    assert_eq!(taken(&mut bucket, now, 10), 0);
}

#[test]
fn the_fastest_rate_does_not_overflow() {
    let mut bucket = TokenBucket::new(u32::MAX);
    assert!(bucket.take(Instant::from_nanos(u64::MAX)));
    assert!(bucket.take(Instant::from_nanos(u64::MAX)));
}
