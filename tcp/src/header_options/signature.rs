//! The options that authenticate a segment: TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925, section 2.2).
//!
//! One is written before all other options, as Linux does, with zeros where its code goes: the code covers the
//! finished segment and is filled in last. `authentication` computes and compares it.

/// Which option a segment carries, and what it says besides its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// TCP-MD5.
    Md5,
    /// TCP-AO.
    Ao {
        /// KeyID: which key made the code.
        key_id: u8,
        /// RNextKeyID: which key the sender would like to see used.
        next_key_id: u8,
        /// Bytes of the code.
        mac_bytes: u8,
    },
}

impl Signature {
    /// The option of this kind and body; None for any other option, an error for one that cannot be.
    /// RFC 5925, section 2.2.
    pub(super) fn of(kind: u8, body: &[u8]) -> Option<Result<Self, ()>> {
        match (kind, body) {
            (MD5, body) if body.len() == MD5_BYTES => Some(Ok(Self::Md5)),
            (AO, [key_id, next_key_id, mac @ ..]) if !mac.is_empty() => Some(Ok(Self::Ao {
                key_id: *key_id,
                next_key_id: *next_key_id,
                mac_bytes: mac.len() as u8,
            })),
            (MD5 | AO, _) => Some(Err(())),
            _ => None,
        }
    }

    /// Bytes of it with its padding.
    pub(crate) const fn padded_bytes(self) -> usize {
        match self {
            Self::Md5 => 4 + MD5_BYTES,
            Self::Ao { mac_bytes, .. } => (4 + mac_bytes as usize).next_multiple_of(4),
        }
    }

    /// Where the code lies in a header that was written with this option.
    pub(crate) const fn code(self) -> std::ops::Range<usize> {
        let start = crate::header::HEADER_BYTES + 4;
        match self {
            Self::Md5 => start..start + MD5_BYTES,
            Self::Ao { mac_bytes, .. } => start..start + mac_bytes as usize,
        }
    }

    /// Writes it with a code of zeros.
    pub(super) fn put(self, writer: &mut super::Writer<'_>) {
        match self {
            Self::Md5 => {
                writer.put([super::NOP, super::NOP, MD5, 2 + MD5_BYTES as u8]);
                for _ in 0..MD5_BYTES / 4 {
                    writer.put([0; 4]);
                }
            }
            Self::Ao {
                key_id,
                next_key_id,
                mac_bytes,
            } => {
                writer.put([AO, 4 + mac_bytes, key_id, next_key_id]);
                for word in 0..usize::from(mac_bytes).div_ceil(4) {
                    let code_left = usize::from(mac_bytes) - 4 * word;
                    writer.put(std::array::from_fn(|at| {
                        if at < code_left { 0 } else { super::NOP }
                    }));
                }
            }
        }
    }
}

/// Where in received `options` the code of the one that authenticates lies.
pub(crate) fn code_within(options: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    loop {
        let (kind, length) = match options.get(at..)? {
            [] | [super::END, ..] => return None,
            [super::NOP, ..] => {
                at += 1;
                continue;
            }
            [kind, length, ..] if *length >= 2 => (*kind, usize::from(*length)),
            _ => return None,
        };
        match kind {
            MD5 => return Some(at + 2..at + length),
            AO => return Some(at + 4..at + length),
            _ => at += length,
        }
    }
}

const MD5: u8 = 19;
const AO: u8 = 29;
/// Bytes of a digest (RFC 2385, section 3.0).
const MD5_BYTES: usize = 16;

#[cfg(test)]
mod tests;
