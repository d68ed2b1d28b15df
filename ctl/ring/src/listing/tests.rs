//! What is packed comes out again.

use super::{OBJECTS, numbers_of, page_of, pages};
use crate::option::{CONGESTION_INFO, MEMORY_INFO, NO_DELAY, STATISTICS_OBJECTS};

#[test]
fn numbers_survive_the_page() {
    let numbers = [1, 2, 3, 4, 5, 6, 7, 8, u32::MAX];
    let all = numbers_of(&page_of(&numbers));
    assert_eq!(all[..9], numbers);
    assert_eq!(all[9..], [0]);
}

#[test]
fn each_listing_has_room_for_its_numbers() {
    assert_eq!(pages(MEMORY_INFO), Some(1));
    assert_eq!(pages(CONGESTION_INFO), Some(1));
    assert_eq!(pages(STATISTICS_OBJECTS), Some(20));
    assert_eq!(OBJECTS.len(), 20 * 5);
    assert_eq!(pages(NO_DELAY), None);
}
