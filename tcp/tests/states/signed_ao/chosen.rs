//! What a user chooses of TCP-AO beside keys: which of them sign, whether it must be, whether routers are believed.

use coremill_tcp::authentication::{AoKey, AoPolicy, KeyName, PeerKey, Prefix};
use coremill_tcp::error::ConnectError;
use coremill_tcp::packet::Quoted;
use coremill_tcp::snapshot::SignedBy;
use coremill_tcp::{DropReason, State, Unreachable, Verdict};

use super::pair::{AO, Pair, Sent, client_key, other, pull, put, state};
use crate::harness::{OURS, THEIRS};

const REQUIRED: AoPolicy = AoPolicy {
    is_required: true,
    accepts_icmps: false,
    current_id: None,
    next_id: None,
};

#[test]
fn keys_chosen_before_connecting_sign_from_the_syn_on() {
    // RFC 5925, section 7.1: a SEND, the SYN's too, may name the keys that are preferred.
    let mut pair = Pair::with_key(b"a", AO, |_| {});
    pair.listen_with(b"b", other(AO));
    let keys = [client_key(b"a", AO), client_key(b"b", other(AO))];
    let policy = AoPolicy {
        current_id: Some(7),
        next_id: Some(84),
        ..AoPolicy::default()
    };
    let client = pair.try_connect(None, &keys, policy).unwrap();
    pair.exchange();
    assert_eq!(pair.seen[0].bytes[20..24], [29, 20, 7, 84]);
    assert_eq!(state(&pair.client, pair.now, client), State::Established);
    // The server has the keys of the handshake: what it was asked for, and what it heard.
    assert_eq!(pair.last_option(THEIRS), [29, 16, 84, 7]);
    let server = pair.server.accept(pair.listener).expect("a connection");
    let info = pair.server.ao_info(server).unwrap();
    assert_eq!(info.heard, Some((7, 84)));
    assert_eq!((info.current_id, info.next_id), (84, 7));
    // One that is not for the peer is passed over (as Linux).
    let policy = AoPolicy {
        current_id: Some(99),
        ..AoPolicy::default()
    };
    pair.try_connect(None, &keys, policy).unwrap();
    pair.exchange();
    assert_eq!(pair.last_option(OURS), [29, 16, 61, 84]);
}

#[test]
fn all_ids_can_be_had_in_whatever_order() {
    // RFC 5925, section 3.1: any value from 0 to 255, and nothing is assumed about how they are given.
    for (send_id, receive_id) in [(0, 255), (255, 0), (1, 2), (2, 1), (77, 77)] {
        let ao = AoKey {
            send_id,
            receive_id,
            ..AO
        };
        let (mut pair, client, server) = Pair::established(b"a", ao);
        pair.send(client, b"data");
        assert_eq!(pair.read(server), b"data");
        assert_eq!(pair.last_option(OURS), [29, 16, send_id, receive_id]);
    }
}

#[test]
fn what_is_sent_is_signed_by_one_key_however_many_are_for_the_peer() {
    // RFC 5925, section 3.3: at most one, whatever options the segment has.
    let mut pair = Pair::with_key(b"a", AO, |_| {});
    pair.listen_with(b"b", other(AO));
    let wide = AoKey {
        send_id: 100,
        receive_id: 101,
        ..AO
    };
    let wide = PeerKey::ao(Prefix::new(THEIRS, 8).unwrap(), b"c", wide).unwrap();
    let keys = [wide, client_key(b"a", AO), client_key(b"b", other(AO))];
    let client = pair.connect(&keys);
    pair.exchange();
    let server = pair.server.accept(pair.listener).expect("a connection");
    pair.send(client, &[1; 9_000]);
    pair.pass(1);
    assert_eq!(pair.read(server), [1; 9_000]);
    let ours = pair.seen.iter().filter(|sent| sent.source == OURS);
    assert!(ours.clone().count() > 6);
    for sent in ours {
        assert_eq!(sent.bytes[20..24], [29, 16, 61, 84], "the longest prefix's");
        let more = sent.bytes[36..].chunks(4).any(|word| word[..2] == [29, 16]);
        assert!(!more, "{:?}", sent.bytes);
    }
}

#[test]
fn the_keys_of_a_connection_can_be_read() {
    // RFC 5925, section 7.1: STATUS.
    let (mut pair, client, server) = Pair::established(b"a", AO);
    let key = client_key(b"b", other(AO));
    pair.client
        .add_connection_key(pair.now, client, key)
        .unwrap();
    let name = |number| {
        pair.client
            .connection_key(client, number)
            .map(PeerKey::name)
    };
    let named = |send_id, receive_id| {
        Some(KeyName::Ao {
            peer: Prefix::of(THEIRS),
            send_id,
            receive_id,
        })
    };
    let all = [name(0), name(1), name(2)];
    assert_eq!(all, [named(61, 84), named(7, 8), None]);
    let shown = format!("{:?}", pair.client.connection_key(client, 1));
    assert!(shown.contains("Secret(..)"), "{shown}");
    // Of one that still opens too.
    let opening = pair.connect(&[client_key(b"a", AO)]);
    assert!(pair.client.connection_key(opening, 0).is_some());
    let by = |shard: &coremill_tcp::Shard, id| shard.row(pair.now, id).unwrap().signed_by;
    let (current_id, next_id) = (61, 84);
    let expected = SignedBy::Ao {
        current_id,
        next_id,
    };
    assert_eq!(by(&pair.client, client), Some(expected));
    let expected = SignedBy::Ao {
        current_id: next_id,
        next_id: current_id,
    };
    assert_eq!(by(&pair.server, server), Some(expected));
}

#[test]
fn where_it_is_required_nobody_is_believed_without() {
    // RFC 5925, section 7.3; Linux: ao_required, and EKEYREJECTED for whoever connects without a key for the peer.
    let mut pair = Pair::new(|_| {});
    pair.server
        .set_listener_ao(pair.listener, REQUIRED)
        .unwrap();
    let plain = pair.connect(&[]);
    pair.exchange();
    assert_eq!(state(&pair.client, pair.now, plain), State::SynSent);
    assert_eq!(pair.server.counters().ao_required.get(), 1);
    pair.listen_with(b"a", AO);
    let signed = pair.connect(&[client_key(b"a", AO)]);
    pair.exchange();
    assert_eq!(state(&pair.client, pair.now, signed), State::Established);
    let md5 = PeerKey::md5(Prefix::of(THEIRS), b"a").unwrap();
    let elsewhere = PeerKey::ao(Prefix::of(OURS), b"a", AO).unwrap();
    for keys in [&[][..], &[md5], &[elsewhere]] {
        let refused = pair.try_connect(None, keys, REQUIRED);
        assert_eq!(refused, Err(ConnectError::NoKey));
    }
    pair.try_connect(None, &[client_key(b"a", AO)], REQUIRED)
        .unwrap();
}

#[test]
fn a_signed_segment_without_a_key_is_dropped_or_taken_as_the_user_says() {
    // RFC 5925, section 7.3: both can be had; dropping is Linux's way, and the default.
    let (dropped, _) = syn_arrives(false, |_| {});
    assert_eq!(dropped, Verdict::Dropped(DropReason::SignatureUnexpected));
    let (taken, answer) = syn_arrives(true, |_| {});
    assert_eq!(taken, Verdict::Accepted { progress: false });
    let answer = answer.expect("SYN-ACK");
    assert_ne!(answer.bytes[20], 29, "there is nothing to sign it with");
    // A key for this peer, of either scheme, or that there must be one: and it is judged as ever.
    let wrong = |pair: &mut Pair| pair.listen_with(b"b", AO);
    let verdict = syn_arrives(true, wrong).0;
    assert_eq!(verdict, Verdict::Dropped(DropReason::BadSignature));
    let md5 = |pair: &mut Pair| {
        let key = PeerKey::md5(Prefix::of(OURS), b"a").unwrap();
        pair.server.add_listener_key(pair.listener, key).unwrap();
    };
    let required = |pair: &mut Pair| {
        pair.server
            .set_listener_ao(pair.listener, REQUIRED)
            .unwrap();
    };
    let unexpected = Verdict::Dropped(DropReason::SignatureUnexpected);
    assert_eq!(syn_arrives(true, md5).0, unexpected);
    assert_eq!(syn_arrives(true, required).0, unexpected);
}

/// What becomes of a signed SYN at a listener without its key.
fn syn_arrives(
    accepts_unknown_ao: bool,
    prepare: impl FnOnce(&mut Pair),
) -> (Verdict, Option<Sent>) {
    let mut pair = Pair::new(|limits| limits.accepts_unknown_ao = accepts_unknown_ao);
    prepare(&mut pair);
    pair.connect(&[client_key(b"a", AO)]);
    let syn = pull(&mut pair.client, pair.now).expect("SYN");
    let verdict = put(&mut pair.server, pair.now, &syn);
    (verdict, pull(&mut pair.server, pair.now))
}

#[test]
fn what_is_accepted_inherits_whether_routers_are_believed() {
    // RFC 5925, section 7.8: for each connection; and what a router says must fit the stream in any case (RFC 5927).
    let mut pair = Pair::with_key(b"a", AO, |_| {});
    let policy = AoPolicy {
        accepts_icmps: true,
        ..AoPolicy::default()
    };
    pair.server.set_listener_ao(pair.listener, policy).unwrap();
    pair.connect(&[client_key(b"a", AO)]);
    pair.exchange();
    let server = pair.server.accept(pair.listener).expect("a connection");
    assert!(pair.server.ao_info(server).unwrap().accepts_icmps);
    let now = pair.now;
    pair.server.send(now, server, &[1; 3_000]).unwrap();
    let sent = pull(&mut pair.server, now).expect("data");
    let flow = pair.server.flow(server).unwrap();
    let sequence = u32::from_be_bytes(*sent.bytes[4..].first_chunk().unwrap());
    let mut quoted = Quoted {
        flow,
        sequence: sequence.wrapping_sub(1 << 20),
        error: Unreachable::TooBig { mtu: 1_000 },
    };
    let guessed = pair.server.unreachable(now, &quoted);
    assert_eq!(guessed, Verdict::Dropped(DropReason::IcmpIrrelevant));
    quoted.sequence = sequence;
    let taken = pair.server.unreachable(now, &quoted);
    assert_eq!(taken, Verdict::Accepted { progress: false });
}
