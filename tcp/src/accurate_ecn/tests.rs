//! Counters of both sides, step by step.

use super::*;
use crate::ecn::EcnOption;
use crate::header_options::AccurateEcn as EcnCounters;
use crate::sequence::SequenceNumber;

fn progress(segments: u32) -> Progress {
    Progress {
        segments,
        bytes: 1_000 * segments,
        segment: 1_000,
        is_sure: true,
    }
}

/// Counters as they stand in an option, initial values included.
fn option(ect_1: u32, ce: u32, ect_0: u32) -> EcnCounters {
    EcnCounters::new(ect_1 + 1, ce, ect_0 + 1)
}

#[test]
fn flags_tell_fields_and_are_read_so() {
    for field in [NOT_ECT, ECT_1, ECT_0, CE] {
        assert_eq!(field_told(reflected(field).ace()), Some(field));
    }
    for ace in [0, 1, 5, 7] {
        assert_eq!(field_told(ace), None);
    }
    let asks = |ace| is_asked_for(Flags::of_ace(ace));
    assert_eq!(
        [0, 1, 2, 3, 4, 5, 6, 7].map(asks),
        [false, true, true, false, true, true, true, true]
    );
}

/// RFC 9768, section 3.2.2.2: the least increment, modulo eight.
#[test]
fn few_segments_count_as_the_flags_say() {
    let mut heard = Heard::default();
    assert_eq!(heard.take(5, None, &progress(2)), (0, 0));
    assert_eq!(heard.take(7, None, &progress(2)), (2, 2_000));
    assert_eq!(heard.take(1, None, &progress(3)), (2, 2_000));
    // More marks than segments: acknowledgements were marked too (section 3.2.2.5.2).
    assert_eq!(heard.take(6, None, &progress(1)), (5, 1_000));
    assert_eq!(heard.packets, 9);
}

/// RFC 9768, section 3.2.2.5.2: what may have gone round has.
#[test]
fn many_segments_without_option_count_as_the_safest_case() {
    let mut heard = Heard::default();
    heard.take(5, None, &progress(1));
    assert_eq!(heard.take(5, None, &progress(9)), (8, 8_000));
    assert_eq!(heard.take(6, None, &progress(20)), (17, 17_000));
}

/// Linux: where each acknowledgement is of many segments, the least.
#[test]
fn thinned_acknowledgements_count_as_the_flags_say() {
    let mut heard = Heard::default();
    assert_eq!(heard.take(6, None, &progress(20)), (1, 1_000));
    assert_eq!(heard.take(6, None, &progress(20)), (0, 0));
}

#[test]
fn option_tells_whether_the_flags_went_round() {
    let mut heard = Heard::default();
    // The first that names a counter cannot be relied on yet.
    heard.take(5, Some(&option(0, 0, 1_000)), &progress(1));
    assert_eq!(
        heard.take(5, Some(&option(0, 0, 10_000)), &progress(9)),
        (0, 0)
    );
    heard.take(6, Some(&option(0, 1_000, 10_000)), &progress(1));
    assert_eq!(
        heard.take(6, Some(&option(0, 9_000, 10_000)), &progress(8)),
        (8, 8_000)
    );
    // Twice round of twenty, by the share of bytes.
    assert_eq!(
        heard.take(6, Some(&option(0, 25_000, 10_000)), &progress(20)),
        (16, 16_000)
    );
    assert_eq!(heard.bytes, [0, 10_000, 25_000]);
}

/// Without an option the counter grows that grew last (Linux).
#[test]
fn what_grew_last_grows_on() {
    let mut heard = Heard::default();
    heard.take(5, Some(&option(0, 0, 1_000)), &progress(1));
    heard.take(5, None, &progress(3));
    assert_eq!(heard.bytes, [0, 4_000, 0]);
    // Two at once: which one is not known.
    heard.take(6, Some(&option(500, 500, 4_000)), &progress(1));
    heard.take(6, None, &progress(3));
    assert_eq!(heard.bytes, [500, 4_000, 500]);
}

#[test]
fn counters_go_round_at_24_bits() {
    let mut heard = Heard::default();
    heard.take(5, Some(&option(0, 0, 0xff_0000)), &progress(1));
    // Backwards by more than half is forwards, so that this was a step back.
    assert_eq!(heard.bytes[1], 0xffff_0000);
    let mut heard = Heard::default();
    for step in 1..=40_u32 {
        let counter = step * 0x7f_0000;
        heard.take(5, Some(&EcnCounters::new(1, 0, counter + 1)), &progress(1));
        assert_eq!(heard.bytes[1], counter);
    }
}

/// RFC 9768, section 3.2.3.2.4.
#[test]
fn zeroed_options_are_ignored_from_the_first_on() {
    let mut heard = Heard::default();
    heard.take(5, Some(&EcnCounters::new(1, 0, 0)), &progress(1));
    assert_eq!(heard.seen, Seen::Zeroed);
    heard.take(5, Some(&option(0, 0, 9_000)), &progress(1));
    assert_eq!(heard.bytes, [0; 3]);
    // Later ones may go round to zero.
    let mut heard = Heard::default();
    heard.see(&option(0, 0, 0));
    heard.take(5, Some(&EcnCounters::new(0, 0, 1)), &progress(1));
    assert_eq!(heard.seen, Seen::Counters);
}

/// Linux: a first option after 2^23 bytes says nothing, for it may have gone round.
#[test]
fn options_that_come_too_late_are_ignored() {
    let mut heard = Heard::default();
    heard.take(
        5,
        None,
        &Progress {
            bytes: 1 << 23,
            ..progress(1)
        },
    );
    heard.take(5, Some(&option(0, 0, 9_000)), &progress(1));
    assert_eq!((heard.seen, heard.bytes), (Seen::Zeroed, [0; 3]));
}

/// RFC 9768, section 3.2.3.2.5.
#[test]
fn marked_bytes_without_marked_segments_are_a_contradiction() {
    let mut heard = Heard::default();
    heard.take(5, Some(&option(0, 1_000, 0)), &progress(1));
    assert!(heard.is_contradictory);
    let mut heard = Heard::default();
    heard.take(5, Some(&option(0, 8_000, 0)), &progress(8));
    assert!(!heard.is_contradictory, "the flags may have gone round");
}

/// RFC 9768, section 3.2.2.5.1.
#[test]
fn changes_and_second_marks_are_told_at_once() {
    let mut feedback = Feedback::new(NOT_ECT, false, 1);
    assert!(feedback.take(CE, 1_000, true), "a change");
    feedback.told(&told(true));
    assert!(!feedback.take(CE, 1_000, true), "the first since");
    assert!(feedback.take(CE, 1_000, true), "the second");
    feedback.told(&told(true));
    assert!(feedback.take(ECT_0, 1_000, true), "a change");
    feedback.told(&told(true));
    // Pure ACKs: the third mark, and no change.
    assert!(!feedback.take(CE, 0, false));
    assert!(!feedback.take(CE, 0, false));
    assert!(feedback.take(CE, 0, false));
    assert_eq!((feedback.packets, feedback.bytes), (6, [0, 1_000, 3_000]));
    assert_eq!(feedback.ace(), 11 & 7);
}

/// RFC 9768, section 3.2.2.2: a marked SYN does not count, a marked SYN-ACK once.
#[test]
fn marks_of_the_handshake() {
    assert_eq!(Feedback::new(CE, false, 1).packets, 0);
    assert_eq!(Feedback::new(CE, true, 1).packets, 1);
    assert_eq!(Feedback::new(ECT_0, true, 1).packets, 0);
}

#[test]
fn option_must_have_the_counters_that_changed() {
    let mut feedback = Feedback::new(NOT_ECT, false, 0);
    assert_eq!(feedback.option().1, 0);
    for (field, least) in [(NOT_ECT, 0), (ECT_1, 1), (CE, 2), (ECT_1, 2), (ECT_0, 3)] {
        feedback.take(field, 10, true);
        assert_eq!(feedback.option().1, least);
    }
    feedback.told(&told(false));
    assert_eq!(feedback.option().1, 3, "not told by a segment without");
    feedback.told(&told(true));
    assert_eq!(feedback.option(), (option(20, 10, 10), 0));
}

/// RFC 9768, section 3.2.3.3: twice after a change, then each 2^22 bytes, and by the beacon.
#[test]
fn sparing_options_tell_news() {
    let sparing = |feedback: &Feedback, now| {
        let moment = (now, Some(std::time::Duration::from_millis(30)), 3);
        feedback.wants_option(EcnOption::Sparing, moment)
    };
    let mut feedback = Feedback::new(NOT_ECT, false, 0);
    assert!(!sparing(&feedback, 9_999));
    assert!(sparing(&feedback, 10_000), "a third of a round trip");
    feedback.take(ECT_0, 1_000, true);
    for _ in 0..2 {
        assert!(sparing(&feedback, 0));
        feedback.told(&told(true));
    }
    assert!(!sparing(&feedback, 0));
    feedback.take(ECT_0, 1 << 22, true);
    assert!(sparing(&feedback, 0));
}

#[test]
fn data_that_comes_again_although_told_makes_options_suspect() {
    let start = SequenceNumber::new(7);
    let mut feedback = Feedback::default();
    let duplicate = |has_option| Told {
        duplicate: Some(start),
        ..told(has_option)
    };
    feedback.told(&duplicate(false));
    assert!(!feedback.is_swallowed(start));
    feedback.told(&duplicate(true));
    assert!(feedback.is_swallowed(start) && !feedback.is_swallowed(start + 1));
    feedback.told(&told(true));
    assert!(!feedback.is_swallowed(start));
}

fn told(has_option: bool) -> Told {
    Told {
        now_micros: 0,
        has_option,
        duplicate: None,
    }
}
