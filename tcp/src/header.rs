//! The TCP header: a checked look at received bytes, and writing one (RFC 9293, section 3.1).

use crate::drop_reason::DropReason;
use crate::header_options::{Options, Timestamps};
use crate::sequence::SequenceNumber;

/// The fixed fields of a header, in host byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// SEG.SEQ.
    pub sequence: SequenceNumber,
    /// SEG.ACK; has a meaning only with [`Flags::ACK`].
    pub acknowledgment: SequenceNumber,
    /// Control bits.
    pub flags: Flags,
    /// SEG.WND as it stands in the header: not scaled.
    pub window: u16,
    /// Urgent pointer: the distance from SEG.SEQ to what follows the urgent data.
    pub urgent_pointer: u16,
}

/// A received segment, taken apart; the checksum is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The fixed fields.
    pub header: Header,
    /// The options as bytes: see [`Options::parse`].
    pub options: &'a [u8],
    /// What follows the header.
    pub payload: &'a [u8],
    /// The ECN bits of the IP header, which whoever has that one fills in.
    pub ecn: u8,
}

impl<'a> Segment<'a> {
    /// Takes `bytes` apart, which are exactly what IP's length announces.
    ///
    /// # Errors
    /// [`DropReason::Truncated`] when the header does not fit into `bytes`,
    /// [`DropReason::BadHeader`] when its data offset or a port cannot be.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let Some((fixed, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(DropReason::Truncated);
        };
        let options_length = (usize::from(fixed[12] >> 4) * 4)
            .checked_sub(HEADER_BYTES)
            .ok_or(DropReason::BadHeader)?;
        let (options, payload) = rest
            .split_at_checked(options_length)
            .ok_or(DropReason::Truncated)?;
        let (source_port, destination_port) = ports(fixed);
        let header = Header {
            source_port,
            destination_port,
            sequence: SequenceNumber::of_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            acknowledgment: SequenceNumber::of_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            flags: Flags::of_bytes([fixed[12], fixed[13]]),
            window: u16::from_be_bytes([fixed[14], fixed[15]]),
            urgent_pointer: u16::from_be_bytes([fixed[18], fixed[19]]),
        };
        if header.source_port == 0 || header.destination_port == 0 {
            return Err(DropReason::BadHeader);
        }
        Ok(Self {
            header,
            options,
            payload,
            ecn: 0,
        })
    }

    /// SEG.LEN: payload, and one each for SYN and FIN.
    #[inline]
    pub fn sequence_length(&self) -> u32 {
        let flags = self.header.flags;
        self.payload.len() as u32
            + u32::from(flags.contains(Flags::SYN))
            + u32::from(flags.contains(Flags::FIN))
    }
}

impl Header {
    /// Writes header and options to the front of `out`, with a checksum of zero, and returns their
    /// length; None when `out` is too short. Not more than [`HEADER_BYTES_MAX`] are written.
    #[inline]
    pub fn emit(&self, options: &Options, out: &mut [u8]) -> Option<usize> {
        let (fixed, rest) = out.split_first_chunk_mut::<HEADER_BYTES>()?;
        let length = HEADER_BYTES + options.emit(rest)?;
        self.write(fixed, length);
        Some(length)
    }

    /// The same with what nearly every segment of an established connection carries: timestamps, or nothing.
    #[inline(always)]
    pub(crate) fn emit_usual(
        &self,
        timestamps: Option<Timestamps>,
        out: &mut [u8],
    ) -> Option<usize> {
        let (fixed, rest) = out.split_first_chunk_mut::<HEADER_BYTES>()?;
        let length = match timestamps {
            Some(timestamps) => {
                *rest.first_chunk_mut()? = timestamps.option();
                HEADER_BYTES + Timestamps::OPTION_BYTES
            }
            None => HEADER_BYTES,
        };
        self.write(fixed, length);
        Some(length)
    }

    #[inline(always)]
    fn write(&self, fixed: &mut [u8; HEADER_BYTES], length: usize) {
        fixed[0..2].copy_from_slice(&self.source_port.to_be_bytes());
        fixed[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.sequence.raw().to_be_bytes());
        fixed[8..12].copy_from_slice(&self.acknowledgment.raw().to_be_bytes());
        let offset_and_flags = (length as u16 / 4) << 12 | self.flags.0;
        fixed[12..14].copy_from_slice(&offset_and_flags.to_be_bytes());
        fixed[14..16].copy_from_slice(&self.window.to_be_bytes());
        fixed[16..18].copy_from_slice(&[0, 0]);
        fixed[18..20].copy_from_slice(&self.urgent_pointer.to_be_bytes());
    }
}

/// The control bits of a header.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);
    /// Accurate ECN (RFC 9768); the reserved bit beside the former three.
    pub const AE: Self = Self(0x100);
    /// None.
    pub const NONE: Self = Self(0);

    /// The flags of the header's thirteenth and fourteenth byte; the other reserved bits are nobody's.
    #[inline]
    pub(crate) const fn of_bytes(bytes: [u8; 2]) -> Self {
        Self::from_bits(u16::from_be_bytes(bytes))
    }

    /// The flags of the header's fourteenth byte, AE above them.
    #[inline]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & 0x1ff)
    }

    /// The header's fourteenth byte, AE above it.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// AE, CWR and ECE as a number of three bits (RFC 9768, section 3.2.2).
    #[inline]
    pub const fn ace(self) -> u8 {
        (self.0 >> 6) as u8 & 7
    }

    /// The flags of such a number.
    #[inline]
    pub const fn of_ace(ace: u8) -> Self {
        Self((ace as u16 & 7) << 6)
    }

    /// True when all of `flags` are set.
    #[inline]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// True when any of `flags` is set.
    #[inline]
    pub const fn intersects(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// These and `flags`.
    #[inline]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }

    /// These without `flags`.
    #[inline]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];
        let mut separator = "";
        for (bit, name) in names.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                write!(f, "{separator}{name}")?;
                separator = "+";
            }
        }
        if self.0 == 0 {
            f.write_str("none")
        } else {
            Ok(())
        }
    }
}

/// The sender's port and the receiver's.
#[inline(always)]
pub(crate) fn ports(fixed: &[u8; HEADER_BYTES]) -> (u16, u16) {
    let source = u16::from_be_bytes([fixed[0], fixed[1]]);
    (source, u16::from_be_bytes([fixed[2], fixed[3]]))
}

/// Bytes of a header without options.
pub const HEADER_BYTES: usize = 20;
/// Bytes of a header with all the options that fit.
pub const HEADER_BYTES_MAX: usize = 60;
/// Where the checksum lies in a header.
pub const CHECKSUM_OFFSET: usize = 16;

#[cfg(test)]
mod tests;
