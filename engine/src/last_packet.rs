//! The beginning of the packet a worker handled last, for the report of a panic.

use std::fmt;

/// Up to [`LastPacket::BYTES`] bytes of a packet.
#[derive(Clone, Copy, Debug)]
pub struct LastPacket {
    bytes: [u8; LastPacket::BYTES],
    length: u8,
}

impl LastPacket {
    /// Bytes kept: link, IP and TCP header.
    pub const BYTES: usize = 64;

    /// Keeps the beginning of `packet`.
    #[inline]
    pub fn set(&mut self, packet: &[u8]) {
        // Nearly every packet is longer: one copy of a length known beforehand.
        if let Some(start) = packet.first_chunk() {
            self.bytes = *start;
            self.length = Self::BYTES as u8;
            return;
        }
        let length = packet.len().min(Self::BYTES);
        if let (Some(kept), Some(start)) = (self.bytes.get_mut(..length), packet.get(..length)) {
            kept.copy_from_slice(start);
        }
        self.length = u8::try_from(length).unwrap_or(0);
    }
}

impl Default for LastPacket {
    fn default() -> Self {
        Self {
            bytes: [0; Self::BYTES],
            length: 0,
        }
    }
}

impl fmt::Display for LastPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length == 0 {
            return f.write_str("none");
        }
        let kept = self.bytes.iter().take(usize::from(self.length));
        for byte in kept {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
