//! What a port does with several segments in one (TSO): it cuts them, as network cards do.

use coremill_tcp::Outgoing;

/// The segments of what `next_segments` gave, checksum fields zero.
pub fn cut(outgoing: &Outgoing, bytes: &[u8]) -> Vec<Vec<u8>> {
    let (header, payload) = bytes.split_at(outgoing.header_length);
    if outgoing.segment_payload == 0 {
        return vec![bytes.to_vec()];
    }
    let pieces: Vec<_> = payload
        .chunks(usize::from(outgoing.segment_payload))
        .collect();
    let first = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let segment = |(index, piece): (usize, &&[u8])| {
        let mut segment = header.to_vec();
        let offset = index as u32 * u32::from(outgoing.segment_payload);
        segment[4..8].copy_from_slice(&first.wrapping_add(offset).to_be_bytes());
        if index + 1 < pieces.len() {
            segment[FLAGS] &= !(FIN | PSH);
        }
        if index > 0 {
            segment[FLAGS] &= !CWR;
        }
        segment.extend_from_slice(piece);
        segment
    };
    pieces.iter().enumerate().map(segment).collect()
}

const FLAGS: usize = 13;
const FIN: u8 = 1;
const PSH: u8 = 8;
const CWR: u8 = 128;
