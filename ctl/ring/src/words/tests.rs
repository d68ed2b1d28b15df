//! Copies at every alignment against plain slices.

use super::{Part, SharedWrite};

#[test]
fn copies_at_every_alignment_are_those_of_slices() {
    for first in 0..17 {
        for length in 0..40 {
            let memory = SharedWrite::heap(8);
            let mut oracle: Vec<u8> = (100..164).collect();
            memory.copy_in(0, &oracle);
            let bytes: Vec<u8> = (1..=length).collect();
            memory.copy_in(first, &bytes);
            oracle[first..first + bytes.len()].copy_from_slice(&bytes);
            let mut all = [0; 64];
            memory.copy_out(0, &mut all);
            assert_eq!(all[..], oracle, "{length} bytes in at {first}");
            let mut some = vec![0; bytes.len()];
            memory.reader().copy_out(first, &mut some);
            assert_eq!(some, bytes, "{length} bytes out at {first}");
        }
    }
}

#[test]
fn a_part_is_the_words_it_names() {
    let memory = SharedWrite::heap(8);
    let part = memory.part(Part {
        first_word: 3,
        words: 2,
    });
    part.store(1, 7);
    assert_eq!((part.words(), memory.load(4)), (2, 7));
    assert_eq!(
        part.part(Part {
            first_word: 1,
            words: 1
        })
        .swap(0, 9),
        7
    );
    assert_eq!(memory.reader().load_acquire(4), 9);
}

#[test]
fn words_outside_are_not_reached() {
    let part = SharedWrite::heap(8).part(Part {
        first_word: 3,
        words: 2,
    });
    let reached =
        |use_it: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(use_it)).is_ok();
    assert!(reached(&|| assert_eq!(part.load(1), 0)));
    assert!(!reached(&|| assert_eq!(part.load(2), 0)));
    assert!(!reached(&|| part.copy_in(9, &[0; 8])));
    assert!(!reached(&|| part.copy_out(usize::MAX - 3, &mut [0; 8])));
    assert!(!reached(&|| drop(part.part(Part {
        first_word: usize::MAX,
        words: 2
    }))));
}

#[test]
fn exchanges_say_what_was_there() {
    let memory = SharedWrite::heap(1);
    assert_eq!(memory.set_bits(0, 5), 0);
    assert_eq!(memory.set_bits(0, 2), 5);
    assert!(!memory.replace(0, 5, 1) && memory.replace(0, 7, 1));
    assert_eq!(memory.load(0), 1);
}
