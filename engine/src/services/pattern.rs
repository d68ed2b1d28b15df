//! The seeded pattern that chargen sends, discard expects and the load generator checks.
//!
//! Byte `i` is byte `i % 8`, little-endian, of the SplitMix64 output for the state `seed + i / 8`;
//! so any piece can be made and checked on its own, and bytes moved by any distance are noticed.

/// Writes the pattern's bytes from `offset` on into `out`.
pub fn fill(seed: u64, offset: u64, out: &mut [u8]) {
    let (head, words) = out.split_at_mut(bytes_to_word(offset).min(out.len()));
    head.copy_from_slice(&word(seed, offset / 8)[offset_in_word(offset)..][..head.len()]);
    let first = offset.wrapping_add(head.len() as u64) / 8;
    for (index, piece) in (first..).zip(words.chunks_mut(8)) {
        piece.copy_from_slice(&word(seed, index)[..piece.len()]);
    }
}

/// How many bytes of `data` differ from the pattern's bytes from `offset` on.
pub fn mismatches(seed: u64, offset: u64, data: &[u8]) -> usize {
    let mut expected = [0; 1_024];
    let mut different = 0;
    for (index, piece) in (0u64..).zip(data.chunks(expected.len())) {
        let expected = &mut expected[..piece.len()];
        fill(seed, offset.wrapping_add(index * 1_024), expected);
        if expected != piece {
            different += expected.iter().zip(piece).filter(|(a, b)| a != b).count();
        }
    }
    different
}

/// Bytes from `offset` to the next whole word, 0 when it is at one.
fn bytes_to_word(offset: u64) -> usize {
    (8 - offset_in_word(offset)) % 8
}

fn offset_in_word(offset: u64) -> usize {
    (offset % 8) as usize
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn word(seed: u64, index: u64) -> [u8; 8] {
    let mut z = seed.wrapping_add(index).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

#[cfg(test)]
mod tests;
