//! Data in: order, holes, SACK, windows, memory.

use coremill_tcp::options::SocketOptions;
use coremill_tcp::{DropReason, Limits, Verdict};

use super::harness::{Test, bytes, millis};
use super::segment::{ack, data, fin, syn};

fn with_sack() -> Test {
    Test::established_as(
        |_| {},
        SocketOptions::default(),
        syn().mss(1_000).sack_permitted(),
        ack(1, 1),
    )
}

/// RFC 2018, section 4; whoever moves it lies, and takes no more of the pool of ranges than one who does not.
#[test]
fn a_fin_alone_beyond_a_hole_is_one_range_wherever_else_it_is_said_to_be() {
    let mut test = with_sack();
    for at in [5_001, 6_001, 7_001, 5_001] {
        test.inject(fin(at, 1));
        test.next();
        assert_eq!(test.shard.live_pool_entries(), 1);
    }
}

#[test]
fn data_out_of_order_is_kept_and_reported() {
    let mut test = with_sack();
    test.inject(data(1_001, 1, &bytes(1_000, 1_000)));
    test.expect(ack(1, 1).sack(&[(1_001, 2_001)]));
    test.inject(data(3_001, 1, &bytes(3_000, 1_000)));
    test.expect(ack(1, 1).sack(&[(3_001, 4_001), (1_001, 2_001)]));
    test.inject(data(2_001, 1, &bytes(2_000, 1_000)));
    test.expect(ack(1, 1).sack(&[(1_001, 4_001)]));
    assert_eq!(test.read(), []);
    test.inject(data(1, 1, &bytes(0, 1_000)));
    test.expect(ack(1, 4_001));
    assert_eq!(test.read(), bytes(0, 4_000));
}

#[test]
fn without_sack_a_hole_is_reported_by_a_duplicate() {
    let mut test = Test::established();
    test.inject(data(11, 1, b"later"));
    test.expect(ack(1, 1));
    test.inject(data(1, 1, &bytes(0, 10)));
    test.expect(ack(1, 16));
    assert_eq!(test.read().len(), 15);
}

#[test]
fn overlapping_data_is_taken_once() {
    let mut test = Test::established();
    test.inject(data(1, 1, &bytes(0, 100)));
    test.inject(data(51, 1, &bytes(50, 100)));
    test.expect_soon(ack(1, 151));
    assert_eq!(test.read(), bytes(0, 150));
}

#[test]
fn old_data_is_acknowledged_at_once_and_not_delivered() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"once"));
    test.expect_soon(ack(1, 5));
    let verdict = test.inject(data(1, 1, b"once"));
    assert_eq!(verdict, Verdict::Dropped(DropReason::OldDuplicate));
    test.expect(ack(1, 5));
    assert_eq!(test.read(), b"once");
}

#[test]
fn data_beyond_the_window_is_not_taken() {
    let mut test = Test::established_with(|limits| limits.receive_buffer_bytes = 4_000);
    test.inject(data(1, 1, &bytes(0, 3_000)));
    test.inject(data(3_001, 1, &bytes(3_000, 3_000)));
    let sent = test.next().expect("an acknowledgment");
    assert!(sent.ack <= 4_001, "{sent:?}");
    let taken = test.read();
    assert_eq!(taken, bytes(0, sent.ack as usize - 1));
    let far = data(60_001, 1, b"far");
    assert_eq!(test.inject(far), Verdict::Dropped(DropReason::OutOfWindow));
}

#[test]
fn a_window_is_not_opened_by_little() {
    let mut test = Test::established_with(|limits| limits.receive_buffer_bytes = 8_760);
    for first in (0..8_760).step_by(1_095) {
        test.inject(data(first as u32 + 1, 1, &bytes(first, 1_095)));
        while test.next().is_some() {}
    }
    test.pass(millis(100));
    while test.next().is_some() {}
    let (id, now) = (test.id(), test.now);
    // RFC 9293, section 3.8.6.2.2: less than a segment (and less than half the buffer) is silly.
    test.shard.consume(now, id, 100);
    test.quiet_for(millis(500));
    test.shard.consume(now, id, 5_000);
    let sent = test.expect_soon(ack(1, 8_761));
    assert!(sent.window.expect("parsed") >= 4_380, "{sent:?}");
}

#[test]
fn the_window_offered_is_never_taken_back() {
    let mut test = Test::established_with(|limits| limits.receive_buffer_bytes = 10_000);
    let mut edge = 0;
    for first in (0..10_000).step_by(500) {
        test.inject(data(first as u32 + 1, 1, &bytes(first, 500)));
        test.pass(millis(50));
        while let Some(sent) = test.next() {
            let right = sent.ack + u32::from(sent.window.expect("parsed"));
            assert!(right >= edge, "{sent:?}");
            edge = right;
        }
    }
}

#[test]
fn holes_beyond_the_bound_are_dropped_and_harm_nobody() {
    let mut test = Test::established_with(|limits| limits.reassembly_ranges_max = 2);
    for first in [100, 300, 500] {
        test.inject(data(first + 1, 1, &bytes(first as usize, 100)));
    }
    let full = test.inject(data(701, 1, &bytes(700, 100)));
    assert_eq!(full, Verdict::Dropped(DropReason::ReassemblyFull));
    for first in (0..1_000).step_by(100) {
        test.inject(data(first + 1, 1, &bytes(first as usize, 100)));
    }
    assert_eq!(test.read(), bytes(0, 1_000));
}

#[test]
fn a_probe_of_a_closed_window_is_answered_at_once() {
    let mut test = Test::established_with(|limits| limits.receive_buffer_bytes = 4_000);
    test.send(b"q");
    test.expect(data(1, 1, b"q"));
    test.inject(data(1, 2, &bytes(0, 1_000)));
    test.expect(ack(2, 1_001).window(3_000));
    for first in (1_000..4_000).step_by(1_000) {
        test.inject(data(first as u32 + 1, 2, &bytes(first, 1_000)));
    }
    test.expect_soon(ack(2, 4_001).window(0));
    test.send(b"q");
    test.expect(data(2, 4_001, b"q"));
    test.inject(data(4_001, 3, b"p"));
    test.expect(ack(3, 4_001).window(0));
}

/// RFC 2883, section 4.1.1: the whole segment came again.
#[test]
fn what_came_again_in_order_is_told_first_and_once() {
    let mut test = with_sack();
    test.inject(data(1, 1, &bytes(0, 1_000)));
    test.expect(ack(1, 1_001));
    test.inject(data(1, 1, &bytes(0, 1_000)));
    test.expect(ack(1, 1_001).sack(&[(1, 1_001)]));
    // Half of it did (section 4.2.2): the new half is taken.
    test.inject(data(501, 1, &bytes(500, 1_000)));
    test.expect(ack(1, 1_501).sack(&[(501, 1_001)]));
    test.inject(data(1_501, 1, &bytes(1_500, 10)));
    test.expect(ack(1, 1_511));
    assert_eq!(test.read(), bytes(0, 1_510));
}

/// RFC 2883, section 4.1.2 and 4.3: beyond a hole, with the range that holds it behind.
#[test]
fn what_came_again_out_of_order_is_told_before_its_range() {
    let mut test = with_sack();
    test.inject(data(1_001, 1, &bytes(1_000, 1_000)));
    test.expect(ack(1, 1).sack(&[(1_001, 2_001)]));
    test.inject(data(3_001, 1, &bytes(3_000, 1_000)));
    test.expect(ack(1, 1).sack(&[(3_001, 4_001), (1_001, 2_001)]));
    test.inject(data(1_501, 1, &bytes(1_500, 500)));
    test.expect(ack(1, 1).sack(&[(1_501, 2_001), (1_001, 2_001), (3_001, 4_001)]));
    // Below what is acknowledged, while there is a hole: the block of what came again, then the others.
    test.inject(data(1, 1, &bytes(0, 1_000)));
    test.expect(ack(1, 2_001).sack(&[(3_001, 4_001)]));
    test.inject(data(1, 1, &bytes(0, 1_000)));
    test.expect(ack(1, 2_001).sack(&[(1, 1_001), (3_001, 4_001)]));
    test.inject(data(2_001, 1, &bytes(2_000, 1_000)));
    test.expect(ack(1, 4_001));
    assert_eq!(test.read(), bytes(0, 4_000));
}

#[test]
fn without_sack_or_by_configuration_nothing_is_told_of_what_came_again() {
    let off = |limits: &mut coremill_tcp::Limits| limits.duplicate_sack = false;
    let peer = syn().mss(1_000).sack_permitted();
    let silent = Test::established_as(off, SocketOptions::default(), peer, ack(1, 1));
    for mut test in [Test::established(), silent] {
        test.inject(data(1, 1, b"once"));
        test.expect(ack(1, 5));
        test.inject(data(1, 1, b"once"));
        test.expect(ack(1, 5));
    }
}

/// The peer fills the window, we read it, and it acknowledges: `rounds` times, `pause` apart.
fn delivered(test: &mut Test, rounds: usize, pause: u64) -> u32 {
    let mut window = 0;
    let mut sent = 1;
    for _ in 0..rounds {
        let mut left = window.max(60_000);
        while left >= 1_000 {
            test.inject(data(sent, 1, &[7; 1_000]));
            sent += 1_000;
            left -= 1_000;
        }
        test.read();
        while test.next().is_some() {
            window = test.rows()[0].receive_window_bytes;
        }
        test.pass(millis(pause));
    }
    test.rows()[0].receive_window_bytes
}

fn scaled(socket: SocketOptions) -> Test {
    scaled_with(|_| {}, socket)
}

fn scaled_with(change: impl FnOnce(&mut Limits), socket: SocketOptions) -> Test {
    let mut peer = syn().mss(1_000);
    let options = peer.options.as_mut().expect("an MSS");
    options.window_scale = Some(0);
    let mut test = Test::listening_as(change, socket, 8);
    test.inject(peer);
    // A round trip of 50 ms.
    test.next().expect("a SYN-ACK");
    test.pass(millis(50));
    test.inject(ack(1, 1));
    test.accept();
    test
}

#[test]
fn a_buffer_that_is_delivered_within_two_round_trips_grows() {
    let mut test = scaled(SocketOptions::default());
    let window = delivered(&mut test, 8, 50);
    assert!(window > 1_900_000, "{window}");
}

#[test]
fn one_that_takes_longer_does_not() {
    let mut test = scaled(SocketOptions::default());
    let window = delivered(&mut test, 8, 150);
    assert!(window <= 65_536, "{window}");
}

#[test]
fn one_of_the_users_own_does_not_and_a_clamp_bounds_it() {
    let own = SocketOptions {
        receive_buffer_bytes: 100_000,
        ..SocketOptions::default()
    };
    let window = delivered(&mut scaled(own), 8, 50);
    assert!((90_000..=100_000).contains(&window), "{window}");
    let clamped = SocketOptions {
        window_clamp: 200_000,
        ..SocketOptions::default()
    };
    let window = delivered(&mut scaled(clamped), 8, 50);
    assert!((190_000..=200_000).contains(&window), "{window}");
}

#[test]
fn a_clamp_set_later_takes_back_no_promise() {
    use coremill_tcp::options::SocketOption;
    let mut test = scaled(SocketOptions::default());
    delivered(&mut test, 8, 50);
    let before = test.rows()[0].receive_window_bytes;
    let id = test.id();
    let set = test
        .shard
        .set_option(test.now, id, SocketOption::WindowClamp, 30_000);
    assert_eq!(set, Ok(()));
    assert_eq!(test.rows()[0].receive_window_bytes, before);
}

// RFC 7323, section 2.3: where one unit of the field is more than the whole buffer, a window rounded down would be closed for
// ever.
#[test]
fn a_buffer_smaller_than_one_unit_of_the_field_opens_again() {
    use coremill_tcp::options::SocketOption;
    // Units of 4,096 bytes; chosen before the SYN-ACK the buffer would have bounded them.
    let large = |limits: &mut Limits| limits.receive_buffer_bytes = 128 << 20;
    let mut test = scaled_with(large, SocketOptions::default());
    let id = test.id();
    let set = test
        .shard
        .set_option(test.now, id, SocketOption::ReceiveBuffer, 3_183);
    assert_eq!(set, Ok(()));
    let mut sent = 1;
    for _ in 0..20 {
        let mut left = test.rows()[0].receive_window_bytes;
        assert!(left > 0, "closed at {sent}, with nothing unread");
        // All of it before we say anything.
        while left > 0 {
            let count = left.min(1_000);
            test.inject(data(sent, 1, &bytes(0, count as usize)));
            test.read();
            sent += count;
            left -= count;
        }
        test.pass(millis(50));
        while test.next().is_some() {}
    }
}

/// As many bytes as fit into the window come in segments of 1,000, and nobody reads.
fn filled(test: &mut Test) -> u32 {
    let mut next = 0;
    while test.rows()[0].receive_window_bytes > 0 {
        let count = test.rows()[0].receive_window_bytes.min(1_000);
        test.inject(data(next + 1, 1, &bytes(next as usize, count as usize)));
        next += count;
        while test.next().is_some() {}
        assert!(
            next < 65_535 + 4_096,
            "the window moves on though nobody reads"
        );
    }
    next
}

/// A unit of the window is 4,096 bytes here, more than a clamp allows that is set later.
fn with_a_clamp_below_a_unit() -> Test {
    use coremill_tcp::options::SocketOption;
    let large = |limits: &mut Limits| limits.receive_buffer_bytes = 128 << 20;
    let mut test = scaled_with(large, SocketOptions::default());
    let (id, clamp) = (test.id(), SocketOption::WindowClamp);
    assert_eq!(test.shard.set_option(test.now, id, clamp, 2_884), Ok(()));
    test
}

/// RFC 7323, section 2.4: what was promised is kept, and rounding promises less than a unit beyond the first buffer.
#[test]
fn acknowledgements_alone_do_not_move_the_window_on() {
    let mut test = with_a_clamp_below_a_unit();
    let all = filled(&mut test);
    test.inject(data(all + 1, 1, b"p"));
    test.expect(ack(1, all + 1).window(0));
}

/// RFC 7323, section 2.4: what fits into what was promised is taken, though less was told.
#[test]
fn a_window_told_smaller_than_it_is_is_told_once_there_is_room() {
    let mut test = with_a_clamp_below_a_unit();
    let (mut next, mut told, mut last) = (0, 1, 0);
    while told > 0 {
        test.inject(data(next + 1, 1, &bytes(next as usize, 500)));
        next += 500;
        while let Some(sent) = test.next() {
            (told, last) = (sent.window.expect("parsed"), sent.ack);
        }
        assert!(next < 70_000, "the window moves on though nobody reads");
    }
    let left = test.rows()[0].receive_window_bytes;
    assert!((500..4_096).contains(&left), "{left}");
    test.inject(data(last, 1, &bytes(last as usize - 1, 500)));
    assert_eq!(test.read().len(), last as usize + 499);
    test.expect_soon(ack(1, last + 500).window(1));
}
