use coremill_tcp::authentication::Prefix;

use super::*;

fn key(peer: &str, secret: &[u8]) -> PeerKey {
    PeerKey::md5(Prefix::of(peer.parse().unwrap()), secret).unwrap()
}

#[test]
fn keys_are_kept_for_their_owner_up_to_a_bound() {
    let mut store = KeyStore::new(2);
    store.add(1, key("10.0.0.1", b"a")).unwrap();
    store.add(2, key("10.0.0.1", b"b")).unwrap();
    assert_eq!(store.add(3, key("10.0.0.1", b"c")), Err(KeyError::NoRoom));
    store.add(2, key("10.0.0.1", b"d")).unwrap();
    assert_eq!((store.of(1).count(), store.of(2).count()), (1, 1));
    let name = key("10.0.0.1", b"a").name();
    assert_eq!(store.remove(3, name), Err(KeyError::NoKey));
    store.remove(1, name).unwrap();
    assert_eq!((store.of(1).count(), store.of(2).count()), (0, 1));
    store.forget(2);
    assert_eq!(store.of(2).count(), 0);
}

#[test]
fn all_of_one_go_to_another_or_none() {
    let (mut store, mut small) = (KeyStore::new(4), KeyStore::new(1));
    store.add(1, key("10.0.0.1", b"a")).unwrap();
    store.add(1, key("10.0.0.2", b"b")).unwrap();
    assert_eq!(store.give(1, &mut small, 7), Err(KeyError::NoRoom));
    assert_eq!((store.of(1).count(), small.of(7).count()), (2, 0));
    let mut other = KeyStore::new(4);
    other.add(7, key("10.0.0.3", b"stale")).unwrap();
    store.give(1, &mut other, 7).unwrap();
    assert_eq!((store.of(1).count(), other.of(7).count()), (0, 2));
}
