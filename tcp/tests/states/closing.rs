//! Closing: from either side, at once, half, and in anger.

use coremill_tcp::State;
use coremill_tcp::error::{ConnectionError, ReceiveError, SendError};

use super::harness::{Test, millis, seconds};
use super::segment::{ack, data, fin, rst_ack, syn};

#[test]
fn the_one_who_closes_first_waits() {
    let mut test = Test::time_wait(|limits| limits.time_wait = seconds(10));
    test.quiet_for(millis(9_900));
    test.is_in(State::TimeWait);
    test.quiet_for(millis(200));
    test.is_gone();
}

#[test]
fn the_one_who_closes_last_does_not_wait() {
    let mut test = Test::last_ack(|_| {});
    test.inject(ack(2, 2));
    test.expect_nothing();
    test.is_gone();
}

#[test]
fn both_may_close_at_once() {
    let mut test = Test::closing(|_| {});
    test.inject(ack(2, 2));
    test.is_in(State::TimeWait);
    test.close();
    test.pass(seconds(61));
    test.is_gone();
}

#[test]
fn a_fin_that_acknowledges_ours_leads_straight_to_time_wait() {
    let mut test = Test::fin_wait_1(|_| {});
    test.inject(fin(1, 2));
    test.expect_soon(ack(2, 2));
    test.is_in(State::TimeWait);
}

#[test]
fn the_user_is_told_when_his_end_has_arrived() {
    // RFC 9293, section 3.10.4: CLOSE is answered once the FIN is acknowledged; who lingers waits for that.
    let is_told = |test: &mut Test, state: State| {
        let mut told = false;
        while let Some(event) = test.shard.next_event() {
            told |= event.readiness.writable;
        }
        test.is_in(state);
        let look = test.shard.look(test.id()).expect("not closed by its user");
        assert_eq!(look.is_delivered, told, "{state:?}");
        told
    };
    let mut test = Test::fin_wait_1(|_| {});
    test.shard.next_event();
    assert!(!is_told(&mut test, State::FinWait1));
    test.inject(ack(1, 2));
    assert!(is_told(&mut test, State::FinWait2));

    let mut test = Test::closing(|_| {});
    while test.shard.next_event().is_some() {}
    assert!(!is_told(&mut test, State::Closing));
    test.inject(ack(2, 2));
    assert!(is_told(&mut test, State::TimeWait));

    let mut test = Test::close_wait(|_| {});
    test.shutdown();
    test.expect(fin(1, 2));
    while test.shard.next_event().is_some() {}
    assert!(!is_told(&mut test, State::LastAck));
    let id = test.id();
    test.inject(ack(2, 2));
    let event = test.shard.next_event().expect("the end");
    assert!(event.readiness.writable);
    assert!(test.shard.look(id).expect("held still").is_delivered);
}

#[test]
fn what_fails_was_not_delivered() {
    let mut test = Test::fin_wait_1(|_| {});
    let id = test.id();
    test.inject(rst_ack(1, 1));
    let look = test.shard.look(id).expect("held still");
    assert!(look.error.is_some() && !look.is_delivered);
}

#[test]
fn a_shut_direction_still_receives() {
    let mut test = Test::fin_wait_2(|_| {});
    test.inject(data(1, 2, b"more"));
    test.expect_soon(ack(2, 5));
    assert_eq!(test.read(), b"more");
    let (id, now) = (test.id(), test.now);
    assert_eq!(test.shard.send(now, id, b"x"), Err(SendError::ShutDown));
    test.quiet_for(seconds(300));
    test.is_in(State::FinWait2);
    test.inject(fin(5, 2));
    test.expect_soon(ack(2, 6));
    assert_eq!(test.shard.receive_slice(id), Err(ReceiveError::EndOfStream));
}

#[test]
fn the_other_direction_still_sends() {
    let mut test = Test::close_wait(|_| {});
    let id = test.id();
    assert_eq!(test.shard.receive_slice(id), Err(ReceiveError::EndOfStream));
    test.send(b"still here");
    test.expect(data(1, 2, b"still here"));
    test.inject(ack(2, 11));
    test.close();
    test.expect(fin(11, 2));
    test.inject(ack(2, 12));
    test.is_gone();
}

#[test]
fn a_fin_out_of_order_waits_for_what_is_missing() {
    let mut test = Test::established();
    test.inject(fin(5, 1));
    test.expect(ack(1, 1));
    test.is_in(State::Established);
    test.inject(data(1, 1, b"data"));
    test.expect_soon(ack(1, 6));
    test.is_in(State::CloseWait);
    assert_eq!(test.read(), b"data");
}

#[test]
fn a_fin_may_come_with_data() {
    let mut test = Test::established();
    let mut last = fin(1, 1);
    last.payload = b"bye".to_vec();
    test.inject(last);
    test.expect_soon(ack(1, 5));
    assert_eq!(test.read(), b"bye");
    let id = test.id();
    assert_eq!(test.shard.receive_slice(id), Err(ReceiveError::EndOfStream));
}

#[test]
fn closing_with_unread_data_resets() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"unread"));
    while test.next().is_some() {}
    test.close();
    test.expect(rst_ack(1, 7));
    test.expect_nothing();
    test.is_gone();
    assert_eq!(test.shard.counters().abort_on_close.get(), 1);
}

#[test]
fn data_after_close_is_answered_with_a_reset() {
    let mut test = Test::established();
    test.close();
    test.expect(fin(1, 1));
    test.inject(data(1, 2, b"late"));
    let sent = test.next().expect("a reset");
    assert!(
        sent.flags.contains(coremill_tcp::header::Flags::RST),
        "{sent:?}"
    );
    test.is_gone();
    assert_eq!(test.shard.counters().abort_on_data.get(), 1);
}

#[test]
fn an_abort_resets_and_leaves_nothing() {
    let mut test = Test::established();
    test.send(b"never read");
    test.expect(data(1, 1, b"never read"));
    let (id, now) = (test.id(), test.now);
    test.shard.abort(now, id);
    assert_eq!(
        test.shard.receive_slice(id),
        Err(ReceiveError::NoConnection)
    );
    let sent = test.next().expect("a reset");
    assert!(
        sent.flags.contains(coremill_tcp::header::Flags::RST),
        "{sent:?}"
    );
    test.expect_nothing();
    test.is_gone();
}

#[test]
fn close_sends_what_is_queued_first() {
    let mut test = Test::established_as(
        |_| {},
        coremill_tcp::options::SocketOptions::default(),
        syn().mss(1_000),
        ack(1, 1).window(1_000),
    );
    test.send(&[5; 2_500]);
    test.close();
    test.expect(data(1, 1, &[5; 1_000]));
    test.expect_nothing();
    test.inject(ack(1, 1_001).window(1_000));
    test.expect(data(1_001, 1, &[5; 1_000]));
    test.inject(ack(1, 2_001).window(1_000));
    let sent = test.next().expect("the rest");
    assert_eq!((sent.seq, sent.payload.len()), (2_001, 500));
    if !sent.flags.contains(coremill_tcp::header::Flags::FIN) {
        test.expect(fin(2_501, 1));
    }
    test.inject(ack(1, 2_502));
    test.is_in(State::FinWait2);
}

#[test]
fn a_reset_tells_the_user_and_leaves_when_he_does() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"unread"));
    test.inject(super::segment::rst(7));
    let id = test.id();
    let failed = Err(SendError::Failed(ConnectionError::Reset));
    let now = test.now;
    assert_eq!(test.shard.send(now, id, b"x"), failed);
    test.close();
    while let Some(sent) = test.next() {
        assert!(
            !sent.flags.contains(coremill_tcp::header::Flags::RST),
            "{sent:?}"
        );
    }
    test.is_gone();
}

#[test]
fn the_end_of_the_stream_comes_before_a_later_error() {
    let mut test = Test::close_wait(|_| {});
    test.send(b"unwanted");
    test.expect(data(1, 2, b"unwanted"));
    test.inject(super::segment::rst(2));
    let (id, now) = (test.id(), test.now);
    assert_eq!(test.shard.receive_slice(id), Err(ReceiveError::EndOfStream));
    let failed = Err(SendError::Failed(ConnectionError::Reset));
    assert_eq!(test.shard.send(now, id, b"x"), failed);
}
