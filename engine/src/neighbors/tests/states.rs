//! One neighbour through its states.

use super::*;

#[test]
fn packets_wait_in_order_for_the_answer() {
    let mut bench = Bench::new(8, 4);
    for payload in 0..3 {
        assert!(matches!(bench.send(PEER, payload), Resolution::Queued));
    }
    assert_eq!(bench.outputs(), [broadcast_request()]);
    assert_eq!(bench.rows()[0].pending, 3);
    bench.answer();
    assert_eq!(bench.outputs(), [sent(0), sent(1), sent(2)]);
    let Resolution::Ready(header, packet) = bench.send(PEER, 9) else {
        panic!("not ready");
    };
    assert_eq!((header.destination(), packet.data()), (PEER_MAC, &[9][..]));
}

#[test]
fn a_full_queue_drops_the_oldest() {
    let mut bench = Bench::new(8, 2);
    bench.send(PEER, 0);
    bench.send(PEER, 1);
    let Resolution::Dropped(LinkDropReason::NeighborQueueFull, oldest) = bench.send(PEER, 2) else {
        panic!("nothing dropped");
    };
    assert_eq!(oldest.data(), [0]);
    bench.outputs();
    bench.answer();
    assert_eq!(bench.outputs(), [sent(1), sent(2)]);
}

#[test]
fn requests_are_repeated_then_given_up() {
    let mut bench = Bench::new(8, 4);
    bench.send(PEER, 5);
    assert_eq!(bench.outputs(), [broadcast_request()]);
    assert_eq!(bench.pass(999), []);
    assert_eq!(bench.pass(1), [broadcast_request()]);
    assert_eq!(bench.pass(1_000), [broadcast_request()]);
    assert_eq!(bench.pass(1_000), [Seen::Failed(5)]);
    assert_eq!(bench.state(), Some(NeighborState::Failed));
    // The next packet tries again, with all its tries.
    assert!(matches!(bench.send(PEER, 6), Resolution::Queued));
    assert_eq!(bench.outputs(), [broadcast_request()]);
    let rest = bench.pass(3_000);
    assert_eq!(
        rest,
        [broadcast_request(), broadcast_request(), Seen::Failed(6)]
    );
}

#[test]
fn packets_do_not_make_requests_faster() {
    let mut bench = Bench::new(8, 4);
    for payload in 0..100 {
        bench.send(PEER, payload);
        bench.now = bench.now + Duration::from_millis(1);
    }
    assert_eq!(bench.outputs(), [broadcast_request()]);
}

#[test]
fn a_failed_neighbour_is_forgotten() {
    let mut bench = Bench::new(8, 4);
    bench.send(PEER, 5);
    bench.pass(120_000);
    assert_eq!(bench.state(), None);
    assert_eq!(bench.neighbors.next_deadline(), None);
}

#[test]
fn unconfirmed_it_goes_stale_and_is_checked_when_used() {
    let mut bench = Bench::reachable();
    assert_eq!(bench.pass(30_000), []);
    assert_eq!(bench.state(), Some(NeighborState::Stale));
    assert!(bench.ready());
    assert_eq!(bench.state(), Some(NeighborState::Delay));
    assert_eq!(bench.pass(5_000), [probe()]);
    assert_eq!(bench.state(), Some(NeighborState::Probe));
    assert!(bench.ready(), "packets go on while it is probed");
    bench.answer();
    assert_eq!(bench.state(), Some(NeighborState::Reachable));
    assert_eq!(bench.pass(10_000), []);
}

#[test]
fn a_probed_neighbour_that_is_silent_fails_and_is_asked_by_broadcast() {
    let mut bench = Bench::reachable();
    bench.pass(30_000);
    bench.ready();
    assert_eq!(bench.pass(8_000), [probe(), probe(), probe()]);
    assert_eq!(bench.state(), Some(NeighborState::Failed));
    assert!(matches!(bench.send(PEER, 1), Resolution::Queued));
    assert_eq!(bench.outputs(), [broadcast_request()]);
}

#[test]
fn progress_confirms_without_requests() {
    let mut bench = Bench::reachable();
    let peer = bench.neighbors.find(0, PEER.into()).unwrap();
    for _ in 0..100 {
        assert_eq!(bench.pass(20_000), []);
        bench.neighbors.confirm(bench.now, peer);
        assert_eq!(bench.state(), Some(NeighborState::Reachable));
    }
    bench.pass(31_000);
    bench.ready();
    assert_eq!(bench.state(), Some(NeighborState::Delay));
    bench.neighbors.confirm(bench.now, peer);
    assert_eq!(bench.state(), Some(NeighborState::Reachable));
    assert_eq!(bench.pass(10_000), []);
}

#[test]
fn progress_confirms_nobody_that_is_not_known() {
    let mut bench = Bench::new(8, 4);
    bench.send(PEER, 0);
    let peer = bench.neighbors.find(0, PEER.into()).unwrap();
    bench.neighbors.confirm(bench.now, peer);
    assert_eq!(bench.state(), Some(NeighborState::Incomplete));
}

#[test]
fn unused_and_stale_it_expires() {
    let mut bench = Bench::reachable();
    bench.pass(30_000);
    let peer = bench.neighbors.find(0, PEER.into()).unwrap();
    bench.pass(60_000);
    assert_eq!(bench.state(), None);
    // The old handle names nobody, also not the next one in its slot.
    bench.send(PEER, 1);
    bench.answer();
    assert_eq!(bench.neighbors.link_header(bench.now, peer), None);
}

#[test]
fn a_request_to_us_is_learned_as_stale() {
    let mut bench = Bench::new(8, 4);
    assert!(bench.learn(PEER, PEER_MAC, false, true));
    assert_eq!(bench.state(), Some(NeighborState::Stale));
    assert!(bench.ready());
    // It answers us nothing yet; the probe comes from an address of ours all the same.
    assert_eq!(bench.pass(5_000), [probe()]);
}

#[test]
fn a_request_from_whom_we_ask_ourselves_releases_what_waits() {
    let mut bench = Bench::new(8, 4);
    bench.send(PEER, 4);
    bench.outputs();
    assert!(bench.learn(PEER, PEER_MAC, false, true));
    assert_eq!(bench.outputs(), [sent(4)]);
    assert_eq!(bench.state(), Some(NeighborState::Stale));
}

#[test]
fn chatter_of_strangers_makes_no_entry() {
    let mut bench = Bench::new(8, 4);
    assert!(!bench.learn(PEER, PEER_MAC, false, false));
    assert!(!bench.learn(PEER, PEER_MAC, true, false));
    assert!(bench.neighbors.is_empty());
}

#[test]
fn a_moved_neighbour_is_followed_but_not_at_once() {
    let mut bench = Bench::reachable();
    assert!(bench.learn(PEER, OTHER_MAC, false, false));
    assert_eq!(bench.rows()[0].mac, Some(PEER_MAC));
    bench.pass(1_000);
    assert!(bench.learn(PEER, OTHER_MAC, false, false));
    assert_eq!(bench.rows()[0].mac, Some(OTHER_MAC));
    assert_eq!(bench.state(), Some(NeighborState::Stale));
}

#[test]
fn an_answer_that_nobody_asked_for_confirms_nothing() {
    let mut bench = Bench::reachable();
    bench.pass(30_000);
    assert_eq!(bench.state(), Some(NeighborState::Stale));
    bench.answer();
    assert_eq!(bench.state(), Some(NeighborState::Stale));
}

#[test]
fn a_late_answer_revives_a_failed_neighbour() {
    let mut bench = Bench::new(8, 4);
    bench.send(PEER, 0);
    bench.pass(3_000);
    assert_eq!(bench.state(), Some(NeighborState::Failed));
    bench.answer();
    assert_eq!(bench.state(), Some(NeighborState::Stale));
    assert!(bench.ready());
}

#[test]
fn one_that_is_doubted_is_asked_at_once_unless_it_was_just_heard() {
    let mut bench = Bench::reachable();
    let peer = bench.neighbors.find(0, PEER.into()).unwrap();
    bench.pass(4_999);
    bench.neighbors.doubt(bench.now, peer);
    assert_eq!(bench.outputs(), []);
    assert_eq!(bench.state(), Some(NeighborState::Reachable));
    bench.pass(1);
    for _ in 0..3 {
        bench.neighbors.doubt(bench.now, peer);
    }
    assert_eq!(bench.outputs(), [probe()], "one request for all of them");
    assert!(bench.ready(), "packets go on while it is asked");
    bench.answer();
    assert_eq!(bench.state(), Some(NeighborState::Reachable));
    bench.neighbors.doubt(bench.now, peer);
    assert_eq!(bench.outputs(), [], "it was heard of now");
}

#[test]
fn one_that_is_doubted_and_silent_is_given_up() {
    let mut bench = Bench::reachable();
    bench.pass(10_000);
    let peer = bench.neighbors.find(0, PEER.into()).unwrap();
    bench.neighbors.doubt(bench.now, peer);
    assert_eq!(bench.outputs(), [probe()]);
    assert_eq!(bench.pass(3_000), [probe(), probe()]);
    assert_eq!(bench.state(), Some(NeighborState::Failed));
    bench.neighbors.doubt(bench.now, peer);
    assert_eq!(bench.outputs(), [], "only the next packet asks again");
}
