//! Checksums against the definition, word by word, and against etherparse.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::TcpHeaderSlice;
use proptest::prelude::*;

use super::{PROTOCOL_TCP, Sum, fill, pseudo_header, sum, verify};

/// RFC 1071, section 1, taken literally.
fn defined(bytes: &[u8]) -> u16 {
    let mut total: u32 = 0;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]);
        total += u32::from(word);
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

#[test]
fn the_example_of_rfc_1071() {
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(sum(&bytes).finish(), !0xddf2);
}

#[test]
fn a_field_that_is_not_there_is_not_filled() {
    let mut bytes = [1; 4];
    assert!(!fill(&mut bytes, 3, Sum::default()));
    assert_eq!(bytes, [1; 4]);
}

#[test]
fn sums_of_ones_do_not_vanish() {
    // 0xffff is the other zero of one's complement: a sum that is not zero stays so.
    assert_eq!(sum(&[0xff; 64]).finish(), 0);
    assert_eq!(sum(&[0; 64]).finish(), 0xffff);
    assert_eq!(
        sum(&[0xff; 64]).plus(sum(&[0xff; 7])).finish(),
        defined(&[&[0xff; 64][..], &[0xff; 7]].concat())
    );
}

proptest! {
    #[test]
    fn sums_are_as_defined(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        prop_assert_eq!(sum(&bytes).finish(), defined(&bytes));
    }

    #[test]
    fn pieces_add_up(bytes in prop::collection::vec(any::<u8>(), 1..300), cut: prop::sample::Index) {
        let (head, tail) = bytes.split_at(cut.index(bytes.len()));
        let joined = sum(head).followed_by(head.len(), sum(tail));
        prop_assert_eq!(joined.finish(), defined(&bytes));
    }

    #[test]
    fn a_word_can_be_replaced(mut bytes in prop::collection::vec(any::<u8>(), 40), at in 0_usize..20, new: u16) {
        // An all-zero message has another sum of zero than the arithmetic: RFC 1624, section 3.
        bytes[39] |= 1;
        prop_assume!(at != 19);
        let before = sum(&bytes);
        let old = u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]);
        bytes[2 * at..2 * at + 2].copy_from_slice(&new.to_be_bytes());
        prop_assert_eq!(before.with_replaced(old, new).finish(), defined(&bytes));
    }

    #[test]
    fn etherparse_agrees_and_a_flipped_bit_is_seen(
        addresses: ([u8; 4], [u8; 4]), wide: ([u8; 16], [u8; 16]), is_wide: bool,
        payload in prop::collection::vec(any::<u8>(), 0..200), flip: prop::sample::Index,
    ) {
        let mut segment = vec![0; 20];
        segment[12] = 5 << 4;
        segment.extend_from_slice(&payload);
        let (source, destination): (IpAddr, IpAddr) = if is_wide {
            (Ipv6Addr::from(wide.0).into(), Ipv6Addr::from(wide.1).into())
        } else {
            (Ipv4Addr::from(addresses.0).into(), Ipv4Addr::from(addresses.1).into())
        };
        let pseudo = pseudo_header(source, destination, PROTOCOL_TCP, segment.len());
        prop_assert!(fill(&mut segment, 16, pseudo));
        prop_assert!(verify(&segment, pseudo));
        let header = TcpHeaderSlice::from_slice(&segment[..20]).expect("well-formed");
        let oracle = if is_wide {
            header.calc_checksum_ipv6_raw(wide.0, wide.1, &payload)
        } else {
            header.calc_checksum_ipv4_raw(addresses.0, addresses.1, &payload)
        };
        prop_assert_eq!(oracle.expect("short enough"), header.checksum());
        let bit = flip.index(segment.len() * 8);
        segment[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify(&segment, pseudo));
    }
}
