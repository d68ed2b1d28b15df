//! Urgent data: the pointer sent, the mark received, in line and out of line.

use coremill_tcp::error::{ConnectionError, SendError};
use coremill_tcp::options::{SocketOption, SocketOptions};
use coremill_tcp::{State, Subject, UrgentError};

use super::harness::{Test, bytes, millis};
use super::segment::{Segment, ack, data, fin, rst, syn};

fn send_urgent(test: &mut Test, data: &[u8]) {
    let id = test.id();
    let sent = test.shard.send_urgent(test.now, id, data);
    assert_eq!(sent, Ok(data.len()));
}

fn take_urgent(test: &mut Test) -> Result<u8, UrgentError> {
    let id = test.id();
    test.shard.receive_urgent(test.now, id, false)
}

fn before_mark(test: &Test) -> Option<usize> {
    let mark = test.shard.urgent_mark(test.id());
    mark.map(|mark| mark.bytes_before)
}

/// Reads once: no more than one call to read gives.
fn read_once(test: &mut Test) -> Vec<u8> {
    let id = test.id();
    let slice = test.shard.receive_slice(id).unwrap_or_default().to_vec();
    test.shard.consume(test.now, id, slice.len());
    slice
}

/// Whether the next event tells of urgent data.
fn is_told(test: &mut Test) -> bool {
    let mut is_urgent = false;
    while let Some(event) = test.shard.next_event() {
        is_urgent |= event.readiness.urgent && matches!(event.subject, Subject::Connection(_));
    }
    is_urgent
}

fn inline() -> Test {
    let options = SocketOptions {
        urgent_inline: true,
        ..SocketOptions::default()
    };
    Test::established_as(|_| {}, options, syn().mss(1_000), ack(1, 1))
}

/// Nothing was read of what fills the window.
fn closed_window() -> Test {
    let mut test = Test::established_with(|limits| limits.receive_buffer_bytes = 4_096);
    for count in (0..4_096).step_by(512) {
        test.inject(data(count as u32 + 1, 1, &bytes(count, 512)));
        while let Some(sent) = test.next() {
            assert!(count < 3_584 || sent.window == Some(0));
        }
    }
    test
}

// RFC 9293, MUST-62; RFC 6093, section 3.1: the pointer points behind the urgent data.
#[test]
fn the_pointer_sent_points_behind_the_last_byte() {
    let mut test = Test::established();
    send_urgent(&mut test, b"abc");
    test.expect(data(1, 1, b"abc").urgent(3));
    // Outstanding or not, what begins behind it says nothing of it.
    test.send(b"d");
    test.expect(data(4, 1, b"d"));
    test.inject(ack(1, 5));
    test.send(b"e");
    test.expect(data(5, 1, b"e"));
}

// RFC 9293, MUST-31: of any length, and each segment in front of its end tells of it.
#[test]
fn urgent_data_of_several_segments_is_pointed_at_from_each() {
    let mut test = Test::established();
    send_urgent(&mut test, &bytes(0, 2_500));
    test.expect(data(1, 1, &bytes(0, 1_000)).urgent(2_500));
    test.expect(data(1_001, 1, &bytes(1_000, 1_000)).urgent(1_500));
    test.expect(data(2_001, 1, &bytes(2_000, 500)).urgent(500));
}

#[test]
fn nothing_holds_urgent_data_back() {
    let mut test = Test::established();
    test.send(b"a");
    test.expect(data(1, 1, b"a"));
    test.send(b"b");
    test.expect_nothing();
    send_urgent(&mut test, b"c");
    test.expect(data(2, 1, b"bc").urgent(2));
    // As long as it is outstanding, nor what follows (as Linux).
    test.send(b"d");
    test.expect(data(4, 1, b"d"));
}

#[test]
fn an_acknowledgment_tells_of_what_the_window_keeps_back() {
    let mut test = Test::established();
    test.inject(ack(1, 1).window(0));
    send_urgent(&mut test, b"abc");
    test.expect_nothing();
    test.inject(fin(1, 1).window(0));
    test.expect_soon(ack(1, 2).urgent(3));
}

// As Linux: one probe at the window's edge has the pointer, the next one provokes an answer.
#[test]
fn a_probe_of_a_closed_window_brings_the_pointer() {
    let mut test = Test::established();
    test.inject(ack(1, 1).window(0));
    send_urgent(&mut test, b"abc");
    test.expect_nothing();
    test.expect_after(millis(200), ack(1, 1).urgent(3));
    test.expect(ack(0, 1).urgent(4));
    test.expect_nothing();
}

#[test]
fn what_is_out_of_the_pointers_reach_is_told_of_at_the_front_only() {
    let mut test = Test::established();
    test.inject(ack(1, 1).window(0));
    send_urgent(&mut test, &bytes(0, 70_000));
    test.expect_nothing();
    test.inject(fin(1, 1).window(0));
    test.expect_soon(ack(1, 2).urgent(u16::MAX));
}

#[test]
fn the_newer_of_two_marks_is_pointed_at() {
    let mut test = Test::established();
    test.inject(ack(1, 1).window(0));
    send_urgent(&mut test, b"ab");
    send_urgent(&mut test, b"cd");
    test.expect_nothing();
    test.inject(ack(1, 1));
    test.expect(data(1, 1, b"abcd").urgent(4));
    // Sent again, the segment still tells.
    test.pass(millis(250));
    test.expect(data(1, 1, b"abcd").urgent(4));
}

#[test]
fn without_a_block_urgent_data_is_refused() {
    let mut test = Test::established_with(|limits| limits.extensions_max = 0);
    let id = test.id();
    let sent = test.shard.send_urgent(test.now, id, b"x");
    assert_eq!(sent, Err(SendError::NoExtension));
    // What the peer says is urgent is delivered like anything else.
    test.inject(data(1, 1, b"abc").urgent(3));
    assert_eq!(test.read(), b"abc");
    assert_eq!(take_urgent(&mut test), Err(UrgentError::Nothing));
    assert_eq!(test.shard.counters().extensions_exhausted.get(), 2);
}

// RFC 9293, MUST-30, MUST-32, MUST-33.
#[test]
fn out_of_line_the_byte_is_taken_apart() {
    let mut test = Test::established();
    assert_eq!(take_urgent(&mut test), Err(UrgentError::Nothing));
    test.inject(data(1, 1, b"abXcd").urgent(3));
    assert!(is_told(&mut test));
    assert_eq!(before_mark(&test), Some(2));
    let id = test.id();
    assert_eq!(test.shard.receive_urgent(test.now, id, true), Ok(b'X'));
    assert_eq!(take_urgent(&mut test), Ok(b'X'));
    assert_eq!(take_urgent(&mut test), Err(UrgentError::Nothing));
    assert_eq!(read_once(&mut test), b"ab", "a read stops at the mark");
    assert_eq!(before_mark(&test), Some(0));
    assert_eq!(read_once(&mut test), b"cd");
    assert_eq!(before_mark(&test), None);
}

#[test]
fn a_byte_that_was_read_past_is_gone() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"X").urgent(1));
    assert_eq!(before_mark(&test), Some(0));
    assert_eq!(read_once(&mut test), b"");
    let id = test.id();
    test.shard.pass_mark(test.now, id);
    assert_eq!(before_mark(&test), None);
    assert_eq!(take_urgent(&mut test), Err(UrgentError::Nothing));
    test.inject(data(2, 1, b"y"));
    assert_eq!(test.read(), b"y");
}

#[test]
fn in_line_the_byte_stays_and_a_read_stops_before_it() {
    let mut test = inline();
    test.inject(data(1, 1, b"abXcd").urgent(3));
    assert!(is_told(&mut test));
    assert_eq!(take_urgent(&mut test), Err(UrgentError::Nothing));
    assert_eq!(read_once(&mut test), b"ab");
    assert_eq!(before_mark(&test), Some(0));
    assert_eq!(read_once(&mut test), b"Xcd");
    assert_eq!(before_mark(&test), None);
}

// RFC 9293, MUST-32: the pointer is news, before its byte is there.
#[test]
fn a_pointer_without_data_is_told_of() {
    let mut test = Test::established();
    test.inject(ack(1, 1).urgent(3));
    assert!(is_told(&mut test));
    assert_eq!(take_urgent(&mut test), Err(UrgentError::NotYet));
    test.inject(data(1, 1, b"ab"));
    assert_eq!(take_urgent(&mut test), Err(UrgentError::NotYet));
    assert_eq!(test.read(), b"ab");
    assert_eq!(before_mark(&test), Some(0));
    test.inject(data(3, 1, b"X"));
    assert!(is_told(&mut test), "here it is");
    assert_eq!(take_urgent(&mut test), Ok(b'X'));
}

#[test]
fn a_byte_out_of_order_can_be_taken_at_once() {
    let mut test = Test::established();
    test.inject(data(4, 1, b"dX").urgent(2));
    assert_eq!(take_urgent(&mut test), Ok(b'X'));
    test.inject(data(1, 1, b"abc"));
    assert_eq!(test.read(), b"abcd");
    assert_eq!(before_mark(&test), Some(0));
}

#[test]
fn a_newer_mark_takes_the_place_of_the_older() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"aX").urgent(2));
    test.inject(data(3, 1, b"bY").urgent(2));
    assert_eq!(take_urgent(&mut test), Ok(b'Y'));
    assert_eq!(
        read_once(&mut test),
        b"aXb",
        "an older one is in the stream again"
    );
    assert_eq!(before_mark(&test), Some(0));
}

#[test]
fn a_byte_that_the_user_stood_at_does_not_come_back() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"X").urgent(1));
    assert_eq!(take_urgent(&mut test), Ok(b'X'));
    test.inject(data(2, 1, b"bY").urgent(2));
    assert_eq!(test.read(), b"b");
    assert_eq!(take_urgent(&mut test), Ok(b'Y'));
}

#[test]
fn an_old_pointer_is_no_news() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"abX").urgent(3));
    assert_eq!(take_urgent(&mut test), Ok(b'X'));
    assert_eq!(read_once(&mut test), b"ab");
    let id = test.id();
    test.shard.pass_mark(test.now, id);
    is_told(&mut test);
    test.inject(data(1, 1, b"abX").urgent(3));
    assert!(!is_told(&mut test));
    assert_eq!(take_urgent(&mut test), Err(UrgentError::Nothing));
}

// RFC 9293, MUST-66: also when the window is closed.
#[test]
fn the_pointer_is_heard_through_a_closed_window() {
    let mut test = closed_window();
    is_told(&mut test);
    test.inject(ack(4_097, 1).urgent(9));
    assert!(is_told(&mut test));
    assert_eq!(before_mark(&test), Some(4_096 + 8));
}

// RFC 9293, MUST-66.
#[test]
fn a_reset_is_heard_through_a_closed_window() {
    let mut test = closed_window();
    test.inject(rst(4_097));
    let id = test.id();
    assert_eq!(test.shard.error(id), Some(ConnectionError::Reset));
}

#[test]
fn by_the_older_reading_the_pointer_names_the_byte() {
    let mut test = Test::established_with(|limits| limits.standard_urgent_pointer = true);
    test.inject(data(1, 1, b"abX").urgent(2));
    assert_eq!(take_urgent(&mut test), Ok(b'X'));
}

#[test]
fn the_end_of_the_stream_ends_the_wait() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"ab").urgent(9));
    test.inject(fin(3, 1));
    assert_eq!(take_urgent(&mut test), Err(UrgentError::EndOfStream));
    assert_eq!(test.read(), b"ab");
    test.is_in(State::CloseWait);
    // RFC 9293, section 3.10.7.4: what follows a FIN can have no urgent data.
    is_told(&mut test);
    test.inject(ack(4, 1).urgent(20));
    assert!(!is_told(&mut test));
}

#[test]
fn a_splice_leaves_the_byte_out() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"abXcd").urgent(3));
    let id = test.id();
    assert_eq!(test.shard.splice(test.now, id, usize::MAX), Ok(2));
    assert_eq!(test.shard.splice(test.now, id, usize::MAX), Ok(2));
    let sent: Vec<u8> = std::iter::from_fn(|| test.next())
        .flat_map(|sent: Segment| sent.payload)
        .collect();
    assert_eq!(sent, b"abcd");
}

#[test]
fn who_switches_in_line_reads_the_byte() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"Xa").urgent(1));
    let id = test.id();
    test.shard
        .set_option(test.now, id, SocketOption::UrgentInline, 1)
        .unwrap();
    assert_eq!(test.read(), b"Xa");
}
