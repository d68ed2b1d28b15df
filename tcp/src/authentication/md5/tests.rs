//! SYNs that Linux 6.18 signed with the key "Quagga", taken from its loopback device.

use super::*;
use crate::authentication::PeerKey;
use crate::authentication::Prefix;

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap())
        .collect()
}

fn is_right(address: &str, segment: &[u8], payload: &[u8]) -> bool {
    let address = address.parse().unwrap();
    let whole = [segment, payload].concat();
    let covered = Covered {
        source: address,
        destination: address,
        bytes: &whole,
        header_length: segment.len(),
    };
    let key = PeerKey::md5(Prefix::of(address), b"Quagga").unwrap();
    digest(&covered, &key.secret) == covered.code()
}

#[test]
fn linux_signs_ipv4_the_same() {
    let segment = bytes(
        "933ac395 64e1ec87 00000000 d002ffd7 fe3c0000 0101 1312 8e1076d51da79c910bc39d532572847b
         0204ffd7 01010402 0103030a",
    );
    assert!(is_right("127.0.0.1", &segment, b""));
    assert!(!is_right("127.0.0.2", &segment, b""));
    assert!(!is_right("127.0.0.1", &segment, b"more"));
}

#[test]
fn linux_signs_ipv6_the_same() {
    let mut segment = bytes(
        "a414aaeb 6521016e 00000000 d002ffc4 003c0000 0101 1312 99f602f50b8db1ee1150de84ec03586f
         0204ffc4 01010402 0103030a",
    );
    assert!(is_right("::1", &segment, b""));
    assert!(!is_right("::2", &segment, b""));
    // The checksum is not covered, nor are other options; the window is.
    segment[16] ^= 1;
    segment[43] ^= 1;
    assert!(is_right("::1", &segment, b""));
    segment[14] ^= 1;
    assert!(!is_right("::1", &segment, b""));
}
