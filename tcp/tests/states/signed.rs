//! Connections whose segments are signed by TCP-MD5 (RFC 2385): nothing unsigned, or signed otherwise, is believed.

mod keys;

use std::net::IpAddr;

use coremill_tcp::authentication::{KeyError, KeyRing, PeerKey, Prefix};
use coremill_tcp::error::ConnectError;
use coremill_tcp::header_options::Signature;
use coremill_tcp::limits::SynCookies;
use coremill_tcp::options::{ConnectOptions, SocketOptions};
use coremill_tcp::snapshot::SignedBy;
use coremill_tcp::{DropReason, Limits, State, Verdict};

use super::harness::{OURS, THEIRS, Test, bytes, millis, seconds};
use super::peer_signature::Signing;
use super::segment::{Segment, ack, data, fin, rst, rst_ack, syn, syn_ack};

const SECRET: &[u8] = b"a secret";
const OTHER: &[u8] = b"another secret";
const MISSING: Verdict = Verdict::Dropped(DropReason::SignatureMissing);
const BAD: Verdict = Verdict::Dropped(DropReason::BadSignature);
const UNEXPECTED: Verdict = Verdict::Dropped(DropReason::SignatureUnexpected);

fn key(secret: &[u8]) -> PeerKey {
    PeerKey::md5(Prefix::of(THEIRS), secret).unwrap()
}

fn listening(change: impl FnOnce(&mut Limits)) -> Test {
    let mut test = Test::listening(change);
    let listener = test.listener.unwrap();
    test.shard.add_listener_key(listener, key(SECRET)).unwrap();
    test.signing = Some(Signing(SECRET));
    test
}

fn established() -> Test {
    let mut test = listening(|_| {});
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.inject(ack(1, 1));
    test.accept();
    test
}

#[test]
fn operators_see_what_signs_a_half_open_connection() {
    let mut test = listening(|_| {});
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    let signed: Vec<_> = test.rows().iter().map(|row| row.signed_by).collect();
    assert_eq!(signed, [Some(SignedBy::Md5)]);
    let plain = Test::syn_received(|_| {});
    assert_eq!(plain.rows()[0].signed_by, None);
}

fn try_connect(test: &mut Test, secret: &[u8]) -> Result<(), ConnectError> {
    let mut ring = KeyRing::default();
    test.shard.add_key(&mut ring, key(secret)).unwrap();
    let options = ConnectOptions {
        source: OURS,
        source_port: Some(test.flow.local.port),
        remote: test.flow.remote,
        mtu: 1_500,
        cookie: 9,
        socket: SocketOptions::default(),
    };
    let now = test.now;
    let opened = test
        .shard
        .connect_with_keys(now, &options, &mut ring, &|_| true);
    assert!(ring.is_empty());
    test.id = Some(opened?);
    Ok(())
}

fn connecting() -> Test {
    let mut test = Test::new(|_| {});
    try_connect(&mut test, SECRET).unwrap();
    test.signing = Some(Signing(SECRET));
    test
}

/// Injected without a signature, and with that of another key: neither is believed or answered.
fn is_refused(test: &mut Test, segment: &Segment) {
    let counters = test.shard.counters();
    let before = (counters.md5_not_found.get(), counters.md5_failure.get());
    let signing = test.signing.take();
    assert_eq!(test.inject(segment.clone()), MISSING);
    test.signing = Some(Signing(OTHER));
    assert_eq!(test.inject(segment.clone()), BAD);
    test.signing = signing;
    test.expect_nothing();
    let after = (counters.md5_not_found.get(), counters.md5_failure.get());
    assert_eq!(after, (before.0 + 1, before.1 + 1));
}

#[test]
fn a_passive_open_believes_signed_segments_alone() {
    let mut test = listening(|_| {});
    is_refused(&mut test, &syn().mss(1_000));
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    is_refused(&mut test, &ack(1, 1));
    is_refused(&mut test, &rst(1));
    test.is_in(State::SynReceived);
    test.inject(ack(1, 1));
    test.accept();
    is_refused(&mut test, &data(1, 1, b"forged"));
    test.inject(data(1, 1, b"asked"));
    test.expect_soon(ack(1, 6));
    assert_eq!(test.read(), b"asked");
    test.send(b"answer");
    test.expect(data(1, 6, b"answer"));
}

#[test]
fn an_active_open_believes_signed_segments_alone() {
    let mut test = connecting();
    test.expect(syn());
    is_refused(&mut test, &syn_ack(1).mss(1_000));
    is_refused(&mut test, &rst_ack(0, 1));
    test.is_in(State::SynSent);
    test.inject(syn_ack(1).mss(1_000));
    test.expect(ack(1, 1));
    test.send(b"asked");
    test.expect(data(1, 1, b"asked"));
    is_refused(&mut test, &ack(1, 6));
    test.inject(ack(1, 6));
    test.is_in(State::Established);
}

#[test]
fn a_forged_reset_does_not_end_a_connection_and_a_signed_one_does() {
    let mut test = established();
    is_refused(&mut test, &rst(1));
    test.is_in(State::Established);
    test.inject(rst(1));
    test.expect_nothing();
    test.close();
    test.is_gone();
}

#[test]
fn closing_is_signed_up_to_time_wait() {
    let mut test = established();
    test.shutdown();
    test.expect(fin(1, 1));
    is_refused(&mut test, &ack(1, 2));
    test.inject(ack(1, 2));
    test.close();
    test.inject(fin(1, 2));
    test.expect_soon(ack(2, 2));
    test.is_in(State::TimeWait);
    is_refused(&mut test, &fin(1, 2));
    test.inject(fin(1, 2));
    test.expect(ack(2, 2));
    test.pass(seconds(61));
    test.is_gone();
    let listener = test.listener.unwrap();
    test.shard.close_listener(test.now, listener);
    assert_eq!(test.shard.live_pool_entries(), 0);
}

#[test]
fn probes_and_retransmissions_are_signed() {
    let mut test = established();
    test.inject(ack(1, 1).window(0));
    test.send(b"waits");
    // The harness checks each segment's signature.
    test.expect_nothing();
    test.pass(millis(450));
    test.expect(ack(0, 1));
    test.inject(ack(1, 1).window(1_000));
    test.expect(data(1, 1, b"waits"));
    test.pass(millis(450));
    test.expect(data(1, 1, b"waits"));
}

#[test]
fn a_reset_of_ours_is_signed() {
    let mut test = established();
    test.inject(data(1, 1, b"unread"));
    test.close();
    test.expect(rst_ack(1, 7));
}

#[test]
fn a_listener_signs_the_resets_of_flows_that_are_gone() {
    let mut test = listening(|_| {});
    is_refused(&mut test, &ack(1, 1));
    test.inject(ack(1, 1));
    let reset = test.next().expect("a reset, whose signature is checked");
    assert_eq!(reset, rst(1).window(0).options(Default::default()));
}

#[test]
fn a_listener_at_the_peers_port_signs_for_an_active_open_that_is_forgotten() {
    // As Linux: both ends of such protocols listen at the same port.
    let mut test = Test::new(|_| {});
    let ours = test.flow.local;
    test.flow.local.port = test.flow.remote.port;
    test.listen(SocketOptions::default(), 8);
    test.flow.local = ours;
    let listener = test.listener.unwrap();
    test.shard.add_listener_key(listener, key(SECRET)).unwrap();
    test.signing = Some(Signing(OTHER));
    assert_eq!(test.inject(ack(1, 1)), BAD);
    test.expect_nothing();
    test.signing = Some(Signing(SECRET));
    test.inject(ack(1, 1));
    test.expect(rst(1));
}

#[test]
fn a_signed_segment_for_nobody_is_not_answered() {
    let mut test = Test::new(|_| {});
    test.signing = Some(Signing(SECRET));
    assert_eq!(test.inject(syn()), UNEXPECTED);
    test.expect_nothing();
    assert_eq!(test.shard.counters().md5_unexpected.get(), 1);
}

#[test]
fn a_signed_segment_where_no_key_is_is_dropped() {
    let mut test = Test::established();
    test.signing = Some(Signing(SECRET));
    assert_eq!(test.inject(data(1, 1, b"signed")), UNEXPECTED);
    test.signing = None;
    test.expect_nothing();
    test.inject(data(1, 1, b"plain"));
    assert_eq!(test.read(), b"plain");
}

#[test]
fn a_segment_with_two_signatures_is_dropped() {
    // RFC 5925, section 2.2: also one of each kind.
    let mut bytes = [0; 40];
    bytes[..2].copy_from_slice(&[19, 18]);
    bytes[18..20].copy_from_slice(&[29, 16]);
    bytes[34] = 0;
    let parsed = coremill_tcp::header_options::Options::parse(&bytes);
    assert_eq!(parsed, Err(DropReason::BadSignature));
    let wrong = coremill_tcp::header_options::Options::parse(&[19, 4, 0, 0]);
    assert_eq!(wrong, Err(DropReason::BadSignature));
}

#[test]
fn other_peers_of_a_listener_need_not_sign() {
    let mut test = Test::listening(|_| {});
    let listener = test.listener.unwrap();
    let far: IpAddr = "10.9.0.0".parse().unwrap();
    let prefix = Prefix::new(far, 16).unwrap();
    let key = PeerKey::md5(prefix, SECRET).unwrap();
    test.shard.add_listener_key(listener, key).unwrap();
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.inject(ack(1, 1));
    test.accept();
    test.inject(data(1, 1, b"plain"));
    assert_eq!(test.read(), b"plain");
}

#[test]
fn segments_leave_room_for_the_signature() {
    let mut test = established();
    test.send(&[7; 3_000]);
    let first = test.next().expect("data");
    assert_eq!(first.payload.len(), 1_000 - 20);
}

#[test]
fn a_signed_syn_offers_no_timestamps() {
    // As Linux: the signature, SACK blocks and timestamps do not fit beside each other.
    let mut test = connecting();
    let syn = test.next().expect("SYN");
    let options = syn.options.unwrap();
    assert_eq!(options.timestamps, None);
    assert!(options.sack_permitted);
    assert!(options.window_scale.is_some());
}

#[test]
fn a_signed_syn_ack_takes_timestamps_where_there_is_no_sack() {
    for (sack, takes) in [(true, false), (false, true)] {
        let mut test = listening(|_| {});
        let mut asked = syn().mss(1_000).stamps(50, 0);
        if sack {
            asked = asked.sack_permitted();
        }
        test.inject(asked);
        let answer = test.next().expect("SYN-ACK").options.unwrap();
        assert_eq!(answer.timestamps.is_some(), takes);
        assert_eq!(answer.sack_permitted, sack);
    }
}

#[test]
fn two_sack_blocks_fit_beside_a_signature() {
    let mut test = listening(|_| {});
    test.inject(syn().mss(1_000).sack_permitted());
    test.next().expect("SYN-ACK");
    test.inject(ack(1, 1));
    test.accept();
    for at in [101, 301, 501] {
        test.inject(data(at, 1, b"beyond"));
    }
    let mut sent = test.next();
    while let Some(next) = test.next() {
        sent = Some(next);
    }
    assert_eq!(sent.unwrap().options.unwrap().sack.len(), 2);
}

#[test]
fn a_cookie_is_signed_and_so_must_be_what_brings_it_back() {
    let mut test = listening(|limits| limits.opening.syn_cookies = SynCookies::Always);
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    assert_eq!(test.shard.live_records(), 0);
    is_refused(&mut test, &ack(1, 1));
    test.inject(ack(1, 1));
    test.accept();
    test.inject(data(1, 1, b"asked"));
    test.expect_soon(ack(1, 6));
    is_refused(&mut test, &data(6, 1, b"forged"));
}

#[test]
fn a_signature_of_zeros_is_no_signature() {
    let mut test = established();
    let signing = test.signing.take();
    let options = coremill_tcp::header_options::Options {
        signature: Some(Signature::Md5),
        ..Default::default()
    };
    assert_eq!(test.inject(data(1, 1, b"forged").options(options)), BAD);
    test.signing = signing;
}

/// Segments and the window in bytes grow by what the signature took: what that lets out leaves at once.
#[test]
fn what_finds_room_without_a_signature_leaves_at_once() {
    let mut test = established();
    test.send(&bytes(0, 10_000));
    for first in (0..9_800).step_by(980) {
        test.expect(data(1 + first as u32, 1, &bytes(first, 980)));
    }
    test.expect_nothing();
    let (now, id) = (test.now, test.id());
    let removed = test
        .shard
        .remove_connection_key(now, id, key(SECRET).name());
    assert_eq!(removed, Ok(()));
    test.signing = None;
    test.expect(data(9_801, 1, &bytes(9_800, 200)));
}
