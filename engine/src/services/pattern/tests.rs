//! Tests of the pattern.

use super::{fill, mismatches};

#[test]
fn the_first_word_is_splitmix64_of_the_seed() {
    let mut bytes = [0; 8];
    fill(0, 0, &mut bytes);
    // First output of SplitMix64 with state 0, as published with the generator.
    assert_eq!(u64::from_le_bytes(bytes), 0xe220_a839_7b1d_cdaf);
}

#[test]
fn any_piece_equals_the_same_bytes_of_the_whole() {
    let mut whole = [0; 3_000];
    fill(7, 0, &mut whole);
    for (start, length) in [
        (0, 0),
        (0, 1),
        (1, 3),
        (3, 5),
        (5, 20),
        (8, 8),
        (13, 1_500),
        (2_999, 1),
    ] {
        let mut piece = vec![0; length];
        fill(7, start as u64, &mut piece);
        assert_eq!(
            piece,
            &whole[start..start + length],
            "{length} bytes from {start}"
        );
    }
}

#[test]
fn each_changed_byte_is_counted_once() {
    let mut bytes = vec![0; 5_000];
    fill(1, 11, &mut bytes);
    assert_eq!(mismatches(1, 11, &bytes), 0);
    for changed in [0, 1_023, 1_024, 4_999] {
        bytes[changed] ^= 0x80;
    }
    assert_eq!(mismatches(1, 11, &bytes), 4);
}

#[test]
fn shifted_bytes_and_another_seed_do_not_match() {
    let mut bytes = vec![0; 1_000];
    fill(1, 0, &mut bytes);
    assert!(mismatches(1, 1, &bytes) > 900);
    assert!(mismatches(1, 8, &bytes) > 900);
    assert!(mismatches(2, 0, &bytes[..500]) > 400);
}
