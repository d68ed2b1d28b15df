//! What is remembered of paths, for how long, and what makes room.

use super::*;

const LIFETIME: Duration = Duration::from_secs(600);

fn hash() -> FlowHash {
    FlowHash::new(&[7; 16])
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

#[test]
fn a_path_is_known_until_it_expires() {
    let mut paths = PathMtus::new(16, hash());
    let now = Instant::from_millis(1_000);
    assert_eq!(paths.find(now, address(1)), None);
    let expires = paths.learn(now, address(1), 1_400, LIFETIME);
    assert_eq!(expires, now + LIFETIME);
    let last = now + (LIFETIME - Duration::from_nanos(1));
    assert_eq!(paths.find(last, address(1)), Some((1_400, expires)));
    assert_eq!(paths.find(last, address(2)), None);
    assert_eq!(paths.find(expires, address(1)), None);
}

#[test]
fn a_path_learnt_anew_has_one_place() {
    let mut paths = PathMtus::new(1, hash());
    let now = Instant::from_millis(1_000);
    for last in 1..=4 {
        paths.learn(now, address(last), 1_400, LIFETIME);
    }
    let later = now + Duration::from_secs(1);
    paths.learn(later, address(3), 1_300, LIFETIME);
    for (last, mtu) in [(1, 1_400), (2, 1_400), (3, 1_300), (4, 1_400)] {
        let known = paths.find(later, address(last));
        assert_eq!(known.map(|(mtu, _)| mtu), Some(mtu));
    }
}

#[test]
fn what_expires_first_makes_room() {
    let mut paths = PathMtus::new(4, hash());
    let start = Instant::from_millis(1_000);
    for last in 1..=5 {
        let now = start + Duration::from_secs(u64::from(last));
        paths.learn(now, address(last), 1_400, LIFETIME);
    }
    let now = start + Duration::from_secs(6);
    assert_eq!(paths.find(now, address(1)), None);
    for last in 2..=5 {
        assert!(paths.find(now, address(last)).is_some());
    }
}
