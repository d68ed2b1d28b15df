//! Claims that are and are not believed.

use super::{Cumulative, Violation};

#[test]
fn a_count_grows_up_to_its_limit_and_no_further() {
    let mut count = Cumulative::default();
    assert_eq!(count.advance(5, 10), Ok(5));
    assert_eq!(count.advance(5, 10), Ok(0));
    assert_eq!(count.advance(10, 10), Ok(5));
    assert_eq!(count.advance(11, 10), Err(Violation::CountBeyond));
    assert_eq!(count.advance(9, 10), Err(Violation::CountBackwards));
    assert_eq!(count.advance(u64::MAX, 10), Err(Violation::CountBeyond));
    assert_eq!(count.value(), 10);
}

#[test]
fn every_violation_has_a_name_of_its_own() {
    let mut names: Vec<_> = Violation::ALL
        .iter()
        .map(|violation| violation.name())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Violation::ALL.len());
}
