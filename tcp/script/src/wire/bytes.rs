//! Segments to bytes and options from bytes, exactly as a script orders and pads them.

use coremill_tcp::address::Flow;
use coremill_tcp::checksum;

use super::ao::{self, Initial};
use super::signature;
use crate::language::{Segment, TcpOption};

/// The bytes of a segment that the peer of `flow` sends; its payload is zeros.
pub fn build(flow: Flow, initial: Initial, segment: &Segment) -> Vec<u8> {
    let mut options = Vec::new();
    for option in segment.options.iter().flatten() {
        put(option, &mut options);
    }
    options.resize(options.len().next_multiple_of(4), 0);
    let words = u8::try_from((20 + options.len()) / 4).unwrap_or(15);
    let mut bytes = Vec::with_capacity(20 + options.len() + segment.length as usize);
    bytes.extend(flow.remote.port.to_be_bytes());
    bytes.extend(flow.local.port.to_be_bytes());
    bytes.extend(segment.sequence.to_be_bytes());
    bytes.extend(segment.acknowledgment.to_be_bytes());
    bytes.extend((u16::from(words) << 12 | segment.flags).to_be_bytes());
    bytes.extend(segment.window.unwrap_or(0).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(segment.urgent.to_be_bytes());
    bytes.extend(options);
    bytes.resize(bytes.len() + segment.length as usize, 0);
    let addresses = (flow.remote.address, flow.local.address);
    if let Some(secret) = signature::secret(segment) {
        signature::sign(addresses, &mut bytes, secret);
    }
    if let Some((_, _, secret)) = ao::signed(segment) {
        ao::sign(addresses, initial.of_theirs(), &mut bytes, secret);
    }
    let pseudo = checksum::pseudo_header(
        flow.remote.address,
        flow.local.address,
        checksum::PROTOCOL_TCP,
        bytes.len(),
    );
    checksum::fill(&mut bytes, coremill_tcp::header::CHECKSUM_OFFSET, pseudo);
    bytes
}

fn put(option: &TcpOption, bytes: &mut Vec<u8>) {
    match option {
        TcpOption::End => bytes.push(0),
        TcpOption::Nop => bytes.push(1),
        TcpOption::Mss(mss) => {
            bytes.extend([2, 4]);
            bytes.extend(mss.to_be_bytes());
        }
        TcpOption::WindowScale(shift) => bytes.extend([3, 3, *shift]),
        TcpOption::SackPermitted => bytes.extend([4, 2]),
        TcpOption::Sack(blocks) => {
            bytes.extend([5, length(8 * blocks.len())]);
            for (left, right) in blocks {
                bytes.extend(left.to_be_bytes());
                bytes.extend(right.to_be_bytes());
            }
        }
        TcpOption::Timestamps(value, echo) => {
            bytes.extend([8, 10]);
            bytes.extend(value.to_be_bytes());
            bytes.extend(echo.to_be_bytes());
        }
        TcpOption::AccurateEcn(order, counts) => {
            bytes.extend([172 + 2 * order, length(3 * counts.len())]);
            for count in counts {
                bytes.extend(count.to_be_bytes().into_iter().skip(1));
            }
        }
        // The digest is filled in when all else is there.
        TcpOption::Md5(_) => {
            bytes.extend([signature::KIND, length(signature::BYTES)]);
            bytes.extend([0; signature::BYTES]);
        }
        TcpOption::Ao(key_id, next_key_id, _) => {
            bytes.extend([ao::KIND, length(2 + ao::BYTES), *key_id, *next_key_id]);
            bytes.extend([0; ao::BYTES]);
        }
        TcpOption::FastOpen(cookie) => {
            bytes.extend([34, length(cookie.len())]);
            bytes.extend(cookie);
        }
        TcpOption::Other(kind, body) => {
            bytes.extend([*kind, length(body.len())]);
            bytes.extend(body);
        }
    }
}

/// An option's length with its kind and length bytes.
fn length(body: usize) -> u8 {
    u8::try_from(body + 2).unwrap_or(u8::MAX)
}

/// The options in a header, each no-operation included.
pub fn options(mut bytes: &[u8]) -> Vec<TcpOption> {
    let mut found = Vec::new();
    while let [kind, rest @ ..] = bytes {
        match kind {
            0 => found.push(TcpOption::End),
            1 => found.push(TcpOption::Nop),
            kind => {
                let length = rest.first().map_or(0, |length| usize::from(*length));
                let body = bytes.get(2..length).unwrap_or_default();
                found.push(option(*kind, body));
                bytes = bytes.get(length.max(2)..).unwrap_or_default();
                continue;
            }
        }
        bytes = rest;
    }
    found
}

fn option(kind: u8, body: &[u8]) -> TcpOption {
    match (kind, body) {
        (2, [high, low]) => TcpOption::Mss(u16::from_be_bytes([*high, *low])),
        (3, [shift]) => TcpOption::WindowScale(*shift),
        (4, []) => TcpOption::SackPermitted,
        (5, blocks) if blocks.len().is_multiple_of(8) => {
            let blocks = blocks.chunks_exact(8);
            TcpOption::Sack(blocks.map(|b| (word(&b[..4]), word(&b[4..]))).collect())
        }
        (8, stamps) if stamps.len() == 8 => {
            TcpOption::Timestamps(word(&stamps[..4]), word(&stamps[4..]))
        }
        (172 | 174, body) if body.len().is_multiple_of(3) && body.len() <= 9 => {
            let counts = body.chunks_exact(3).map(word).collect();
            TcpOption::AccurateEcn((kind - 172) / 2, counts)
        }
        (34, cookie) => TcpOption::FastOpen(cookie.to_vec()),
        (kind, body) => TcpOption::Other(kind, body.to_vec()),
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |word, byte| word << 8 | u32::from(*byte))
}
