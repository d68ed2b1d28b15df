use super::*;
use crate::test_packet::{OURS, PEER, local_addresses};

#[test]
fn knows_its_addresses_and_their_ports() {
    let local = local_addresses();
    assert_eq!(local.port_of(OURS.into()), Some(0));
    assert_eq!(local.port_of(Ipv4Addr::new(10, 1, 0, 1).into()), Some(1));
    assert_eq!(local.port_of(PEER.into()), None);
    assert!(local.contains(OURS.into()));
    assert_eq!(
        local.first(1, PEER.into()),
        Some(Ipv4Addr::new(10, 1, 0, 1).into())
    );
    assert_eq!(local.first(2, PEER.into()), None);
    assert_eq!(local.first(0, std::net::Ipv6Addr::LOCALHOST.into()), None);
}

#[test]
fn broadcast_addresses_follow_from_prefixes() {
    let local = local_addresses();
    for broadcast in [[10, 0, 0, 255], [10, 0, 0, 0], [255, 255, 255, 255]] {
        assert!(local.is_broadcast(broadcast.into()), "{broadcast:?}");
    }
    // A /31 has no broadcast address (RFC 3021), and 10.2/16 is not ours.
    for host in [
        [10, 1, 0, 0],
        [10, 1, 0, 1],
        [10, 0, 0, 1],
        [10, 2, 255, 255],
    ] {
        assert!(!local.is_broadcast(host.into()), "{host:?}");
    }
}

#[test]
fn odd_prefixes_do_no_harm() {
    for prefix_length in [0, 1, 30, 31, 32, 33, 128, 255] {
        let local = LocalAddresses::new([LocalAddress {
            address: OURS.into(),
            prefix_length,
            port: 0,
        }]);
        assert!(local.contains(OURS.into()));
        assert!(!local.is_broadcast(OURS));
        assert_eq!(local.towards(0, PEER.into()), Some(OURS.into()));
    }
}

#[test]
fn speaks_with_the_address_of_the_neighbours_network() {
    let address = |octets: [u8; 4]| LocalAddress {
        address: IpAddr::V4(octets.into()),
        prefix_length: 24,
        port: 0,
    };
    let local = LocalAddresses::new([address([10, 0, 0, 1]), address([10, 0, 9, 1])]);
    let towards = |octets: [u8; 4]| local.towards(0, IpAddr::V4(octets.into()));
    assert_eq!(
        towards([10, 0, 9, 7]),
        Some(IpAddr::V4([10, 0, 9, 1].into()))
    );
    assert_eq!(
        towards([192, 0, 2, 1]),
        Some(IpAddr::V4([10, 0, 0, 1].into()))
    );
    assert_eq!(local.towards(1, PEER.into()), None);
}
