//! Anything a peer may send, in any state, between anything a user may do: no panic, no reply
//! storm, nothing left in the end.

use coremill_tcp::header::Flags;
use coremill_tcp::header_options::Options;
use coremill_tcp::packet::Unreachable;
use proptest::prelude::*;

use super::fuzzed::bytes::{Bytes, stream};
use super::fuzzed::player::{STATES, Step, play};
use super::fuzzed::segment::Segment;
use super::fuzzed::setting::Setting;

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
                    payload: stream(
                        seq.wrapping_add(u32::from(flags.contains(Flags::SYN))),
                        length,
                    ),
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
        1 => (0_usize..5_000).prop_map(Step::SendMore),
        1 => (0_usize..2_000).prop_map(Step::Splice),
        1 => (1_500_usize..20_000).prop_map(Step::Burst),
        1 => (0_usize..1_000, any::<u8>()).prop_map(|(count, kind)| Step::Connect(count, kind)),
        1 => (segment(), any::<u8>()).prop_map(|(segment, odd)| Step::Odd(segment, odd)),
        1 => (any::<u16>(), 0_u32..3_000)
            .prop_map(|(mtu, offset)| Step::Icmp(Unreachable::TooBig { mtu }, offset)),
        1 => any::<bool>().prop_map(Step::Md5),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn any_peer_is_survived(
        number in 0..STATES,
        setting in any::<[u8; 3]>(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        play(number, Setting::of(&mut Bytes(&setting)), steps);
    }
}
