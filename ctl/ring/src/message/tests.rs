//! Messages, and marks.

use super::{BYTES_MAX, INLINE_BYTES_MAX, Mark, Message};

#[test]
fn payload_of_every_length_comes_back() {
    for length in 0..=INLINE_BYTES_MAX {
        let payload: Vec<u8> = (0..length).map(|at| at as u8 ^ 0x5a).collect();
        let mut message = Message::new();
        message.set_with_payload(6, &[1, 2, 3], &payload).unwrap();
        assert_eq!(message.bytes(), 24 + length);
        assert_eq!(message.slots(), (24 + length).div_ceil(56));
        assert_eq!(message.words()[..3], [1, 2, 3]);
        assert_eq!(message.payload(3), payload);
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let mut message = Message::new();
    assert_eq!(
        message.set_with_payload(1, &[0; 3], &[0; INLINE_BYTES_MAX + 1]),
        None
    );
    assert_eq!(message.set(1, &[0; BYTES_MAX / 8 + 1]), None);
    assert_eq!(message, Message::new());
}

#[test]
fn a_short_payload_leaves_nothing_of_a_longer_one() {
    let mut message = Message::new();
    message.set_with_payload(1, &[0], &[0xff; 100]).unwrap();
    message.set_with_payload(1, &[0], &[1]).unwrap();
    assert_eq!(
        message.words(),
        [0, u64::from_ne_bytes([1, 0, 0, 0, 0, 0, 0, 0])]
    );
}

#[test]
fn marks_are_words_and_back() {
    let mark = Mark {
        position: 0x0102_0304,
        kind: 0x05,
        bytes: 0x0607,
    };
    assert_eq!(mark.to_word(), 0x0607_0005_0102_0304);
    assert_eq!(Mark::from_word(mark.to_word()), mark);
    // A slot that was never written is nobody's first position.
    assert_ne!(Mark::position_for(0), Mark::from_word(0).position);
}
