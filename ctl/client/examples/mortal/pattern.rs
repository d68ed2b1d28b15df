//! Bytes that both ends know.

/// The byte at a position.
pub fn byte(at: usize) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
}

/// So many bytes from a position on.
pub fn bytes(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(byte).collect()
}
