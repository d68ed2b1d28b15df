//! Connections protected by TCP-AO (RFC 5925), between two shards: what is signed gets through, all else is not believed.
//! That codes are right the vectors of RFC 9235 say, in the crate.

mod chosen;
mod pair;

use coremill_tcp::authentication::{AoAlgorithm, AoKey, AoPolicy, KeyError, PeerKey, Prefix};
use coremill_tcp::limits::SynCookies;
use coremill_tcp::packet::Quoted;
use coremill_tcp::snapshot::Cursor;
use coremill_tcp::{DropReason, State, Unreachable, Verdict};

use self::pair::{AO, Pair, client_key, open, other, pull, put, server_key, state};
use super::harness::{OURS, THEIRS, seconds};

const ALGORITHMS: [AoAlgorithm; 2] = [AoAlgorithm::HmacSha1, AoAlgorithm::Aes128Cmac];

#[test]
fn a_whole_life_is_signed_with_each_algorithm_with_and_without_options() {
    // RFC 5925, sections 1.2 and 7.4.
    for algorithm in ALGORITHMS {
        for excludes_options in [false, true] {
            for mac_bytes in [12, 16, 10] {
                let ao = AoKey {
                    algorithm,
                    excludes_options,
                    mac_bytes,
                    ..AO
                };
                a_whole_life(ao);
            }
        }
    }
}

fn a_whole_life(ao: AoKey) {
    let (mut pair, client, server) = Pair::established(b"testvector", ao);
    let now = pair.now;
    pair.send(client, &[7; 5_000]);
    pair.pass(1);
    assert_eq!(pair.read(server), [7; 5_000]);
    pair.client.shutdown(now, client).unwrap();
    pair.exchange();
    pair.server.close(now, server);
    pair.exchange();
    pair.client.close(now, client);
    pair.pass(1);
    // TIME-WAIT answers a FIN that comes again, signed.
    let last = pair.seen.iter().rev().find(|sent| sent.bytes[13] & 1 != 0);
    let fin = last.expect("a FIN").clone();
    put(&mut pair.client, pair.now, &fin);
    let answer = pull(&mut pair.client, pair.now).expect("an ACK");
    pair.seen.push(answer);
    for sent in &pair.seen {
        assert_eq!(sent.bytes[20], 29, "{:?}", sent.bytes);
        assert_eq!(sent.bytes[21], 4 + ao.mac_bytes);
        assert!(sent.bytes.len() <= 1_480);
    }
    let good = pair.server.counters().ao_good.get();
    assert!(good > 5, "{good}");
    pair.pass(70);
    let name = server_key(b"testvector", ao).name();
    pair.server
        .remove_listener_key(pair.listener, name)
        .unwrap();
    for shard in [&pair.client, &pair.server] {
        assert_eq!((shard.live_records(), shard.live_pool_entries()), (0, 0));
    }
}

#[test]
fn another_secret_another_id_or_none_gets_no_answer() {
    // RFC 5925, section 7.3.
    let mut pair = Pair::with_key(b"a", AO, |_| {});
    let wrong_id = AoKey { send_id: 1, ..AO };
    let short = AoKey { mac_bytes: 8, ..AO };
    let md5 = PeerKey::md5(Prefix::of(THEIRS), b"a").unwrap();
    for keys in [
        &[client_key(b"b", AO)][..],
        &[client_key(b"a", wrong_id)],
        &[client_key(b"a", short)],
        &[md5],
        &[],
    ] {
        let id = pair.connect(keys);
        pair.exchange();
        assert_eq!(state(&pair.client, pair.now, id), State::SynSent);
        assert_eq!(pair.server.live_records(), 0);
    }
    let counters = pair.server.counters();
    assert_eq!(counters.ao_bad.get(), 2);
    assert_eq!(counters.ao_key_not_found.get(), 1);
    assert_eq!(counters.ao_required.get(), 1);
    assert_eq!(counters.md5_unexpected.get(), 1);
}

#[test]
fn what_was_changed_or_played_again_is_not_believed() {
    let (mut pair, client, server) = Pair::established(b"a", AO);
    let now = pair.now;
    pair.client.send(now, client, b"data").unwrap();
    let sent = pull(&mut pair.client, now).expect("data");
    for at in [4, 8, 13, 14, 22, 24, sent.bytes.len() - 1] {
        let mut forged = sent.clone();
        forged.bytes[at] ^= 1;
        let verdict = put(&mut pair.server, now, &forged);
        let expected = match at {
            // Another KeyID.
            22 => DropReason::SignatureUnexpected,
            _ => DropReason::BadSignature,
        };
        assert_eq!(verdict, Verdict::Dropped(expected), "byte {at}");
    }
    let mut reset = sent.clone();
    reset.bytes.truncate(20);
    reset.bytes[12] = 5 << 4;
    reset.bytes[13] = 4;
    let verdict = put(&mut pair.server, now, &reset);
    assert_eq!(verdict, Verdict::Dropped(DropReason::SignatureMissing));
    assert_eq!(pull(&mut pair.server, now).map(|sent| sent.bytes), None);
    put(&mut pair.server, now, &sent);
    assert_eq!(pair.read(server), b"data");
    let info = pair.server.ao_info(server).expect("TCP-AO");
    assert_eq!((info.counts.bad, info.counts.key_not_found), (6, 1));
    assert_eq!(info.counts.required, 1);
}

#[test]
fn segments_of_a_former_connection_of_the_same_ends_are_not_believed() {
    // RFC 5925, section 5.2: traffic keys are bound to both initial sequence numbers.
    let (mut pair, client, _) = Pair::established(b"a", AO);
    let flow = pair.client.flow(client).unwrap();
    pair.send(client, b"old");
    let old = pair.seen.iter().rev().find(|sent| sent.source == OURS);
    let old = old.unwrap().clone();
    pair.client.abort(pair.now, client);
    pair.exchange();
    pair.now = pair.now + seconds(1);
    let (port, keys) = (Some(flow.local.port), [client_key(b"a", AO)]);
    pair.try_connect(port, &keys, AoPolicy::default()).unwrap();
    pair.exchange();
    let verdict = put(&mut pair.server, pair.now, &old);
    assert_eq!(verdict, Verdict::Dropped(DropReason::BadSignature));
}

#[test]
fn keys_roll_over_without_a_gap() {
    // RFC 5925, sections 3.3 and 4: one current key and one that is asked for, at a time.
    // RFC 5925, section 7.2 and 7.5: RNextKeyID asks, and the peer's current key follows.
    let (mut pair, client, server) = Pair::established(b"a", AO);
    let now = pair.now;
    assert_eq!(pair.last_option(OURS)[2..], [61, 84]);
    assert_eq!(pair.last_option(THEIRS)[2..], [84, 61]);
    let (new_client, new_server) = (client_key(b"new", other(AO)), server_key(b"new", other(AO)));
    pair.client
        .add_connection_key(now, client, new_client.clone())
        .unwrap();
    pair.server
        .add_connection_key(now, server, new_server.clone())
        .unwrap();
    pair.send(client, b"old");
    assert_eq!(
        pair.last_option(OURS)[2..],
        [61, 84],
        "nobody has asked yet"
    );
    // The client asks for the new one, the server answers with it and the client's own stays.
    pair.client
        .choose_ao_keys(now, client, None, Some(8))
        .unwrap();
    pair.send(client, b"asks");
    pair.pass(1);
    assert_eq!(pair.last_option(OURS)[2..], [61, 8]);
    assert_eq!(
        pair.last_option(THEIRS),
        [29, 20, 8, 61],
        "the longer code of the new key"
    );
    pair.server
        .choose_ao_keys(now, server, None, Some(7))
        .unwrap();
    pair.send(client, b"hears");
    pair.pass(1);
    pair.send(client, b"new");
    assert_eq!(pair.last_option(OURS), [29, 20, 7, 8]);
    let used = pair
        .client
        .remove_connection_key(now, client, new_client.name());
    assert_eq!(used, Err(KeyError::InUse));
    let old = client_key(b"a", AO).name();
    pair.client.remove_connection_key(now, client, old).unwrap();
    let gone = pair.client.remove_connection_key(now, client, old);
    assert_eq!(gone, Err(KeyError::NoKey));
    pair.send(client, &[9; 4_000]);
    pair.pass(1);
    let all = [&b"oldaskshearsnew"[..], &[9; 4_000]].concat();
    assert_eq!(pair.read(server), all);
    assert!(pair.seen.iter().all(|sent| sent.bytes.len() <= 1_480));
    let chosen = pair.client.choose_ao_keys(now, client, Some(99), None);
    assert_eq!(chosen, Err(KeyError::NoKey));
    let info = pair.client.ao_info(client).unwrap();
    assert_eq!((info.current_id, info.next_id), (7, 8));
}

#[test]
fn keys_of_one_socket_do_not_get_in_each_others_way() {
    // RFC 5925, sections 2.2, 3.1 and 8; Linux: EEXIST and EKEYREJECTED.
    let mut pair = Pair::with_key(b"a", AO, |_| {});
    let listener = pair.listener;
    let mut add = |key| pair.server.add_listener_key(listener, key);
    assert_eq!(add(server_key(b"b", AO)), Err(KeyError::Exists));
    let same_receive = AoKey {
        receive_id: 3,
        ..AO
    };
    assert_eq!(add(server_key(b"b", same_receive)), Err(KeyError::Exists));
    let md5 = |address| PeerKey::md5(Prefix::of(address), b"a").unwrap();
    assert_eq!(add(md5(OURS)), Err(KeyError::Rejected));
    assert_eq!(add(md5(THEIRS)), Ok(()));
    let everybody = Prefix::new(OURS, 0).unwrap();
    let wide = PeerKey::ao(everybody, b"a", other(AO)).unwrap();
    assert_eq!(
        add(wide),
        Err(KeyError::Rejected),
        "it covers the one of MD5"
    );
    for mac_bytes in [0, 3, 17] {
        let refused = PeerKey::ao(everybody, b"a", AoKey { mac_bytes, ..AO });
        assert_eq!(refused.unwrap_err(), KeyError::Invalid);
    }
}

#[test]
fn tcp_ao_begins_with_a_connection_or_not_at_all() {
    let mut pair = Pair::new(|_| {});
    let client = pair.connect(&[]);
    pair.exchange();
    let key = client_key(b"a", AO);
    let added = pair.client.add_connection_key(pair.now, client, key);
    assert_eq!(added, Err(KeyError::Invalid));
    let chosen = pair.client.choose_ao_keys(pair.now, client, Some(61), None);
    assert_eq!(chosen, Err(KeyError::Invalid));
    let set = pair.client.set_ao_accepts_icmps(client, true);
    assert_eq!(set, Err(KeyError::Invalid));
    assert_eq!(pair.client.ao_info(client), None);
    pair.send(client, b"plain");
}

#[test]
fn a_cookie_is_signed_too() {
    let mut pair = Pair::with_key(b"a", AO, |limits| {
        limits.opening.syn_cookies = SynCookies::Always;
    });
    let client = pair.connect(&[client_key(b"a", AO)]);
    pair.exchange();
    let server = pair.server.accept(pair.listener).expect("a connection");
    assert_eq!(pair.server.counters().syncookies_received.get(), 1);
    pair.send(client, b"data");
    assert_eq!(pair.read(server), b"data");
}

#[test]
fn a_syn_ack_whose_key_is_gone_is_not_sent() {
    // As Linux: nothing unsigned instead.
    let mut pair = Pair::with_key(b"a", AO, |_| {});
    pair.connect(&[client_key(b"a", AO)]);
    let syn = pull(&mut pair.client, pair.now).expect("SYN");
    put(&mut pair.server, pair.now, &syn);
    let name = server_key(b"a", AO).name();
    pair.server
        .remove_listener_key(pair.listener, name)
        .unwrap();
    pair.listen_with(b"a", other(AO));
    assert_eq!(
        pull(&mut pair.server, pair.now).map(|sent| sent.bytes),
        None
    );
    assert_eq!(pair.server.live_records(), 0);
}

#[test]
fn resets_are_signed_both_ways() {
    let (mut pair, client, server) = Pair::established(b"a", AO);
    pair.client.abort(pair.now, client);
    pair.exchange();
    assert_eq!(pair.last_option(OURS)[..2], [29, 16]);
    let error = pair.server.error(server);
    assert_eq!(error, Some(coremill_tcp::error::ConnectionError::Reset));
}

#[test]
fn both_may_open_at_once() {
    let mut pair = Pair::new(|_| {});
    let client = pair.connect(&[client_key(b"a", AO)]);
    let flow = pair.client.flow(client).unwrap();
    let (ends, keys) = ((THEIRS, Some(179), flow.local), [server_key(b"a", AO)]);
    let policy = AoPolicy::default();
    let server = open(&mut pair.server, pair.now, ends, &keys, policy).unwrap();
    let (one, another) = (
        pull(&mut pair.client, pair.now).expect("SYN"),
        pull(&mut pair.server, pair.now).expect("SYN"),
    );
    put(&mut pair.client, pair.now, &another);
    put(&mut pair.server, pair.now, &one);
    pair.exchange();
    assert_eq!(state(&pair.client, pair.now, client), State::Established);
    assert_eq!(state(&pair.server, pair.now, server), State::Established);
    pair.send(client, b"data");
    assert_eq!(pair.read(server), b"data");
}

#[test]
fn icmp_errors_are_not_believed_unless_the_user_says_so() {
    // RFC 5925, section 7.8.
    let (mut pair, client, _) = Pair::established(b"a", AO);
    let now = pair.now;
    pair.client.send(now, client, &[1; 3_000]).unwrap();
    let sent = pull(&mut pair.client, now).expect("data");
    let flow = pair.client.flow(client).unwrap();
    let sequence = u32::from_be_bytes(*sent.bytes[4..].first_chunk().unwrap());
    let quoted = |error| Quoted {
        flow,
        sequence,
        error,
    };
    let too_big = quoted(Unreachable::TooBig { mtu: 1_000 });
    let ignored = Verdict::Dropped(DropReason::IcmpIrrelevant);
    for error in [Unreachable::Port, Unreachable::Protocol, too_big.error] {
        assert_eq!(pair.client.unreachable(now, &quoted(error)), ignored);
    }
    let counters = pair.client.counters();
    assert_eq!(
        (
            counters.ao_dropped_icmps.get(),
            counters.path_mtu_changes.get()
        ),
        (3, 0)
    );
    pair.client.set_ao_accepts_icmps(client, true).unwrap();
    let taken = pair.client.unreachable(now, &too_big);
    assert_eq!(taken, Verdict::Accepted { progress: false });
    assert_eq!(counters.path_mtu_changes.get(), 1);
    let mut cursor = Cursor::default();
    pair.client
        .connection_rows(now, &mut cursor, 1, &mut |row| {
            assert_eq!(row.maximum_segment_bytes, 1_000 - 40 - 16);
        });
}

#[test]
fn a_connection_goes_on_beyond_the_end_of_sequence_space() {
    // RFC 5925, section 6.2: the extension goes up on both sides.
    let mut pair = Pair::with_key(b"a", AO, |_| {});
    let probe = pair.connect(&[]);
    let flow = pair.client.flow(probe).unwrap();
    let syn = pull(&mut pair.client, pair.now).expect("SYN");
    let number = u32::from_be_bytes(*syn.bytes[4..].first_chunk().unwrap());
    pair.client.abort(pair.now, probe);
    // Initial sequence numbers follow a clock of 4 us.
    let left = 0xffff_f000_u32.wrapping_sub(number);
    pair.now = pair.now + std::time::Duration::from_micros(4 * u64::from(left));
    let (port, keys) = (Some(flow.local.port), [client_key(b"a", AO)]);
    let client = pair.try_connect(port, &keys, AoPolicy::default()).unwrap();
    pair.exchange();
    let server = pair.server.accept(pair.listener).expect("a connection");
    for _ in 0..4 {
        pair.send(client, &[5; 3_000]);
        pair.pass(1);
        assert_eq!(pair.read(server), [5; 3_000]);
    }
    let numbers: Vec<u32> = pair
        .seen
        .iter()
        .filter(|sent| sent.source == OURS)
        .map(|sent| u32::from_be_bytes(*sent.bytes[4..].first_chunk().unwrap()))
        .collect();
    assert!(numbers.iter().any(|number| *number > 0xffff_f000));
    assert!(numbers.iter().any(|number| (1..9_000).contains(number)));
    let info = pair.server.ao_info(server).unwrap();
    assert_eq!((info.counts.bad, info.counts.key_not_found), (0, 0));
}
