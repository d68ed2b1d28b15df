//! Anything a peer may send, in any state, between anything a user may do: no panic, no reply
//! storm, nothing left in the end.

use coremill_tcp::header::Flags;
use coremill_tcp::header_options::Options;
use proptest::prelude::*;

use super::harness::bytes;
use super::parsing;
use super::player::{STATES, Step, play, play_bytes};
use super::segment::Segment;

fn segment() -> impl Strategy<Value = Segment> {
    let near = prop_oneof![
        6 => 0_u32..6,
        3 => 0_u32..3_000,
        1 => (0_u32..100).prop_map(|below| 0_u32.wrapping_sub(below)),
        1 => any::<u32>(),
    ];
    let flags = prop_oneof![
        6 => Just(Flags::ACK),
        2 => Just(Flags::ACK | Flags::FIN),
        1 => Just(Flags::SYN),
        1 => Just(Flags::SYN | Flags::ACK),
        1 => Just(Flags::RST),
        1 => Just(Flags::RST | Flags::ACK),
        2 => (0_u16..512).prop_map(Flags::from_bits),
    ];
    let options = (
        proptest::option::of(0_u16..2_000),
        proptest::option::of(0_u8..15),
        any::<bool>(),
        proptest::option::of((0_u32..2_000, any::<u32>())),
    );
    let length = prop_oneof![Just(0_usize), 0_usize..10, 0_usize..1_400];
    (
        flags,
        near.clone(),
        near,
        prop_oneof![Just(0), any::<u16>()],
        options,
        length,
    )
        .prop_map(
            |(flags, seq, ack, window, (mss, window_scale, sack_permitted, stamps), length)| {
                let options = Options {
                    mss,
                    window_scale,
                    sack_permitted,
                    ..Options::default()
                };
                let segment = Segment {
                    flags,
                    seq,
                    ack,
                    window: Some(window),
                    options: Some(options),
                    urgent: seq as u16 % 3_000,
                    payload: bytes(seq as usize, length),
                };
                match stamps {
                    Some((value, echo)) => segment.stamps(value, echo),
                    None => segment,
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => segment().prop_map(Step::Inject),
        3 => (0_u64..3_000).prop_map(Step::Pass),
        4 => (0_usize..5).prop_map(Step::Pull),
        2 => (0_usize..5_000).prop_map(Step::Send),
        1 => (0_usize..300).prop_map(Step::Urgent),
        2 => Just(Step::Read),
        1 => Just(Step::Shutdown),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn any_peer_is_survived(number in 0..STATES, steps in prop::collection::vec(step(), 0..60)) {
        play(number, steps);
    }
}

#[test]
fn what_the_fuzzer_found_worth_keeping_is_survived() {
    for (target, play) in [
        ("header", parsing::header as fn(&[u8])),
        ("options", parsing::options),
        ("states", play_bytes),
    ] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/");
        let files = std::fs::read_dir(format!("{folder}{target}")).expect("the corpus is there");
        let mut count = 0;
        for file in files {
            let path = file.expect("a file").path();
            println!("{}", path.display());
            play(&std::fs::read(path).expect("readable"));
            count += 1;
        }
        assert!(count > 0, "the corpus of {target} is empty");
    }
}
