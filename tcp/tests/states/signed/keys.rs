//! Keys of TCP-MD5: who inherits them, what changes when they come and go, and what happens where there is no room.

use super::*;

#[test]
fn a_child_keeps_its_key_when_the_listener_loses_it() {
    let mut test = established();
    let listener = test.listener.unwrap();
    let name = key(SECRET).name();
    test.shard.remove_listener_key(listener, name).unwrap();
    let again = test.shard.remove_listener_key(listener, name);
    assert_eq!(again, Err(KeyError::NoKey));
    is_refused(&mut test, &data(1, 1, b"forged"));
    test.inject(data(1, 1, b"asked"));
    test.expect_soon(ack(1, 6));
}

#[test]
fn the_key_of_a_connection_may_change_come_and_go() {
    let mut test = established();
    let (now, id) = (test.now, test.id());
    test.shard.add_connection_key(now, id, key(OTHER)).unwrap();
    test.signing = Some(Signing(OTHER));
    test.inject(data(1, 1, b"a"));
    test.expect_soon(ack(1, 2));
    let (now, name) = (test.now, key(OTHER).name());
    test.shard.remove_connection_key(now, id, name).unwrap();
    test.signing = None;
    test.inject(data(2, 1, b"b"));
    test.expect_soon(ack(1, 3));
    let gone = test.shard.remove_connection_key(now, id, name);
    assert_eq!(gone, Err(KeyError::NoKey));
    test.shard.add_connection_key(now, id, key(SECRET)).unwrap();
    assert_eq!(test.inject(data(3, 1, b"c")), MISSING);
    test.signing = Some(Signing(SECRET));
    test.send(b"signed");
    test.expect(data(1, 3, b"signed"));
}

#[test]
fn a_key_for_others_does_not_concern_a_connection() {
    let mut test = Test::established();
    let (now, id) = (test.now, test.id());
    let other = PeerKey::md5(Prefix::of(OURS), SECRET).unwrap();
    test.shard.add_connection_key(now, id, other).unwrap();
    test.inject(data(1, 1, b"plain"));
    assert_eq!(test.read(), b"plain");
}

#[test]
fn without_room_for_its_key_a_connection_does_not_open() {
    let mut test = listening(|limits| limits.keys_max = 1);
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    let full = Verdict::Dropped(DropReason::ConnectionTableFull);
    assert_eq!(test.inject(ack(1, 1)), full);
    assert_eq!(test.shard.counters().keys_exhausted.get(), 1);
    test.expect_nothing();

    let mut test = Test::new(|limits| limits.keys_max = 1);
    let refused = try_connect(&mut test, SECRET);
    assert_eq!(refused, Err(ConnectError::NoRoomForKeys));
    assert_eq!(test.shard.live_pool_entries(), 0);

    let mut test = Test::new(|limits| limits.extensions_max = 0);
    let refused = try_connect(&mut test, SECRET);
    assert_eq!(refused, Err(ConnectError::NoRoomForKeys));
    test.is_gone();
    assert_eq!(test.shard.live_pool_entries(), 0);
}

#[test]
fn a_listener_without_room_for_all_its_keys_accepts_nobody() {
    let mut test = Test::listening(|limits| limits.keys_max = 1);
    let listener = test.listener.unwrap();
    let other = PeerKey::md5(Prefix::of(OURS), SECRET).unwrap();
    let keys = [other, key(SECRET)];
    let set = test.shard.set_listener_keys(listener, keys.into_iter());
    assert_eq!(set, Err(KeyError::NoRoom));
    assert_eq!(test.inject(syn().mss(1_000)), MISSING);
    test.expect_nothing();
    let keys = [key(SECRET)];
    test.shard
        .set_listener_keys(listener, keys.into_iter())
        .unwrap();
    test.signing = Some(Signing(SECRET));
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
}

#[test]
fn a_key_has_one_to_eighty_bytes() {
    let peer = Prefix::of(THEIRS);
    assert_eq!(PeerKey::md5(peer, &[]).unwrap_err(), KeyError::Invalid);
    assert_eq!(PeerKey::md5(peer, &[1; 81]).unwrap_err(), KeyError::Invalid);
    assert!(PeerKey::md5(peer, &[1; 80]).is_ok());
    assert_eq!(key(SECRET).peer(), peer);
}

/// RFC 2385, section 2: without its key a connection would be open to everybody; so there is none.
#[test]
fn without_room_for_its_key_nothing_is_accepted() {
    let mut test = listening(|limits| limits.extensions_max = 0);
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.inject(ack(1, 1));
    let listener = test.listener.unwrap();
    assert_eq!(test.shard.accept(listener), None);
    assert_eq!(test.shard.counters().keys_exhausted.get(), 1);
    test.is_gone();
    let listeners_own = 1;
    assert_eq!(test.shard.live_pool_entries(), listeners_own);
}

/// An open connection whose key finds no room stays as it is.
#[test]
fn without_room_for_it_no_key_is_added() {
    let mut test = Test::established_with(|limits| limits.extensions_max = 0);
    let (now, id) = (test.now, test.id());
    let added = test.shard.add_connection_key(now, id, key(SECRET));
    assert_eq!(added, Err(KeyError::NoRoom));
    assert_eq!(test.shard.counters().extensions_exhausted.get(), 1);
    test.inject(data(1, 1, b"unsigned"));
    assert_eq!(test.read(), b"unsigned");
}
