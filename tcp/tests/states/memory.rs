//! Memory runs short: who gets what is left, and who hears when it comes back.

use coremill_tcp::{DropReason, Subject, Verdict};

use super::harness::{Test, bytes};
use super::segment::{ack, data, syn};

/// Another client opens a connection, which becomes the test's.
pub fn another(test: &mut Test) {
    while test.next().is_some() {}
    test.flow.remote.port += 1;
    test.inject(syn().mss(1_000));
    while test.next().is_some() {}
    test.inject(ack(1, 1));
    test.accept();
}

/// The test's user does not read until no memory is left.
fn fill(test: &mut Test) {
    for first in (0..60_000).step_by(1_000) {
        let verdict = test.inject(data(first as u32 + 1, 1, &bytes(first, 1_000)));
        if verdict == Verdict::Dropped(DropReason::NoMemory) {
            return;
        }
    }
    panic!("there is more memory than window");
}

#[test]
fn everybody_who_waits_for_memory_hears_of_it() {
    let mut test = Test::established_with(|limits| limits.memory_bytes = 32_768);
    let now = test.now;
    let glutton = test.id();
    fill(&mut test);
    let mut hungry = Vec::new();
    for _ in 0..3 {
        another(&mut test);
        assert_eq!(test.shard.send(now, test.id(), b"feed me"), Ok(0));
        hungry.push(Subject::Connection(test.id()));
    }
    while test.shard.next_event().is_some() {}
    test.shard.abort(now, glutton);
    while test.next().is_some() {}
    // The first ones do nothing with it.
    let told: Vec<_> = std::iter::from_fn(|| test.shard.next_event()).collect();
    let subjects: Vec<_> = told.iter().map(|event| event.subject).collect();
    assert_eq!(subjects, hungry);
    assert!(told.iter().all(|event| event.readiness.writable));
}

#[test]
fn who_never_tries_hears_of_memory_too() {
    let mut test = Test::established_with(|limits| limits.memory_bytes = 32_768);
    let (now, glutton) = (test.now, test.id());
    fill(&mut test);
    another(&mut test);
    while test.shard.next_event().is_some() {}
    assert_eq!(test.shard.send_room(test.id()), 0);
    test.shard.want_room(test.id());
    assert_eq!(test.shard.next_event(), None);
    test.shard.abort(now, glutton);
    while test.next().is_some() {}
    let event = test.shard.next_event().expect("memory came back");
    assert_eq!(event.subject, Subject::Connection(test.id()));
    assert!(event.readiness.writable);
    // With room and nothing on its way there is nothing to be told.
    test.shard.want_room(test.id());
    assert_eq!(test.shard.next_event(), None);
}

#[test]
fn bytes_out_of_order_do_not_keep_out_those_in_order() {
    let mut test = Test::established_with(|limits| limits.memory_bytes = 32_768);
    test.inject(data(1_001, 1, &bytes(1_000, 2_000)));
    let (flow, start, id) = (test.flow, test.start, test.id);
    another(&mut test);
    fill(&mut test);
    (test.flow, test.start, test.id) = (flow, start, id);
    test.inject(data(1, 1, &bytes(0, 1_000)));
    assert_eq!(test.read(), bytes(0, 1_000));
    assert_eq!(test.shard.counters().ofo_pruned.get(), 1);
}

#[test]
fn peers_that_do_not_read_leave_memory_for_others() {
    let mut test = Test::established_with(|limits| limits.memory_bytes = 1 << 20);
    for _ in 0..10 {
        another(&mut test);
        test.inject(ack(1, 1).window(0));
        let (id, now) = (test.id(), test.now);
        while test.shard.send(now, id, &bytes(0, 65_536)).expect("open") > 0 {}
    }
    another(&mut test);
    test.inject(data(1, 1, &bytes(0, 1_000)));
    assert_eq!(test.read(), bytes(0, 1_000));
    test.send(&bytes(0, 4_000));
}

#[test]
fn peers_that_leave_holes_leave_memory_for_others() {
    let mut test = Test::established_with(|limits| limits.memory_bytes = 256 << 10);
    for _ in 0..10 {
        another(&mut test);
        for first in (1_000..60_000).step_by(1_000) {
            test.inject(data(first as u32 + 1, 1, &bytes(first, 1_000)));
        }
    }
    another(&mut test);
    test.inject(data(1, 1, &bytes(0, 1_000)));
    assert_eq!(test.read(), bytes(0, 1_000));
    test.send(&bytes(0, 4_000));
}
