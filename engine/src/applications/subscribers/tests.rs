//! The subscriptions of sockets against a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{FewSubscribers, NOBODY, NOTIFIERS_OF_STREAM, PAIR, Pairs, Subscription};

proptest! {
    #[test]
    fn each_socket_has_two_at_most_and_nobody_loses_one(
        steps in prop::collection::vec((0..SOCKETS, 0..4_u32, 0..6_u64), 0..200)
    ) {
        let mut pairs = Pairs::new(SOCKETS);
        let mut sockets: Vec<_> = (0..SOCKETS).map(|_| FewSubscribers::default()).collect();
        let mut oracle = vec![BTreeMap::new(); SOCKETS];
        for (socket, notifier, ticket) in steps {
            let (few, known) = (&mut sockets[socket], &mut oracle[socket]);
            match ticket {
                0 => {
                    few.clear(&mut pairs);
                    known.clear();
                }
                1 | 2 => {
                    few.remove(&mut pairs, notifier);
                    known.remove(&notifier);
                }
                _ => {
                    let has_room = known.len() < NOTIFIERS_OF_STREAM || known.contains_key(&notifier);
                    let ticket = ticket << 40 | u64::from(notifier);
                    prop_assert_eq!(few.set(&mut pairs, subscription(notifier, ticket)), has_room);
                    if has_room {
                        known.insert(notifier, ticket);
                    }
                }
            }
            for (few, known) in sockets.iter().zip(&oracle) {
                let found: BTreeMap<_, _> =
                    few.iter(&pairs).map(|found| (found.notifier, found.ticket)).collect();
                prop_assert_eq!(&found, known);
            }
            let doubled = oracle.iter().filter(|known| known.len() == 2).count();
            prop_assert_eq!(pairs.pairs.len() - pairs.free.len(), doubled);
        }
    }
}

#[test]
fn no_notifier_has_a_number_that_means_something_else() {
    let (mut few, mut pairs) = (FewSubscribers::default(), Pairs::new(1));
    for number in [NOBODY, PAIR].map(u32::from) {
        assert!(!few.set(&mut pairs, subscription(number, 1)));
        few.remove(&mut pairs, number);
    }
    assert_eq!(few.iter(&pairs).count(), 0);
}

fn subscription(notifier: u32, ticket: u64) -> Subscription {
    Subscription {
        notifier,
        interest: 1,
        ticket,
    }
}

const SOCKETS: usize = 3;
