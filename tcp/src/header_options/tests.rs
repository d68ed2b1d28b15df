//! Options against etherparse, against Linux's layout, and against anything at all.

use etherparse::{TcpOptionElement, TcpOptionsIterator};
use proptest::prelude::*;

use super::{OPTIONS_BYTES_MAX, Options, SackBlock, SackBlocks, Timestamps};
use crate::drop_reason::DropReason;
use crate::fast_open::FastOpenCookie;
use crate::sequence::SequenceNumber;

fn blocks(edges: &[(u32, u32)]) -> SackBlocks {
    let mut blocks = SackBlocks::default();
    for (left, right) in edges {
        blocks.push(SackBlock {
            left: SequenceNumber::new(*left),
            right: SequenceNumber::new(*right),
        });
    }
    blocks
}

fn emitted(options: &Options) -> Vec<u8> {
    let mut bytes = [0xee; OPTIONS_BYTES_MAX];
    let length = options.emit(&mut bytes).expect("40 bytes hold any options");
    bytes[..length].to_vec()
}

#[test]
fn a_syn_has_the_layout_of_linux() {
    let options = Options {
        mss: Some(1_460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps {
            value: 0x0102_0304,
            echo: 0,
        }),
        sack: SackBlocks::default(),
        signature: None,
        fast_open: None,
        accurate_ecn: None,
    };
    let expected = [
        2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7,
    ];
    assert_eq!(emitted(&options), expected);
    assert_eq!(Options::parse(&expected), Ok(options));
    let plain = Options {
        timestamps: None,
        ..options
    };
    assert_eq!(emitted(&plain), [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7]);
}

#[test]
fn a_data_segment_has_the_layout_of_linux() {
    let options = Options {
        timestamps: Some(Timestamps { value: 1, echo: 2 }),
        sack: blocks(&[(5, 9)]),
        ..Options::default()
    };
    let expected = [
        1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 10, 0, 0, 0, 5, 0, 0, 0, 9,
    ];
    assert_eq!(emitted(&options), expected);
    assert_eq!(Options::parse(&expected), Ok(options));
}

#[test]
fn timestamps_leave_room_for_three_blocks_only() {
    let four = blocks(&[(1, 2), (3, 4), (5, 6), (7, 8)]);
    let alone = Options {
        sack: four,
        ..Options::default()
    };
    assert_eq!(emitted(&alone).len(), 36);
    let beside = Options {
        timestamps: Some(Timestamps::default()),
        ..alone
    };
    assert_eq!(emitted(&beside).len(), 40);
    let parsed = Options::parse(&emitted(&beside)).expect("well-formed");
    assert_eq!(parsed.sack, blocks(&[(1, 2), (3, 4), (5, 6)]));
    assert_eq!(alone.emit(&mut [0; 35]), None);
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    for bytes in [
        &[2, 0, 5, 180][..],
        &[2, 1, 5, 180],
        &[2, 5, 5, 180],
        &[1, 1, 1, 8],
        &[254, 9],
    ] {
        assert_eq!(
            Options::parse(bytes),
            Err(DropReason::BadHeader),
            "{bytes:?}"
        );
    }
}

#[test]
fn unknown_options_and_wrong_lengths_are_passed_over() {
    let unknown = [253, 4, 1, 1, 2, 3, 9, 3, 3, 200, 0, 99, 99, 99];
    let options = Options::parse(&unknown).expect("lengths are consistent");
    assert_eq!(options.mss, None);
    assert_eq!(options.window_scale, Some(14));
}

#[test]
fn a_fast_open_cookie_is_padded_behind_the_others() {
    let cookie = FastOpenCookie::of(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let syn = Options {
        mss: Some(1_460),
        fast_open: cookie,
        accurate_ecn: None,
        ..Options::default()
    };
    let expected = [2, 4, 5, 180, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1];
    assert_eq!(emitted(&syn), expected);
    assert_eq!(Options::parse(&expected), Ok(syn));
    let wish = Options {
        fast_open: Some(FastOpenCookie::REQUEST),
        accurate_ecn: None,
        ..Options::default()
    };
    assert_eq!(emitted(&wish), [34, 2, 1, 1]);
    assert_eq!(Options::parse(&[34, 2, 1, 1]), Ok(wish));
}

#[test]
fn a_fast_open_option_of_a_wrong_length_is_passed_over() {
    // RFC 7413, section 4.1.1: an odd number of bytes, too few, and too many.
    for length in [1, 2, 3, 5, 17, 18] {
        let mut bytes = vec![34, 2 + length];
        bytes.resize(2 + usize::from(length), 7);
        let options = Options::parse(&bytes).expect("lengths are consistent");
        assert_eq!(options.fast_open, None, "{length}");
    }
    // The experimental option of RFC 6994 is not this one.
    let experimental = Options::parse(&[254, 4, 0xf9, 0x89]).expect("well-formed");
    assert_eq!(experimental.fast_open, None);
}

#[test]
fn a_cookie_is_offered_only_where_it_finds_room() {
    let sixteen = FastOpenCookie::of(&[7; 16]);
    let mut full = Options {
        mss: Some(1_460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps::default()),
        ..Options::default()
    };
    full.offer_fast_open(sixteen);
    assert_eq!(
        (full.fast_open, full.length()),
        (sixteen, OPTIONS_BYTES_MAX)
    );
    let mut crowded = Options {
        sack: blocks(&[(1, 2)]),
        fast_open: None,
        accurate_ecn: None,
        ..full
    };
    crowded.offer_fast_open(sixteen);
    assert_eq!(crowded.fast_open, None);
}

proptest! {
    #[test]
    fn what_is_emitted_is_parsed_again(
        mss in proptest::option::of(any::<u16>()), shift in proptest::option::of(0_u8..=14),
        sack_permitted: bool, stamps in proptest::option::of(any::<(u32, u32)>()),
        edges in prop::collection::vec(any::<(u32, u32)>(), 0..=4),
    ) {
        let mut options = Options {
            mss,
            window_scale: shift,
            sack_permitted,
            timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
            sack: blocks(&edges),
            signature: None,
            fast_open: None,
            accurate_ecn: None,
        };
        let bytes = emitted(&options);
        prop_assert_eq!(bytes.len(), options.length());
        prop_assert!(bytes.len().is_multiple_of(4));
        let parsed = Options::parse(&bytes).expect("well-formed");
        options.sack = blocks(&edges[..parsed.sack.len()]);
        prop_assert_eq!(parsed, options);
        let room = (OPTIONS_BYTES_MAX - Options { sack: SackBlocks::default(), ..options }.length())
            .saturating_sub(4) / 8;
        prop_assert_eq!(parsed.sack.len(), edges.len().min(room));
        for element in TcpOptionsIterator::from_slice(&bytes) {
            match element.expect("well-formed") {
                TcpOptionElement::MaximumSegmentSize(value) => prop_assert_eq!(Some(value), mss),
                TcpOptionElement::WindowScale(value) => prop_assert_eq!(Some(value), shift),
                TcpOptionElement::SelectiveAcknowledgementPermitted => prop_assert!(sack_permitted),
                TcpOptionElement::Timestamp(value, echo) => {
                    prop_assert_eq!(Some((value, echo)), stamps);
                }
                TcpOptionElement::SelectiveAcknowledgement(first, rest) => {
                    let read: Vec<_> =
                        std::iter::once(first).chain(rest.into_iter().flatten()).collect();
                    prop_assert_eq!(&read[..], &edges[..parsed.sack.len()]);
                }
                TcpOptionElement::Noop => {}
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..=40)) {
        if let Ok(options) = Options::parse(&bytes) {
            prop_assert!(options.window_scale.is_none_or(|shift| shift <= 14));
            prop_assert!(options.length() <= OPTIONS_BYTES_MAX);
        }
    }
}
