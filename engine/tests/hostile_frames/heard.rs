//! A TCP segment that the engine sent, as far as an answer needs it.

/// A TCP segment that the engine sent.
#[derive(Clone, Copy)]
pub struct Heard {
    pub destination: [u8; 4],
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    pub payload_bytes: u32,
}

/// The engine's own packets have no IP options.
pub fn heard_segment(frame: &[u8]) -> Option<Heard> {
    let packet = frame.get(14..)?;
    let segment = packet.get(20..)?;
    if packet.first() != Some(&0x45) || packet.get(9) != Some(&6) || segment.len() < 20 {
        return None;
    }
    let half = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
    let word = |at: usize| u32::from(half(at)) << 16 | u32::from(half(at + 2));
    let header_length = usize::from(segment[12] >> 4) * 4;
    Some(Heard {
        destination: packet[16..20].try_into().ok()?,
        source_port: half(0),
        destination_port: half(2),
        sequence: word(4),
        acknowledgment: word(8),
        flags: segment[13],
        payload_bytes: u32::try_from(segment.len().checked_sub(header_length)?).ok()?,
    })
}
