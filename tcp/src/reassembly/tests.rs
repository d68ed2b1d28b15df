//! Ranges against a set of bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{NONE, Reassembly, ReassemblyFull, ReassemblyPool};
use crate::sequence::SequenceNumber;

fn at(offset: u32) -> SequenceNumber {
    // Everything happens around the wrap.
    SequenceNumber::new(0xffff_ff00) + offset
}

impl ReassemblyPool {
    /// Ranges that no connection holds, counted one by one.
    fn available(&self) -> usize {
        let free = |node: u32| (node != NONE).then_some(node);
        std::iter::successors(free(self.free), |node| {
            free(self.nodes[*node as usize].next)
        })
        .count()
    }
}

fn edges(pool: &ReassemblyPool, reassembly: &Reassembly) -> Vec<(u32, u32)> {
    let blocks = pool.blocks(reassembly, None);
    let offset = |number: SequenceNumber| number.since(at(0));
    blocks
        .as_slice()
        .iter()
        .map(|block| (offset(block.left), offset(block.right)))
        .collect()
}

#[test]
fn the_block_changed_last_comes_first() {
    let mut pool = ReassemblyPool::new(10);
    let mut reassembly = Reassembly::default();
    for (left, right) in [(100, 200), (300, 400), (500, 600), (200, 250)] {
        pool.insert(&mut reassembly, at(left), at(right), 10)
            .expect("room");
    }
    assert_eq!(
        edges(&pool, &reassembly),
        [(100, 250), (500, 600), (300, 400)]
    );
    // Filling the hole between two joins them.
    pool.insert(&mut reassembly, at(400), at(500), 10)
        .expect("room");
    assert_eq!(edges(&pool, &reassembly), [(300, 600), (100, 250)]);
    assert_eq!(pool.advance(&mut reassembly, at(90)), at(90));
    assert_eq!(pool.advance(&mut reassembly, at(100)), at(250));
    assert_eq!(edges(&pool, &reassembly), [(300, 600)]);
    assert_eq!(pool.advance(&mut reassembly, at(700)), at(700));
    assert!(reassembly.is_empty() && pool.available() == 10);
}

#[test]
fn both_bounds_hold_but_never_against_merging() {
    let mut pool = ReassemblyPool::new(3);
    let mut one = Reassembly::default();
    let mut other = Reassembly::default();
    pool.insert(&mut one, at(10), at(20), 2).expect("room");
    pool.insert(&mut one, at(30), at(40), 2).expect("room");
    assert_eq!(
        pool.insert(&mut one, at(50), at(60), 2),
        Err(ReassemblyFull)
    );
    pool.insert(&mut one, at(40), at(50), 2)
        .expect("it only grows");
    pool.insert(&mut other, at(10), at(20), 2).expect("room");
    assert_eq!(
        pool.insert(&mut other, at(30), at(40), 2),
        Err(ReassemblyFull)
    );
    assert_eq!(pool.count(&one), 2);
    pool.clear(&mut one);
    pool.clear(&mut other);
    assert_eq!(pool.available(), 3);
    assert_eq!(ReassemblyPool::new(0).available(), 0);
}

/// RFC 2018, section 4: it has a number of its own.
#[test]
fn a_fin_is_told_of_with_what_lies_before_it_or_alone() {
    let mut pool = ReassemblyPool::new(10);
    let mut reassembly = Reassembly::default();
    pool.insert(&mut reassembly, at(100), at(200), 10)
        .expect("room");
    pool.insert(&mut reassembly, at(300), at(300), 10)
        .expect("room");
    let told = |pool: &ReassemblyPool, reassembly: &Reassembly, fin| {
        let blocks = pool.blocks(reassembly, Some(at(fin)));
        let all = blocks.as_slice().iter();
        all.map(|block| (block.left.since(at(0)), block.right.since(at(0))))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&pool, &reassembly, 300), [(300, 301), (100, 200)]);
    assert_eq!(told(&pool, &reassembly, 200), [(100, 201)]);
    assert_eq!(pool.bytes(&reassembly), 100);
    pool.insert(&mut reassembly, at(250), at(300), 10)
        .expect("room");
    assert_eq!(told(&pool, &reassembly, 300), [(250, 301), (100, 200)]);
    assert_eq!(pool.advance(&mut reassembly, at(250)), at(300));
    assert!(reassembly.is_silent() && pool.available() == 10);
}

#[test]
fn what_is_cut_off_is_not_told_of_any_more() {
    let mut pool = ReassemblyPool::new(10);
    let mut reassembly = Reassembly::default();
    assert_eq!(pool.highest(&reassembly), None);
    for (left, right) in [(500, 600), (100, 200), (300, 400)] {
        pool.insert(&mut reassembly, at(left), at(right), 10)
            .expect("room");
    }
    pool.note_duplicate(&mut reassembly, at(510), at(520));
    let highest = pool.highest(&reassembly).expect("there are three");
    assert_eq!((highest.left, highest.right), (at(500), at(600)));
    // A duplicate would be taken for an acknowledgement, were it not in another block.
    pool.cut(&mut reassembly, at(350));
    assert_eq!(edges(&pool, &reassembly), [(300, 350), (100, 200)]);
    pool.note_duplicate(&mut reassembly, at(110), at(120));
    pool.cut(&mut reassembly, at(300));
    assert_eq!(edges(&pool, &reassembly), [(110, 120), (100, 200)]);
    pool.cut(&mut reassembly, at(100));
    assert!(reassembly.is_silent() && pool.available() == 10);
}

proptest! {
    #[test]
    fn ranges_are_the_bytes_received(
        steps in prop::collection::vec((0_u32..500, 1_u32..60, 0_u32..10), 1..100)
    ) {
        let mut pool = ReassemblyPool::new(64);
        let mut reassembly = Reassembly::default();
        let mut bytes: BTreeSet<u32> = BTreeSet::new();
        let mut next = 0;
        for (left, length, moves) in steps {
            let left = left.max(next + 1);
            let again = (left..left + length).find(|byte| bytes.contains(byte)).map(|first| {
                let end = (first..left + length).find(|byte| !bytes.contains(byte));
                (first, end.unwrap_or(left + length))
            });
            let part = pool.overlap(&reassembly, at(left), at(left + length));
            let part = part.map(|part| (part.left.since(at(0)), part.right.since(at(0))));
            prop_assert_eq!(part, again);
            if pool.insert(&mut reassembly, at(left), at(left + length), 8).is_ok() {
                bytes.extend(left..left + length);
            }
            if moves == 0 {
                next += length;
            }
            let came_to = pool.advance(&mut reassembly, at(next)).since(at(0));
            while bytes.contains(&next) {
                next += 1;
            }
            prop_assert_eq!(came_to, next);
            bytes = bytes.split_off(&next);
            let starts = bytes.iter().filter(|byte| !bytes.contains(&(*byte - 1))).count();
            prop_assert_eq!(pool.count(&reassembly), starts);
            prop_assert_eq!(pool.available() + pool.count(&reassembly), 64);
            prop_assert_eq!(pool.live(), pool.count(&reassembly));
            for (left, right) in edges(&pool, &reassembly) {
                prop_assert!((left..right).all(|byte| bytes.contains(&byte)));
                prop_assert!(!bytes.contains(&right) && !bytes.contains(&(left - 1)));
            }
        }
    }
}
