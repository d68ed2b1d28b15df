//! R1: retransmissions after which the layer below is asked to look at the way again (RFC 9293, section 3.8.3).

use coremill_tcp::packet::Remarks;
use coremill_tcp::{State, snapshot};

use super::harness::{Test, millis};
use super::segment::ack;

/// Whether each of the segments that timers send within `most` asks for a look at the way.
fn remarks(test: &mut Test, most: u64) -> Vec<bool> {
    let end = test.now + millis(most);
    let mut all = Vec::new();
    while test.now < end {
        test.pass(millis(10));
        let mut out = [0; 2_000];
        while let Some(outgoing) = test.shard.next_segment(test.now, &mut out) {
            assert!(!outgoing.remarks.has(Remarks::MAY_FRAGMENT));
            all.push(outgoing.remarks.has(Remarks::UNANSWERED));
        }
    }
    all
}

fn info(test: &Test) -> snapshot::ConnectionRow {
    test.rows()[0]
}

// RFC 9293, SHLD-10.
#[test]
fn the_third_retransmission_doubts_the_way_and_so_do_those_after_it() {
    let mut test = Test::established();
    test.send(b"anyone?");
    test.next().expect("data");
    assert_eq!(
        remarks(&mut test, 6_500),
        [false, false, true, true, true],
        "after 0.2, 0.6, 1.4, 3.0 and 6.2 s"
    );
}

#[test]
fn progress_ends_the_doubt() {
    let mut test = Test::established();
    test.send(b"anyone?");
    test.next().expect("data");
    assert_eq!(remarks(&mut test, 1_500), [false, false, true]);
    test.inject(ack(1, 8));
    test.send(b"more");
    let seen = remarks(&mut test, 2_000);
    assert_eq!(seen, [false, false], "new, and again once");
}

#[test]
fn the_user_says_how_many() {
    let mut test = Test::established_with(|limits| limits.retries1 = 1);
    test.send(b"anyone?");
    test.next().expect("data");
    assert_eq!(remarks(&mut test, 700), [true, true]);
}

#[test]
fn window_probes_doubt_the_way_only_when_they_get_no_answer() {
    let mut test = Test::established();
    test.inject(ack(1, 1).window(0));
    test.send(b"closed");
    assert_eq!(remarks(&mut test, 250), [false]);
    for _ in 0..5 {
        test.inject(ack(1, 1).window(0));
        let mut seen = Vec::new();
        while seen.is_empty() {
            seen = remarks(&mut test, 10);
        }
        assert_eq!(seen, [false], "the one before was answered");
    }
    let seen = remarks(&mut test, 120_000);
    assert_eq!(seen[..3], [false, true, true]);
}

// RFC 9293, MUST-22: SYNs count as well. As Linux, the first that is repeated is reason enough.
#[test]
fn a_syn_that_goes_again_doubts_the_way() {
    let mut test = Test::syn_sent(|_| {});
    assert_eq!(remarks(&mut test, 450), [true, true]);
    test.is_in(State::SynSent);
}

// RFC 9293, SHLD-9: between R1 and R2 the application can see that nothing arrives, in `tcpi_retransmits` as on Linux.
#[test]
fn an_application_sees_the_trouble_before_its_connection_fails() {
    let mut test = Test::established();
    test.send(b"anyone?");
    test.next().expect("data");
    remarks(&mut test, 3_100);
    let seen = test
        .shard
        .tcp_info(test.now, test.id())
        .expect("a connection");
    assert_eq!((seen.retransmits, seen.backoff), (4, 4));
    assert_eq!(info(&test).state, State::Established);
    test.inject(ack(1, 8));
    let seen = test
        .shard
        .tcp_info(test.now, test.id())
        .expect("a connection");
    assert_eq!(
        seen.retransmits, 0,
        "the timer stays long until a round trip is measured"
    );
}
