use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SLOTS: u32 = 12;

proptest! {
    #[test]
    fn is_a_sorted_set_of_one_deadline_per_slot(
        steps in prop::collection::vec((0..SLOTS, prop::option::of(0u64..20)), 0..200),
    ) {
        let mut deadlines = Deadlines::new(SLOTS as usize);
        let mut oracle = BTreeSet::new();
        for (slot, deadline) in steps {
            oracle.retain(|&(_, other)| other != slot);
            match deadline.map(Instant::from_nanos) {
                Some(deadline) => {
                    deadlines.arm(slot, deadline);
                    oracle.insert((deadline, slot));
                }
                None => deadlines.disarm(slot),
            }
            prop_assert_eq!(deadlines.first(), oracle.first().copied());
        }
        while let Some((_, slot)) = deadlines.first() {
            prop_assert_eq!(deadlines.first(), oracle.pop_first());
            deadlines.disarm(slot);
        }
        prop_assert!(oracle.is_empty());
    }
}

#[test]
fn slots_that_do_not_exist_are_no_harm() {
    let mut deadlines = Deadlines::new(2);
    deadlines.arm(2, Instant::from_nanos(1));
    deadlines.disarm(7);
    assert_eq!(deadlines.first(), None);
}
