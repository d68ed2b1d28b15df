use std::net::IpAddr;

use super::*;
use crate::authentication::Prefix;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3));

fn key(address: &str, length: u8, secret: &[u8]) -> PeerKey {
    let prefix = Prefix::new(address.parse().unwrap(), length).unwrap();
    PeerKey::md5(prefix, secret).unwrap()
}

fn secret_for(pool: &KeyPool, ring: &KeyRing, peer: IpAddr) -> Option<Vec<u8>> {
    let found = pool.md5_for(ring, peer);
    found.map(|key| key.secret.bytes().to_vec())
}

#[test]
fn the_longest_prefix_wins_whatever_came_first() {
    let mut pool = KeyPool::new(4);
    let mut ring = KeyRing::default();
    pool.add(&mut ring, key("10.1.0.0", 16, b"net")).unwrap();
    pool.add(&mut ring, key("0.0.0.0", 0, b"all")).unwrap();
    pool.add(&mut ring, key("10.1.2.3", 32, b"host")).unwrap();
    assert_eq!(secret_for(&pool, &ring, PEER).unwrap(), b"host");
    let other = "10.1.2.4".parse().unwrap();
    assert_eq!(secret_for(&pool, &ring, other).unwrap(), b"net");
    let far = "11.1.2.4".parse().unwrap();
    assert_eq!(secret_for(&pool, &ring, far).unwrap(), b"all");
}

#[test]
fn a_key_of_the_same_name_is_replaced() {
    let mut pool = KeyPool::new(1);
    let mut ring = KeyRing::default();
    pool.add(&mut ring, key("10.1.2.3", 32, b"one")).unwrap();
    pool.add(&mut ring, key("10.1.2.3", 32, b"two")).unwrap();
    assert_eq!(secret_for(&pool, &ring, PEER).unwrap(), b"two");
    assert_eq!(pool.live(), 1);
}

#[test]
fn a_full_pool_refuses_and_a_removed_key_makes_room() {
    let mut pool = KeyPool::new(1);
    let (mut ring, mut other) = (KeyRing::default(), KeyRing::default());
    let one = key("10.1.2.3", 32, b"one");
    pool.add(&mut ring, one.clone()).unwrap();
    assert_eq!(pool.add(&mut other, one.clone()), Err(KeyError::NoRoom));
    assert_eq!(pool.copy_for(&ring, PEER), None);
    assert_eq!(pool.remove(&mut other, one.name()), Err(KeyError::NoKey));
    pool.remove(&mut ring, one.name()).unwrap();
    assert!(ring.is_empty());
    pool.add(&mut other, one).unwrap();
    assert_eq!(pool.live(), 1);
}

#[test]
fn a_copy_has_the_keys_for_its_peer_alone() {
    let mut pool = KeyPool::new(8);
    let mut ring = KeyRing::default();
    pool.add(&mut ring, key("10.1.0.0", 16, b"net")).unwrap();
    pool.add(&mut ring, key("11.0.0.0", 8, b"far")).unwrap();
    pool.add(&mut ring, key("10.1.2.3", 32, b"host")).unwrap();
    let mut copy = pool.copy_for(&ring, PEER).unwrap();
    assert_eq!(pool.iter(&copy).count(), 2);
    pool.release(&mut ring);
    assert_eq!(secret_for(&pool, &copy, PEER).unwrap(), b"host");
    pool.release(&mut copy);
    assert_eq!((pool.live(), copy.is_empty()), (0, true));
}

#[test]
fn a_key_in_the_middle_can_be_removed() {
    let mut pool = KeyPool::new(8);
    let mut ring = KeyRing::default();
    let middle = key("10.1.0.0", 16, b"net");
    pool.add(&mut ring, key("10.1.2.3", 32, b"host")).unwrap();
    pool.add(&mut ring, middle.clone()).unwrap();
    pool.add(&mut ring, key("0.0.0.0", 0, b"all")).unwrap();
    pool.remove(&mut ring, middle.name()).unwrap();
    let left: Vec<_> = pool.iter(&ring).map(|key| key.peer.length()).collect();
    assert_eq!(left, [32, 0]);
}

#[test]
fn secrets_are_never_shown() {
    let shown = format!("{:?}", key("10.1.2.3", 32, b"hunter2"));
    assert!(
        shown.contains("Secret(..)") && !shown.contains("hunter2"),
        "{shown}"
    );
    assert!(!shown.contains("104, 117"), "{shown}");
}
