//! Options that change when something is sent, and for how long a peer is borne.

use coremill_tcp::error::{ConnectionError, SendError};
use coremill_tcp::options::{SocketOption, SocketOptions};
use coremill_tcp::{Limits, Readiness, State};

use super::harness::{Test, bytes, millis, seconds};
use super::segment::{ack, data, fin, rst, rst_ack, syn};

fn with(socket: SocketOptions) -> Test {
    Test::established_as(|_| {}, socket, syn().mss(1_000), ack(1, 1))
}

impl Test {
    fn set(&mut self, option: SocketOption, value: i64) {
        let id = self.id();
        let set = self.shard.set_option(self.now, id, option, value);
        assert_eq!(set, Ok(()));
    }

    fn send_more(&mut self, data: &[u8]) {
        let id = self.id();
        let sent = self.shard.send_more(self.now, id, data);
        assert_eq!(sent, Ok(data.len()));
    }

    fn hold(&self) -> &'static str {
        self.rows()[0].hold
    }

    fn events(&mut self) -> Vec<Readiness> {
        let events = std::iter::from_fn(|| self.shard.next_event());
        events.map(|event| event.readiness).collect()
    }
}

#[test]
fn a_cork_holds_what_is_small_until_it_is_pulled() {
    let mut test = with(SocketOptions {
        cork: true,
        ..SocketOptions::default()
    });
    test.send(&bytes(0, 1_500));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    test.expect_nothing();
    assert_eq!(test.hold(), "cork");
    test.inject(ack(1, 1_001));
    test.expect_nothing();
    test.set(SocketOption::Cork, 0);
    test.expect(data(1_001, 1, &bytes(1_000, 500)));
}

/// tcp(7): a ceiling of 200 ms, from when nothing else is outstanding.
#[test]
fn a_cork_gives_way_after_200_ms() {
    let mut test = with(SocketOptions {
        cork: true,
        ..SocketOptions::default()
    });
    test.send(b"small");
    test.expect_nothing();
    test.expect_after(millis(200), data(1, 1, b"small"));
    test.inject(ack(1, 6));
    test.send(b"again");
    test.expect_nothing();
    test.expect_after(millis(200), data(6, 1, b"again"));
}

#[test]
fn fin_pulls_the_cork() {
    let mut test = with(SocketOptions {
        cork: true,
        ..SocketOptions::default()
    });
    test.send(b"last");
    test.expect_nothing();
    test.shutdown();
    let mut last = data(1, 1, b"last");
    last.flags = fin(1, 1).flags;
    test.expect(last);
}

#[test]
fn what_more_is_announced_for_waits_and_leaves_with_it() {
    let mut test = with(SocketOptions {
        no_delay: true,
        ..SocketOptions::default()
    });
    test.send_more(b"head");
    test.expect_nothing();
    assert_eq!(test.hold(), "cork");
    test.send(b"body");
    test.expect(data(1, 1, b"headbody"));
    test.inject(ack(1, 9));
    test.send_more(b"alone");
    test.expect_nothing();
    test.expect_after(millis(200), data(9, 1, b"alone"));
}

#[test]
fn switching_nagle_off_sends_what_it_held() {
    let mut test = Test::established();
    test.send(b"a");
    test.expect(data(1, 1, b"a"));
    test.send(b"b");
    test.expect_nothing();
    assert_eq!(test.hold(), "nagle");
    test.set(SocketOption::NoDelay, 1);
    test.expect(data(2, 1, b"b"));
}

/// With Nagle off, a cork holds all the same; switching Nagle off again sends what the cork held (Linux: TCP_NAGLE_PUSH).
#[test]
fn no_delay_beside_a_cork_flushes_once() {
    let mut test = with(SocketOptions {
        cork: true,
        no_delay: true,
        ..SocketOptions::default()
    });
    test.send(b"a");
    test.expect_nothing();
    test.set(SocketOption::NoDelay, 1);
    test.expect(data(1, 1, b"a"));
    test.send(b"b");
    test.expect_nothing();
}

#[test]
fn the_low_water_mark_bounds_what_is_not_sent() {
    let mut test = with(SocketOptions {
        unsent_low_water: 5_000,
        ..SocketOptions::default()
    });
    test.events();
    let id = test.id();
    // Ten segments are let out, and up to the mark and a segment more wait.
    let taken = test.shard.send(test.now, id, &bytes(0, 100_000));
    assert_eq!(taken, Ok(6_000));
    for first in (0..6_000).step_by(1_000) {
        test.expect(data(first as u32 + 1, 1, &bytes(first, 1_000)));
    }
    // Half of what may wait is sent: there is room again.
    assert!(test.events().iter().any(|readiness| readiness.writable));
    assert_eq!(test.shard.send(test.now, id, &bytes(0, 100_000)), Ok(6_000));
    for _ in 0..4 {
        test.next().expect("the window allows it");
    }
    test.expect_nothing();
    test.events();
    assert_eq!(test.shard.send_room(id), 5_000 - 2_000 + 1_000);
    assert_eq!(test.shard.send(test.now, id, &bytes(0, 100_000)), Ok(4_000));
    assert_eq!(test.shard.send_room(id), 0);
    assert!(test.events().is_empty());
    test.inject(ack(1, 5_001));
    assert!(test.events().is_empty(), "acknowledged is not sent");
    while test.next().is_some() {}
    assert!(test.events().iter().any(|readiness| readiness.writable));
}

/// RFC 9293, section 3.8.6.2.1: the least mark makes its user write often, not the segments small.
#[test]
fn the_least_low_water_mark_makes_whole_segments() {
    let mut test = with(SocketOptions {
        unsent_low_water: 1,
        ..SocketOptions::default()
    });
    test.events();
    let id = test.id();
    for first in (0..4_000).step_by(1_000) {
        let taken = test.shard.send(test.now, id, &bytes(first, 100_000));
        assert_eq!(taken, Ok(1_000));
        assert_eq!(test.shard.send_room(id), 0);
        test.expect(data(first as u32 + 1, 1, &bytes(first, 1_000)));
        assert!(test.events().iter().any(|readiness| readiness.writable));
    }
}

#[test]
fn a_send_buffer_of_its_own_is_what_may_wait() {
    let mut test = with(SocketOptions {
        send_buffer_bytes: 3_000,
        ..SocketOptions::default()
    });
    let id = test.id();
    assert_eq!(test.shard.send_room(id), 3_000);
    assert_eq!(test.shard.send(test.now, id, &bytes(0, 5_000)), Ok(3_000));
    while test.next().is_some() {}
    assert_eq!(test.shard.send_room(id), 0, "sent is not acknowledged");
    test.inject(ack(1, 3_001));
    assert_eq!(test.shard.send_room(id), 3_000);
}

fn impatient(timeout_millis: u32) -> Test {
    with(SocketOptions {
        user_timeout_millis: timeout_millis,
        ..SocketOptions::default()
    })
}

fn failure(test: &mut Test) -> Option<ConnectionError> {
    let id = test.id();
    test.shard.error(id)
}

/// RFC 9293, section 3.8.3: the user's own limit is in place of R2.
#[test]
fn unacknowledged_data_is_given_up_when_the_user_said() {
    let mut test = impatient(1_000);
    test.send(b"anybody?");
    test.expect(data(1, 1, b"anybody?"));
    let sent = test.now;
    test.pass(millis(980));
    assert_eq!(failure(&mut test), None);
    test.pass(millis(40));
    assert_eq!(failure(&mut test), Some(ConnectionError::TimedOut));
    let id = test.id();
    let refused = test.shard.send(test.now, id, b"x");
    assert_eq!(refused, Err(SendError::Failed(ConnectionError::TimedOut)));
    assert!(test.now.since(sent) < millis(1_100));
}

#[test]
fn an_acknowledgement_starts_the_users_limit_over() {
    let mut test = impatient(1_000);
    test.send(b"a");
    test.expect(data(1, 1, b"a"));
    test.pass(millis(700));
    test.inject(ack(1, 2));
    while test.next().is_some() {}
    test.pass(seconds(5));
    test.send(b"b");
    test.expect(data(2, 1, b"b"));
    test.pass(millis(900));
    assert_eq!(failure(&mut test), None);
    test.pass(millis(200));
    assert_eq!(failure(&mut test), Some(ConnectionError::TimedOut));
}

/// Linux: a closed window is borne as long, whether probes are answered or not.
#[test]
fn a_window_that_stays_closed_is_given_up_when_the_user_said() {
    let mut test = impatient(2_000);
    test.inject(ack(1, 1).window(0));
    test.send(b"wait");
    let mut waited = 0;
    while failure(&mut test).is_none() {
        test.pass(millis(100));
        while test.next().is_some() {
            test.inject(ack(1, 1).window(0));
        }
        waited += 100;
        assert!(waited < 5_000, "never given up");
    }
    // From the first probe on.
    assert!(waited >= 2_000, "after {waited} ms");
}

#[test]
fn silence_is_borne_as_long_as_the_user_said_and_told_by_reset() {
    let mut test = with(SocketOptions {
        keepalive: true,
        keepalive_idle_seconds: 10,
        keepalive_interval_seconds: 1,
        user_timeout_millis: 13_500,
        ..SocketOptions::default()
    });
    let mut probes = 0;
    test.pass(millis(9_900));
    test.expect_nothing();
    while failure(&mut test).is_none() {
        test.pass(millis(500));
        while let Some(segment) = test.next() {
            if failure(&mut test).is_none() {
                assert_eq!(
                    segment,
                    ack(0, 1).window(64_240).options(Default::default())
                );
                probes += 1;
            }
        }
    }
    assert_eq!(probes, 4, "at 10, 11, 12 and 13 s");
}

#[test]
fn fin_wait_2_lasts_as_long_as_its_user_said() {
    for (value, least, most) in [(3, 2_900, 3_100), (0, 59_900, 60_100)] {
        let mut test = Test::fin_wait_2(|_: &mut Limits| {});
        test.set(SocketOption::FinWait2, value);
        test.close();
        test.pass(millis(least));
        test.is_in(State::FinWait2);
        test.pass(millis(most - least));
        test.is_gone();
    }
}

/// Linux: below zero the peer's end is not waited for at all.
#[test]
fn without_fin_wait_2_the_peer_is_reset() {
    let mut test = Test::fin_wait_2(|_: &mut Limits| {});
    test.set(SocketOption::FinWait2, -1);
    test.close();
    test.expect(rst_ack(2, 1));
    test.is_gone();
    let mut test = Test::established();
    test.set(SocketOption::FinWait2, -1);
    test.close();
    test.expect(fin(1, 1));
    test.inject(ack(1, 2));
    // It answers the segment, as Linux's: without ACK.
    test.expect(rst(2));
    test.is_gone();
}

/// A reply of ours made acknowledgements wait; TCP_QUICKACK ends that for now.
#[test]
fn quick_acknowledgements_come_back_when_asked_for() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"question"));
    test.expect(ack(1, 9));
    test.send(b"answer");
    test.expect(data(1, 9, b"answer"));
    test.inject(data(9, 7, b"question"));
    test.expect_nothing();
    test.read();
    test.expect_nothing();
    let id = test.id();
    assert_eq!(test.shard.option(id, SocketOption::QuickAck), Ok(0));
    test.set(SocketOption::QuickAck, 1);
    test.expect(ack(7, 17));
    assert_eq!(test.shard.option(id, SocketOption::QuickAck), Ok(1));
    test.inject(data(17, 7, b"question"));
    test.expect(ack(7, 25));
}

#[test]
fn the_rate_allowed_is_told() {
    let mut test = Test::established();
    let told = |test: &Test| {
        let info = test.shard.tcp_info(test.now, test.id());
        info.expect("a connection").max_pacing_rate
    };
    assert_eq!(told(&test), u64::MAX);
    test.set(SocketOption::PacingRateMax, 50_000);
    assert_eq!(told(&test), 50_000);
}
