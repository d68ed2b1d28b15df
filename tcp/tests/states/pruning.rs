//! What was received out of order gives way where room is short, the highest numbers first, and is not told of any more.

use coremill_tcp::options::SocketOptions;
use coremill_tcp::{DropReason, Limits, Verdict};

use super::harness::{Test, bytes};
use super::segment::{Segment, ack, data, syn};

fn with_sack(change: impl FnOnce(&mut Limits)) -> Test {
    Test::established_as(
        change,
        SocketOptions::default(),
        syn().mss(1_000).sack_permitted(),
        ack(1, 1),
    )
}

/// Bytes `first` to `last` of the peer's stream, counted from 1.
fn piece(first: u32, last: u32) -> Segment {
    data(
        first,
        1,
        &bytes(first as usize - 1, (last - first) as usize),
    )
}

fn is_taken(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Accepted { .. })
}

/// Bytes beyond a hole, in segments of 1,000, until no chunk is left; returns where they end.
fn fill_from(test: &mut Test, first: u32) -> u32 {
    let mut end = first;
    while is_taken(test.inject(piece(end, end + 1_000))) {
        assert!(end < 60_000, "there is more memory than window");
        while test.next().is_some() {}
        end += 1_000;
    }
    end
}

/// The blocks that we tell the peer of in our next segment.
fn told(test: &mut Test) -> Vec<(u32, u32)> {
    let segment = test.next().expect("an acknowledgement");
    let options = segment.options.expect("SACK is agreed on");
    let blocks = options.sack.as_slice().iter();
    blocks
        .map(|block| (block.left.raw(), block.right.raw()))
        .collect()
}

/// RFC 2018, section 8.
#[test]
fn lower_bytes_drive_out_the_highest_and_the_peer_hears_the_truth() {
    let mut test = with_sack(|limits| limits.memory_bytes = 65_536);
    let end = fill_from(&mut test, 3_001);
    assert_eq!(told(&mut test), [(3_001, end)]);
    assert_eq!(test.shard.counters().ofo_pruned.get(), 0);
    assert_eq!(test.shard.counters().rcv_pruned.get(), 1);
    assert!(is_taken(test.inject(piece(2_001, 3_001))));
    let blocks = told(&mut test);
    let [(2_001, right)] = blocks[..] else {
        panic!("{blocks:?}")
    };
    assert!(right < end && right > 3_001, "{right} of {end}");
    assert_eq!(test.shard.counters().ofo_pruned.get(), 1);
    assert_eq!(test.shard.counters().prune_called.get(), 2);
    // What is told of is there, and the rest is taken when it comes again.
    test.inject(piece(1, 1_001));
    test.expect(ack(1, 1_001).sack(&blocks));
    test.inject(piece(1_001, 2_001));
    assert_eq!(test.read(), bytes(0, right as usize - 1));
    test.inject(piece(right, right + 1_000));
    assert_eq!(test.read(), bytes(right as usize - 1, 1_000));
}

#[test]
fn bytes_in_order_find_room_beside_what_is_not_read() {
    let mut test = with_sack(|limits| limits.memory_bytes = 32_768);
    test.inject(piece(1, 1_001));
    let end = fill_from(&mut test, 12_001);
    // Nobody reads; what is in order takes the last quarter, then what is out of order.
    let mut next = 1_001;
    while next < 12_001 {
        let verdict = test.inject(piece(next, next + 1_000));
        assert!(is_taken(verdict), "at {next}");
        next += 1_000;
    }
    assert!(test.shard.counters().ofo_pruned.get() > 0);
    assert_eq!(test.shard.counters().rcv_q_drop.get(), 0);
    let read = test.read();
    assert!(read.len() >= 12_000 && read.len() < end as usize - 1);
    assert_eq!(read, bytes(0, read.len()));
}

#[test]
fn a_part_of_a_segment_is_not_all_there_is_room_for() {
    let mut test = with_sack(|limits| limits.memory_bytes = 32_768);
    fill_from(&mut test, 40_001);
    // One write takes what is free, and more than that.
    assert!(is_taken(test.inject(piece(1, 16_001))));
    assert_eq!(test.read(), bytes(0, 16_000));
    assert_eq!(test.shard.counters().rcv_q_drop.get(), 0);
}

#[test]
fn single_bytes_in_falling_order_hold_no_more_than_twice_the_buffer() {
    let mut test = with_sack(|limits| limits.receive_buffer_bytes = 8_192);
    for first in (2_000..8_000).rev() {
        test.inject(piece(first, first + 1));
        while test.next().is_some() {}
        let held = test.shard.counters().held_bytes.get();
        assert!(held <= 2 * 8_192 + 2 * 16_384, "{held} at {first}");
    }
    assert!(test.shard.counters().ofo_pruned.get() > 0);
    // All of it comes, whatever was kept.
    for first in (1..8_000).step_by(500) {
        test.inject(piece(first, first + 500));
    }
    assert_eq!(test.read(), bytes(0, 8_000));
}

#[test]
fn a_lower_range_takes_the_place_of_the_highest() {
    let mut test = with_sack(|limits| limits.reassembly_ranges_max = 2);
    for first in [2_001, 4_001] {
        test.inject(piece(first, first + 100));
        test.next();
    }
    let full = test.inject(piece(6_001, 6_101));
    assert_eq!(full, Verdict::Dropped(DropReason::ReassemblyFull));
    assert_eq!(told(&mut test), [(4_001, 4_101), (2_001, 2_101)]);
    assert!(is_taken(test.inject(piece(1_001, 1_101))));
    assert_eq!(told(&mut test), [(1_001, 1_101), (2_001, 2_101)]);
    assert_eq!(test.shard.counters().ofo_pruned.get(), 1);
    assert_eq!(test.shard.counters().ofo_drop.get(), 1);
    test.inject(piece(1, 4_001));
    // What it filled the hole with had come before in part.
    test.expect(ack(1, 4_001).sack(&[(1_001, 1_101)]));
}

#[test]
fn what_no_range_speaks_of_holds_no_memory() {
    let mut test = with_sack(|limits| limits.reassembly_ranges_max = 1);
    test.inject(piece(20_001, 20_101));
    test.next();
    let held = test.shard.counters().held_bytes.get();
    assert!(held > 0);
    for first in [30_001, 40_001] {
        let full = test.inject(piece(first, first + 100));
        assert_eq!(full, Verdict::Dropped(DropReason::ReassemblyFull));
        test.next();
        assert_eq!(test.shard.counters().held_bytes.get(), held);
    }
    test.inject(piece(10_001, 10_101));
    test.next();
    // One chunk of the next size, not two.
    assert_eq!(test.shard.counters().held_bytes.get(), 2_048);
}

/// RFC 2883, section 4.2: a duplicate beyond a hole is told with the range around it, or not at all.
#[test]
fn a_duplicate_that_was_let_go_of_is_not_told_of() {
    let mut test = with_sack(|limits| limits.reassembly_ranges_max = 2);
    test.inject(piece(2_001, 2_101));
    test.inject(piece(4_001, 4_101));
    test.next();
    test.inject(piece(4_001, 4_101));
    test.inject(piece(1_001, 1_101));
    assert_eq!(told(&mut test), [(1_001, 1_101), (2_001, 2_101)]);
}
