//! The AccECN option beside others: as Linux places it, and within the 40 bytes.

use proptest::prelude::*;

use super::*;
use crate::header_options::{SackBlock, SackBlocks, Timestamps};
use crate::sequence::SequenceNumber;

fn sack(blocks: u32) -> SackBlocks {
    let mut sack = SackBlocks::default();
    for block in 0..blocks {
        sack.push(SackBlock {
            left: SequenceNumber::new(2_000 * block + 1_001),
            right: SequenceNumber::new(2_000 * block + 2_001),
        });
    }
    sack
}

fn segment(has_stamps: bool, blocks: u32) -> Options {
    Options {
        timestamps: has_stamps.then_some(Timestamps { value: 1, echo: 2 }),
        sack: sack(blocks),
        ..Options::default()
    }
}

/// How many counters and SACK blocks are told of `blocks`, where `least` counters changed.
fn told(has_stamps: bool, blocks: u32, least: u8) -> (Option<u8>, usize) {
    let mut options = segment(has_stamps, blocks);
    options.offer_accurate_ecn(AccurateEcn::new(1, 0, 1), least);
    let mut bytes = [0; 40];
    let length = options.emit(&mut bytes).expect("it fits");
    let read = Options::parse(&bytes[..length]).expect("well-formed");
    let counters = |options: &Options| {
        options
            .accurate_ecn
            .map(|option| option.counters().collect::<Vec<_>>())
    };
    assert_eq!(counters(&read), counters(&options));
    (
        read.accurate_ecn.map(|option| option.count),
        read.sack.len(),
    )
}

#[test]
fn whole_option_stands_alone_with_a_byte_of_padding() {
    let mut options = segment(false, 0);
    options.offer_accurate_ecn(AccurateEcn::new(1, 0x0102_0304, 7), 0);
    let mut bytes = [0; 40];
    assert_eq!(options.emit(&mut bytes), Some(12));
    assert_eq!(bytes[..12], [174, 11, 0, 0, 1, 2, 3, 4, 0, 0, 7, 1]);
}

/// RFC 9768, section 3.2.3.3: two SACK blocks come first, a third gives way to a counter that changed.
#[test]
fn room_is_shared_with_sack_blocks() {
    assert_eq!(told(true, 0, 0), (Some(3), 0));
    assert_eq!(told(true, 1, 3), (Some(3), 1));
    // ECT(1) and CE fit beside two blocks, ECT(0) does not and is not left out alone.
    assert_eq!(told(true, 2, 2), (Some(2), 2));
    assert_eq!(told(true, 2, 3), (None, 2));
    // One counter shares its last byte with the padding of the blocks, an option without takes nothing else.
    assert_eq!(told(true, 3, 0), (Some(0), 3));
    assert_eq!(told(true, 3, 1), (Some(2), 2));
    assert_eq!(told(false, 3, 1), (Some(3), 3));
    assert_eq!(told(false, 4, 0), (Some(1), 4));
    assert_eq!(told(false, 4, 1), (Some(1), 4));
    assert_eq!(told(false, 4, 3), (Some(3), 3));
}

/// RFC 9768, section 3.2.3: a length of no option's own is that of the whole counters in it.
#[test]
fn odd_lengths_are_read_as_the_whole_counters_in_them() {
    let read = |bytes: &[u8]| {
        let option = Options::parse(bytes).expect("well-formed").accurate_ecn;
        option.expect("the option").counters().collect::<Vec<_>>()
    };
    assert_eq!(read(&[172, 2]), []);
    assert_eq!(read(&[172, 4, 9, 9]), []);
    assert_eq!(read(&[172, 5, 0, 0, 9]), [(ECT_0, 9)]);
    assert_eq!(read(&[174, 7, 0, 1, 9, 5, 5, 1]), [(ECT_1, 265)]);
    assert_eq!(
        read(&[172, 13, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 4, 1, 1, 1]),
        [(ECT_0, 1), (CE, 2), (ECT_1, 3)]
    );
}

proptest! {
    #[test]
    fn what_is_offered_is_read_again(
        mss in proptest::option::of(any::<u16>()), shift in proptest::option::of(0_u8..=14),
        sack_permitted: bool, has_stamps: bool, blocks in 0_u32..=4, counters: (u32, u32, u32), least in 0_u8..=3,
    ) {
        let mut options = Options { mss, window_scale: shift, sack_permitted, ..segment(has_stamps, blocks) };
        options.offer_accurate_ecn(AccurateEcn::new(counters.0, counters.1, counters.2), least);
        let mut bytes = [0xff; 40];
        let length = options.emit(&mut bytes).expect("at most 40 bytes");
        prop_assert_eq!(length, options.length());
        let read = Options::parse(&bytes[..length]).expect("well-formed");
        prop_assert_eq!(read.accurate_ecn.map(|option| option.count), options.accurate_ecn.map(|option| option.count));
        if let (Some(read), Some(option)) = (read.accurate_ecn, options.accurate_ecn) {
            prop_assert!(read.count >= least);
            prop_assert!(read.counters().eq(option.counters()));
        }
        prop_assert_eq!(read.mss, mss);
        prop_assert_eq!(read.window_scale, shift);
        prop_assert_eq!(read.timestamps, options.timestamps);
        prop_assert_eq!(read.sack_permitted, sack_permitted);
    }
}

/// A part of the option may stand in the padding before SACK blocks, but not where a cookie stands between.
#[test]
fn no_cookie_parts_the_option() {
    let option = AccurateEcn::of(ORDER_1, &[0, 0, 7]).expect("of this kind");
    let options = Options {
        fast_open: Some(crate::fast_open::FastOpenCookie::REQUEST),
        accurate_ecn: Some(option),
        ..segment(false, 1)
    };
    let mut bytes = [0; 40];
    let length = options.emit(&mut bytes).expect("it fits");
    assert_eq!(Options::parse(&bytes[..length]), Ok(options));
}
