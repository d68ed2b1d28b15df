//! The vectors of RFC 9235, all of them.

use std::net::IpAddr;

use super::*;
use crate::authentication::{PeerKey, Prefix};

const VECTORS: &str = include_str!("rfc9235.txt");

/// One of them.
struct Vector<'a> {
    name: &'a str,
    ao: AoKey,
    source: IpAddr,
    destination: IpAddr,
    numbers: (SequenceNumber, SequenceNumber),
    traffic_key: Vec<u8>,
    header: Vec<u8>,
    data: Vec<u8>,
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.chars().filter(|c| *c != ' ').collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap())
        .collect()
}

fn number(hexadecimal: &str) -> SequenceNumber {
    SequenceNumber::new(u32::from_str_radix(hexadecimal, 16).unwrap())
}

fn vectors() -> Vec<Vector<'static>> {
    let lines: Vec<&str> = VECTORS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let first =
        |line: &&str| line.starts_with(|c: char| c.is_ascii_digit()) && line.contains("-96");
    let starts = lines.iter().enumerate().filter(|(_, line)| first(line));
    starts
        .map(|(at, line)| {
            let words: Vec<&str> = line.split(' ').collect();
            let algorithm = match words[1] {
                "hmac-sha-1-96" => AoAlgorithm::HmacSha1,
                "aes-128-cmac-96" => AoAlgorithm::Aes128Cmac,
                other => panic!("{other}"),
            };
            let (one, other) = lines[at + 1].split_once(' ').unwrap();
            Vector {
                name: words[0],
                ao: AoKey {
                    algorithm,
                    send_id: 61,
                    receive_id: 84,
                    mac_bytes: 12,
                    excludes_options: words[2] == "excluded",
                },
                source: words[3].parse().unwrap(),
                destination: words[4].parse().unwrap(),
                numbers: (number(one), number(other)),
                traffic_key: bytes(lines[at + 2]),
                header: bytes(lines[at + 3]),
                data: bytes(lines.get(at + 4).unwrap_or(&"")),
            }
        })
        .collect()
}

/// Traffic key and code of a vector, and the code that its segment carries.
fn results(vector: &Vector<'_>, segment: &[u8], extension: u32) -> (TrafficKey, Code, Vec<u8>) {
    let covered = Covered {
        source: vector.source,
        destination: vector.destination,
        bytes: segment,
        header_length: vector.header.len(),
    };
    let key = PeerKey::ao(Prefix::of(vector.destination), b"testvector", vector.ao).unwrap();
    let algorithm = vector.ao.algorithm;
    let traffic = TrafficKey::derive(algorithm, &key.secret, covered.ends(), vector.numbers);
    let code = traffic.code(&vector.ao, &covered, extension);
    (traffic, code, covered.code().to_vec())
}

#[test]
fn all_vectors_of_rfc_9235_hold() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 32);
    for vector in vectors {
        let segment = [&vector.header[..], &vector.data].concat();
        let (traffic, code, carried) = results(&vector, &segment, 0);
        assert_eq!(traffic.bytes(), vector.traffic_key, "{}", vector.name);
        assert_eq!(code[..12], carried, "{}", vector.name);
    }
}

#[test]
fn each_byte_that_is_covered_counts_and_no_other() {
    // RFC 5925, section 5.1.
    for vector in vectors() {
        let segment = [&vector.header[..], &vector.data].concat();
        let (_, _, carried) = results(&vector, &segment, 0);
        let option = vector.header.len() - 16;
        for at in 0..segment.len() {
            let mut changed = segment.clone();
            changed[at] ^= 1;
            let is_code = (option + 4..option + 16).contains(&at);
            let is_checksum = (16..18).contains(&at);
            let is_other_option = (20..option).contains(&at);
            if (option..option + 2).contains(&at) || is_other_option && !vector.ao.excludes_options
            {
                // Kinds and lengths: it is another header then.
                continue;
            }
            let (_, code, _) = results(&vector, &changed, 0);
            let is_free = is_code || is_checksum || is_other_option && vector.ao.excludes_options;
            if !(is_other_option && vector.ao.excludes_options) {
                assert_eq!(code[..12] == carried, is_free, "{} byte {at}", vector.name);
            }
        }
        let (_, code, _) = results(&vector, &segment, 1);
        assert_ne!(code[..12], carried, "the extension counts");
    }
}

#[test]
fn options_are_covered_unless_they_are_excluded() {
    for vector in vectors().into_iter().filter(|vector| vector.data.len() > 1) {
        // Data segments begin with NOP NOP timestamps: the last byte of TSecr.
        let mut segment = [&vector.header[..], &vector.data].concat();
        segment[31] ^= 1;
        let (_, code, carried) = results(&vector, &segment, 0);
        assert_eq!(
            code[..12] == carried,
            vector.ao.excludes_options,
            "{}",
            vector.name
        );
    }
}

#[test]
fn a_key_of_sixteen_bytes_is_taken_as_it_is() {
    // RFC 5926, section 3.1.1.2.
    assert_eq!(master_of_cmac(&[7; 16]), [7; 16]);
    assert_ne!(master_of_cmac(&[7; 15])[..15], [7; 15]);
    assert_ne!(master_of_cmac(&[7; 17]), [7; 16]);
}
