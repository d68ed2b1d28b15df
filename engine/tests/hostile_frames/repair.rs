//! Makes a damaged frame sound again as far as checksums go, so that it gets further.

use coremill_tcp::checksum::{self, Sum};

/// Fills in the checksums of an IPv4 packet, as far as its lengths make sense.
pub fn repair(frame: &mut [u8]) {
    let Some(packet) = frame.get_mut(14..).filter(|packet| packet.len() >= 20) else {
        return;
    };
    let header_length = usize::from(packet[0] & 15) * 4;
    let total_length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if packet[0] >> 4 != 4 || header_length < 20 || total_length > packet.len() {
        return;
    }
    let Some((header, payload)) = packet[..total_length].split_at_mut_checked(header_length) else {
        return;
    };
    checksum::fill(header, 10, Sum::default());
    let address = |at: usize| {
        std::net::Ipv4Addr::from_bits(u32::from_be_bytes([
            header[at],
            header[at + 1],
            header[at + 2],
            header[at + 3],
        ]))
    };
    let protocol = header[9];
    let pseudo = checksum::pseudo_header(
        address(12).into(),
        address(16).into(),
        protocol,
        payload.len(),
    );
    match protocol {
        1 => checksum::fill(payload, 2, Sum::default()),
        6 => checksum::fill(payload, 16, pseudo),
        17 => checksum::fill(payload, 6, pseudo),
        _ => false,
    };
}
