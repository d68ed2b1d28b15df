//! What counts as pending, and for how long.

use super::*;

fn at(second: u64) -> Instant {
    Instant::from_millis(second * 1_000)
}

#[test]
fn what_ended_well_counts_no_longer() {
    let mut queue = Queue::default();
    queue.begin();
    queue.begin();
    assert_eq!(queue.length(at(1)), 2);
    queue.end(at(1), false);
    assert_eq!(queue.length(at(1)), 1);
}

#[test]
fn what_was_reset_counts_for_a_minute() {
    let mut queue = Queue::default();
    for second in [100, 103, 130] {
        queue.begin();
        queue.end(at(second), true);
    }
    assert_eq!(queue.length(at(130)), 3);
    assert_eq!(queue.length(at(160)), 3);
    assert_eq!(queue.length(at(170)), 1);
    assert_eq!(queue.length(at(197)), 0);
    queue.begin();
    queue.end(at(200), true);
    assert_eq!(queue.length(at(259)), 1);
    assert_eq!(queue.length(at(100_000)), 0);
}

#[test]
fn another_listener_begins_with_nothing() {
    let mut queue = Queue::default();
    queue.begin();
    queue.belong_to(0);
    assert_eq!(queue.length(at(1)), 1);
    queue.belong_to(1);
    assert_eq!(queue.length(at(1)), 0);
}
