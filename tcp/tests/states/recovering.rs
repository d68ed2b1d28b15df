//! Recovery by SACK, where several acknowledgements arrive before the next segment leaves, and where what is lost
//! was sent again already.

use coremill_tcp::Unreachable;
use coremill_tcp::limits::LossDetection;
use coremill_tcp::options::SocketOptions;
use coremill_tcp::packet::Quoted;

use super::harness::{Test, bytes, millis};
use super::segment::{Segment, ack, data, syn, syn_ack};

/// Established with SACK, segments of 1,000 bytes and a round trip of 40 ms. No tail loss probes.
fn with_sack() -> Test {
    let mut test = Test::listening(|limits| limits.tail_loss_probe = false);
    test.inject(syn().mss(1_000).sack_permitted());
    test.expect(syn_ack(1));
    test.pass(millis(40));
    test.inject(ack(1, 1));
    test.accept();
    test
}

/// Ten segments are outstanding, more are waiting.
fn ten_outstanding() -> Test {
    let mut test = with_sack();
    test.send(&bytes(0, 30_000));
    assert_eq!(test.sent().len(), 10);
    test.pass(millis(10));
    test
}

impl Test {
    /// All that leaves now: where each segment begins.
    fn sent(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.next())
            .map(|sent| sent.seq)
            .collect()
    }

    fn inject_sound(&mut self, segment: Segment) {
        self.inject(segment);
        if let Err(found) = self.shard.audit() {
            panic!("{found:?}");
        }
    }
}

#[test]
fn acknowledgements_in_one_burst_leave_nothing_behind_of_what_was_to_be_sent_again() {
    let mut test = ten_outstanding();
    test.inject_sound(ack(1, 1).sack(&[(1_001, 4_001)]));
    assert_eq!(test.sent(), [1]);
    test.pass(millis(10));
    test.inject_sound(ack(1, 1).sack(&[(1_001, 10_001)]));
    let sent = test.sent();
    assert_eq!(sent[..3], [10_001, 11_001, 12_001]);
    test.pass(millis(10));
    // What was sent later has arrived, so the retransmission is lost; and then it was not. All that before our turn.
    test.inject_sound(ack(1, 1).sack(&[(1_001, 11_001)]));
    assert_eq!(test.shard.counters().lost_retransmit.get(), 1);
    test.inject_sound(ack(1, 11_001));
    test.inject_sound(ack(1, 12_001));
    let repeated = test.shard.counters().retrans_segs.get();
    assert_eq!(test.sent()[0], sent[sent.len() - 1] + 1_000);
    assert_eq!(test.shard.counters().retrans_segs.get(), repeated);
    test.inject_sound(ack(1, 13_001));
}

#[test]
fn a_retransmission_that_the_path_does_not_carry_goes_again_in_pieces() {
    let mut test = with_sack();
    test.send(&bytes(0, 3_000));
    assert_eq!(test.sent(), [1, 1_001, 2_001]);
    test.expect_after(millis(240), data(1, 1, &bytes(0, 1_000)));
    test.expect_nothing();
    let verdict = test.shard.unreachable(
        test.now,
        &Quoted {
            flow: test.flow,
            sequence: (test.start + 1).raw(),
            error: Unreachable::TooBig { mtu: 640 },
        },
    );
    assert!(format!("{verdict:?}").contains("Accepted"), "{verdict:?}");
    // The window of one segment is free again.
    test.expect(data(1, 1, &bytes(0, 600)));
    assert!(test.shard.audit().is_ok(), "{:?}", test.shard.audit());
}

#[test]
fn what_was_sent_again_before_the_timeout_proved_spurious_may_be_lost_once_more() {
    let mut test = ten_outstanding();
    test.expect_after(millis(230), data(1, 1, &bytes(0, 1_000)));
    test.pass(millis(10));
    // RFC 5682: what was sent once has arrived after the timeout.
    test.inject_sound(ack(1, 1).sack(&[(5_001, 7_001)]));
    assert_eq!(test.shard.counters().spurious_rtos.get(), 1);
    assert_eq!(test.sent(), [10_001]);
    test.pass(millis(8));
    // Sent after the retransmission, and arrived: RFC 8985, section 6.2.
    test.inject_sound(ack(1, 1).sack(&[(10_001, 11_001), (5_001, 7_001)]));
    assert_eq!(test.sent()[0], 1);
}

#[test]
fn what_was_sent_again_needlessly_is_in_the_network_until_it_is_acknowledged() {
    let mut test = Test::listening_as(
        |limits| limits.tail_loss_probe = false,
        SocketOptions {
            no_delay: true,
            ..SocketOptions::default()
        },
        8,
    );
    test.inject(syn().mss(1_000).stamps(1, 0));
    test.expect(syn_ack(1));
    let stamp = test.first_stamp;
    test.inject(ack(1, 1).stamps(2, stamp));
    test.accept();
    for first in [0, 300] {
        test.send(&bytes(first, 300));
        assert_eq!(test.sent(), [1 + first as u32]);
    }
    test.pass(millis(210));
    let again = test.next().expect("sent again");
    assert_eq!((again.seq, again.payload.len()), (1, 600));
    // RFC 3522: the answer to the first copy of the first half. The second half is there twice.
    test.inject_sound(ack(1, 301).stamps(3, stamp));
    assert_eq!(test.shard.counters().loss_undo.get(), 1);
    assert_eq!(test.rows()[0].outstanding.in_flight_bytes, 600);
    test.inject_sound(ack(1, 601).stamps(4, stamp));
    assert_eq!(test.rows()[0].outstanding.in_flight_bytes, 0);
}

/// Established with SACK and no tail loss probes; `count` segments, and nothing more, are outstanding.
fn all_outstanding(detection: LossDetection, count: usize) -> Test {
    let mut test = Test::listening(|limits| {
        limits.tail_loss_probe = false;
        limits.loss_detection = detection;
    });
    test.inject(syn().mss(1_000).sack_permitted());
    test.expect(syn_ack(1));
    test.pass(millis(40));
    test.inject(ack(1, 1));
    test.accept();
    test.send(&bytes(0, count * 1_000));
    assert_eq!(test.sent().len(), count);
    test.pass(millis(40));
    test
}

/// RFC 6675, section 4, NextSeg (4): the last segment was lost too, and nothing new is there that would tell.
#[test]
fn recovery_by_rfc_6675_rescues_the_last_segment_once() {
    for (detection, rescued) in [
        (LossDetection::Rfc6675, &[4_001][..]),
        (LossDetection::Fack, &[]),
    ] {
        let mut test = all_outstanding(detection, 5);
        test.inject_sound(ack(1, 1).sack(&[(1_001, 4_001)]));
        assert_eq!(test.sent(), [1]);
        test.pass(millis(40));
        test.inject_sound(ack(1, 4_001));
        assert_eq!(test.sent(), rescued);
        test.inject_sound(ack(1, 4_001));
        assert_eq!(test.sent(), [0_u32; 0]);
    }
}

/// RFC 6675, section 4, NextSeg (3): a hole that too few segments beyond it tell of, when there is nothing else to send.
#[test]
fn recovery_by_rfc_6675_fills_what_lies_between() {
    for (detection, filled) in [
        (LossDetection::Rfc6675, &[4_001][..]),
        (LossDetection::Fack, &[]),
    ] {
        let mut test = all_outstanding(detection, 8);
        test.inject_sound(ack(1, 1).sack(&[(1_001, 4_001), (5_001, 6_001)]));
        assert_eq!(test.sent(), [1]);
        test.pass(millis(40));
        test.inject_sound(ack(1, 4_001).sack(&[(5_001, 6_001)]));
        assert_eq!(test.sent(), filled);
    }
}
