//! Order and distance across the wrap.

use proptest::prelude::*;

use super::SequenceNumber;

#[test]
fn comparison_goes_on_across_the_wrap() {
    let before = SequenceNumber::new(u32::MAX - 1);
    let after = before + 3;
    assert_eq!(after.raw(), 1);
    for is_ordered in [
        before < after,
        after > before,
        before <= after,
        after >= before,
    ] {
        assert!(is_ordered);
    }
    assert_eq!(before.later(after), after);
    assert_eq!(before.earlier(after), before);
    assert_eq!(after.since(before), 3);
    assert_eq!(after - 3, before);
}

#[test]
fn a_window_of_zero_holds_nothing() {
    let start = SequenceNumber::new(7);
    assert!(!start.is_within(start, 0));
    assert!(start.is_within(start, 1));
    assert!(!(start + 1).is_within(start, 1));
    assert!(!(start - 1).is_within(start, u32::MAX));
}

proptest! {
    #[test]
    fn less_than_half_the_space_ahead_is_later(start: u32, distance in 1_u32..(1 << 31)) {
        let start = SequenceNumber::new(start);
        let ahead = start + distance;
        for is_ordered in [start < ahead, start <= ahead, ahead > start, ahead >= start] {
            prop_assert!(is_ordered);
        }
        for is_reversed in [ahead < start, ahead <= start, start > ahead, start >= ahead] {
            prop_assert!(!is_reversed);
        }
        prop_assert_eq!(start.partial_cmp(&ahead), Some(std::cmp::Ordering::Less));
        prop_assert_eq!(ahead.partial_cmp(&start), Some(std::cmp::Ordering::Greater));
        prop_assert_eq!(ahead.since(start), distance);
    }
}
