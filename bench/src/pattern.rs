//! Seeded pattern (temporary).
pub fn fill(seed: u64, offset: u64, out: &mut [u8]) {
    for (i, b) in out.iter_mut().enumerate() {
        let o = offset + i as u64;
        *b = word(seed, o / 8).to_le_bytes()[(o % 8) as usize];
    }
}
pub fn mismatches(seed: u64, offset: u64, data: &[u8]) -> usize {
    let mut v = vec![0; data.len()];
    fill(seed, offset, &mut v);
    v.iter().zip(data).filter(|(a, b)| a != b).count()
}
fn word(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add(i).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
