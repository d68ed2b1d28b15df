//! What the engine may send, judged by an independent codec.

use coremill_tcp::checksum::{self, Sum};
use etherparse::{ArpOperation, NetSlice, SlicedPacket, TransportSlice};

use crate::{OUR_MAC, OURS};

/// Asserts that a frame is sound, from us and to a single station, or an ARP request to all.
pub fn assert_sound(frame: &[u8]) {
    let packet = SlicedPacket::from_ethernet(frame).expect("a sound frame");
    let Some(etherparse::LinkSlice::Ethernet2(link)) = &packet.link else {
        panic!("no Ethernet header");
    };
    assert_eq!(link.source(), OUR_MAC);
    let to_group = link.destination()[0] & 1 != 0;
    match packet.net.as_ref().expect("ARP or IP") {
        NetSlice::Arp(arp) => {
            let arp = arp.to_packet().try_eth_ipv4().expect("ARP for IPv4");
            assert_eq!((arp.sender_mac, arp.sender_ipv4), (OUR_MAC, OURS));
            assert!(!to_group || arp.operation == ArpOperation::REQUEST);
        }
        NetSlice::Ipv4(ip) => {
            assert!(!to_group, "an IP packet to a group");
            let header = ip.header();
            assert_eq!(header.source(), OURS);
            assert!(is_peer(header.destination()), "{:?}", header.destination());
            assert!(
                checksum::verify(header.slice(), Sum::default()),
                "IP checksum"
            );
            assert_eq!(
                frame.len(),
                14 + usize::from(header.total_len()),
                "trailing bytes"
            );
            let pseudo = checksum::pseudo_header(
                header.source_addr().into(),
                header.destination_addr().into(),
                header.protocol().0,
                ip.payload().payload.len(),
            );
            match packet.transport.as_ref().expect("ICMP or TCP") {
                TransportSlice::Icmpv4(_) => {
                    assert!(
                        checksum::verify(ip.payload().payload, Sum::default()),
                        "ICMP checksum"
                    );
                }
                TransportSlice::Tcp(_) => {
                    assert!(
                        checksum::verify(ip.payload().payload, pseudo),
                        "TCP checksum"
                    );
                    assert!(header.dont_fragment());
                }
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other:?}"),
    }
}

/// True for what can be a single host: we answer to no one else.
fn is_peer(address: [u8; 4]) -> bool {
    let [first, ..] = address;
    let broadcast = [[10, 0, 0, 0], [10, 0, 0, 255]].contains(&address);
    first != 0 && first != 127 && first < 224 && !broadcast
}
