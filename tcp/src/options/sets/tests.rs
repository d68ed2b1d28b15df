//! Sets are shared, counted, and come back.

use super::{Chosen, Flags, OptionSets};
use crate::options::{OptionError, SocketOptions};

fn with_idle(seconds: u16) -> SocketOptions {
    SocketOptions {
        keepalive_idle_seconds: seconds,
        ..SocketOptions::DEFAULT
    }
}

#[test]
fn who_chooses_the_same_shares_a_set() {
    let mut sets = OptionSets::new(4);
    let mut all: [Chosen; 100] = std::array::from_fn(|_| Chosen::default());
    for chosen in &mut all {
        sets.choose(chosen, &with_idle(7)).expect("one set");
        assert_eq!(sets.options(chosen), with_idle(7));
    }
    assert_eq!(sets.live(), 1);
    for chosen in &mut all {
        sets.release(chosen);
        assert_eq!(sets.options(chosen), SocketOptions::DEFAULT);
    }
    assert_eq!(sets.live(), 0);
}

#[test]
fn flags_cost_no_set() {
    let mut sets = OptionSets::new(0);
    let mut chosen = Chosen::default();
    let options = SocketOptions {
        no_delay: true,
        cork: true,
        urgent_inline: true,
        ..SocketOptions::DEFAULT
    };
    sets.choose(&mut chosen, &options).expect("flags only");
    assert!(chosen.flags.contains(Flags::NO_DELAY) && !chosen.flags.contains(Flags::KEEPALIVE));
    assert_eq!(sets.options(&chosen), options);
}

#[test]
fn one_set_too_many_is_refused_and_changes_nothing() {
    let mut sets = OptionSets::new(2);
    let mut all: [Chosen; 3] = std::array::from_fn(|_| Chosen::default());
    sets.choose(&mut all[0], &with_idle(1)).expect("room");
    sets.choose(&mut all[1], &with_idle(2)).expect("room");
    assert_eq!(
        sets.choose(&mut all[2], &with_idle(3)),
        Err(OptionError::NoRoom)
    );
    assert_eq!(sets.options(&all[2]), SocketOptions::DEFAULT);
    // What is there already can still be chosen, and a set that nobody has any more is used again.
    sets.choose(&mut all[2], &with_idle(2))
        .expect("it is there");
    sets.choose(&mut all[0], &SocketOptions::DEFAULT)
        .expect("always there");
    sets.choose(&mut all[0], &with_idle(3))
        .expect("a set came free");
    assert_eq!(sets.options(&all[1]), with_idle(2));
    assert_eq!(sets.options(&all[2]), with_idle(2));
}

#[test]
fn any_order_of_choices_leaves_each_with_its_own() {
    let mut sets = OptionSets::new(8);
    let mut all: [Chosen; 8] = std::array::from_fn(|_| Chosen::default());
    let mut seconds = [0_u16; 8];
    let mut random = 1_u32;
    for _ in 0..10_000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (who, what) = ((random >> 16) as usize % 8, (random >> 24) as u16 % 12);
        if sets.choose(&mut all[who], &with_idle(what)).is_ok() {
            seconds[who] = what;
        }
        for (chosen, seconds) in all.iter().zip(seconds) {
            assert_eq!(sets.options(chosen), with_idle(seconds));
        }
    }
}
