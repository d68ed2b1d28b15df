//! Anything a peer may send, in any state, between anything a user may do: no panic, no reply
//! storm, nothing left in the end.

use coremill_tcp::Limits;
use coremill_tcp::header::Flags;
use coremill_tcp::header_options::Options;
use proptest::prelude::*;

use super::harness::{Test, bytes, millis, seconds};
use super::segment::Segment;

#[derive(Clone, Debug)]
enum Step {
    Inject(Segment),
    Pass(u64),
    Pull(usize),
    Send(usize),
    Read,
    Shutdown,
    Close,
    Abort,
}

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
        2 => any::<u8>().prop_map(Flags::from_bits),
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
        2 => Just(Step::Read),
        1 => Just(Step::Shutdown),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
    ]
}

fn state(number: usize) -> Test {
    let limits = |limits: &mut Limits| {
        limits.retries = 4;
        limits.receive_buffer_bytes = 8_000;
        limits.send_buffer_bytes = 8_000;
    };
    match number {
        0 => Test::listening(limits),
        1 => Test::syn_received(limits),
        2 => Test::syn_sent(limits),
        3 => Test::established_with(limits),
        4 => Test::close_wait(limits),
        5 => Test::fin_wait_1(limits),
        6 => Test::fin_wait_2(limits),
        7 => Test::closing(limits),
        8 => Test::last_ack(limits),
        _ => Test::time_wait(limits),
    }
}

fn take(test: &mut Test, step: Step) {
    if let (None, Some(listener)) = (test.id, test.listener) {
        test.id = test.shard.accept(listener);
    }
    let now = test.now;
    match (step, test.id) {
        (Step::Inject(segment), _) => {
            test.inject(segment);
        }
        (Step::Pass(delay), _) => test.pass(millis(delay)),
        (Step::Pull(count), _) => {
            for _ in 0..count {
                test.next();
            }
        }
        (Step::Send(count), Some(id)) => drop(test.shard.send(now, id, &bytes(0, count))),
        (Step::Read, Some(_)) => drop(test.read()),
        (Step::Shutdown, Some(id)) => drop(test.shard.shutdown(now, id)),
        (Step::Close, Some(id)) => test.shard.close(now, id),
        (Step::Abort, Some(id)) => test.shard.abort(now, id),
        (_, None) => {}
    }
    while test.shard.next_event().is_some() {}
}

/// Everything is let go of, and nobody answers any more.
fn leave(test: &mut Test) {
    let now = test.now;
    if let Some(listener) = test.listener {
        while let Some(id) = test.shard.accept(listener) {
            test.shard.close(now, id);
        }
        test.shard.close_listener(now, listener);
    }
    if let Some(id) = test.id {
        test.shard.close(now, id);
    }
    for _ in 0..1_000 {
        test.pass(seconds(2));
        let mut sent = 0;
        while test.next().is_some() {
            sent += 1;
            assert!(sent < 100, "it never ends");
        }
        if test.shard.live_records() == 0 {
            return;
        }
    }
    test.is_gone();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn any_peer_is_survived(number in 0_usize..10, steps in prop::collection::vec(step(), 0..60)) {
        let mut test = state(number);
        for step in steps {
            take(&mut test, step);
        }
        leave(&mut test);
    }
}
