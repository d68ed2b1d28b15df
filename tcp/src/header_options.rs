//! TCP options: MSS (RFC 9293), window scale and timestamps (RFC 7323), SACK (RFC 2018), Fast Open (RFC 7413),
//! AccECN (RFC 9768).
//!
//! Written in the order and with the padding that Linux uses, so that a peer's fast path applies. `signature` has the
//! two that authenticate a segment.

mod accurate_ecn;
mod signature;

use crate::drop_reason::DropReason;
use crate::fast_open::FastOpenCookie;
use crate::sequence::SequenceNumber;

pub use accurate_ecn::AccurateEcn;
pub use signature::Signature;
pub(crate) use signature::code_within;

/// The options of one segment.
/// RFC 9293, MUST-14, MUST-65.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size in bytes of payload; in a SYN.
    pub mss: Option<u16>,
    /// Window shift, at most 14; in a SYN.
    /// RFC 7323, section 2.2: ignored outside of a SYN.
    pub window_scale: Option<u8>,
    /// SACK may be sent to the one who says so; in a SYN.
    /// RFC 2018, section 2.
    pub sack_permitted: bool,
    /// TSval and TSecr.
    pub timestamps: Option<Timestamps>,
    /// Ranges received out of order.
    pub sack: SackBlocks,
    /// What authenticates the segment.
    pub signature: Option<Signature>,
    /// A Fast Open cookie, or the wish for one; in a SYN.
    /// RFC 7413, section 4.1.1: ignored outside of a SYN.
    pub fast_open: Option<FastOpenCookie>,
    /// Bytes that came with which ECN field.
    /// RFC 9768, section 3.2.3.2.1: ignored in a SYN.
    pub accurate_ecn: Option<AccurateEcn>,
}

/// The timestamps option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the clock value echoed; has a meaning only with ACK.
    pub echo: u32,
}

impl Timestamps {
    /// Bytes of the option with its padding.
    pub(crate) const OPTION_BYTES: usize = 12;

    /// NOP NOP timestamps.
    #[inline]
    pub(crate) fn option(self) -> [u8; Self::OPTION_BYTES] {
        let mut option = [NOP, NOP, TIMESTAMPS, 10, 0, 0, 0, 0, 0, 0, 0, 0];
        option[4..8].copy_from_slice(&self.value.to_be_bytes());
        option[8..].copy_from_slice(&self.echo.to_be_bytes());
        option
    }

    /// TSval of the option with the padding that nearly everybody gives it; None of anything else.
    #[inline(always)]
    pub(crate) fn value_of(option: &[u8; Self::OPTION_BYTES]) -> Option<u32> {
        let is_usual = option[..4] == [NOP, NOP, TIMESTAMPS, 10];
        is_usual.then(|| word(option, 4))
    }
}

/// Up to four ranges, the one changed last first (RFC 2018, section 4).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [SackBlock; SACK_BLOCKS_MAX],
    count: u8,
}

/// A range received: from `left` up to but without `right`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// First sequence number of the range.
    pub left: SequenceNumber,
    /// The one after its last.
    pub right: SequenceNumber,
}

impl Options {
    /// Reads the options of a header. Unknown ones are passed over, as are known ones of a length
    /// that is not theirs.
    ///
    /// # Errors
    /// [`DropReason::BadHeader`] when an option's length cannot be (RFC 9293, MUST-7), [`DropReason::BadSignature`] when
    /// more than one authenticates the segment, or one that cannot (RFC 5925, section 2.2).
    /// RFC 9293, MUST-4, MUST-5, MUST-6, MUST-64, MUST-68.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, DropReason> {
        let mut options = Self::default();
        if bytes.is_empty() {
            return Ok(options);
        }
        // What nearly every segment of an established connection carries: NOP NOP timestamps.
        if let [NOP, NOP, TIMESTAMPS, 10, body @ ..] = bytes
            && body.len() == 8
        {
            options.timestamps = timestamps(body);
            return Ok(options);
        }
        options.read(bytes)?;
        Ok(options)
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), DropReason> {
        loop {
            let (kind, length) = match bytes {
                [] | [END, ..] => return Ok(()),
                [NOP, rest @ ..] => {
                    bytes = rest;
                    continue;
                }
                [_] => return Err(DropReason::BadHeader),
                [kind, length, ..] => (*kind, usize::from(*length)),
            };
            let (option, rest) = bytes
                .split_at_checked(length)
                .ok_or(DropReason::BadHeader)?;
            let body = option.get(2..).ok_or(DropReason::BadHeader)?;
            bytes = rest;
            match (kind, body) {
                (MSS, [high, low]) => self.mss = Some(u16::from_be_bytes([*high, *low])),
                // RFC 7323, section 2.3: a larger shift is taken as 14.
                (WINDOW_SCALE, [shift]) => self.window_scale = Some((*shift).min(14)),
                (SACK_PERMITTED, []) => self.sack_permitted = true,
                (TIMESTAMPS, body) if body.len() == 8 => self.timestamps = timestamps(body),
                (FAST_OPEN, body) => self.fast_open = FastOpenCookie::of(body),
                (SACK, body) if body.len().is_multiple_of(8) => {
                    for block in body.chunks_exact(8) {
                        self.sack.push(SackBlock {
                            left: SequenceNumber::new(word(block, 0)),
                            right: SequenceNumber::new(word(block, 4)),
                        });
                    }
                }
                (kind, body) => self.read_rare(kind, body)?,
            }
        }
    }

    fn read_rare(&mut self, kind: u8, body: &[u8]) -> Result<(), DropReason> {
        if let Some(option) = AccurateEcn::of(kind, body) {
            self.accurate_ecn = Some(option);
        } else if let Some(signature) = Signature::of(kind, body) {
            let is_second = self.signature.is_some();
            self.signature = signature.ok().filter(|_| !is_second);
            self.signature.ok_or(DropReason::BadSignature)?;
        }
        Ok(())
    }

    /// Bytes that [`Self::emit`] writes, padding included: a multiple of four, at most 40.
    #[inline]
    pub fn length(&self) -> usize {
        let mut length = self.signature.map_or(0, Signature::padded_bytes);
        if self.mss.is_some() {
            length += 4;
        }
        if self.timestamps.is_some() {
            length += 12;
        } else if self.sack_permitted {
            length += 4;
        }
        if self.window_scale.is_some() {
            length += 4;
        }
        if let Some(cookie) = &self.fast_open {
            length += cookie.option_length();
        }
        if let Some(option) = self.accurate_ecn {
            length += option.padded_bytes(self.padding_to_spare(self.sack.len()));
        }
        match sack_blocks_that_fit(length).min(self.sack.len()) {
            0 => length,
            blocks => length + 4 + 8 * blocks,
        }
    }

    /// Adds a Fast Open option if the others leave room for it.
    pub(crate) fn offer_fast_open(&mut self, cookie: Option<FastOpenCookie>) {
        self.fast_open =
            cookie.filter(|cookie| self.length() + cookie.option_length() <= OPTIONS_BYTES_MAX);
    }

    /// Writes the options to the front of `out` and returns how many bytes; None when `out` is too
    /// short. SACK blocks that find no place beside the others are left out.
    /// RFC 9293, MUST-69.
    #[inline]
    pub fn emit(&self, out: &mut [u8]) -> Option<usize> {
        if !self.sack_permitted
            && self.mss.is_none()
            && self.window_scale.is_none()
            && self.signature.is_none()
            && self.fast_open.is_none()
            && self.accurate_ecn.is_none()
        {
            // What nearly every segment of an established connection carries.
            match self.timestamps {
                None if self.sack.is_empty() => return Some(0),
                Some(timestamps) if self.sack.is_empty() => {
                    *out.first_chunk_mut()? = timestamps.option();
                    return Some(Timestamps::OPTION_BYTES);
                }
                _ => {}
            }
        }
        self.emit_any(out)
    }

    fn emit_any(&self, out: &mut [u8]) -> Option<usize> {
        let length = self.length();
        let out = out.get_mut(..length)?;
        let mut writer = Writer { out, at: 0 };
        if let Some(signature) = self.signature {
            signature.put(&mut writer);
        }
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            writer.put([MSS, 4, high, low]);
        }
        if let Some(timestamps) = self.timestamps {
            let filler = if self.sack_permitted {
                [SACK_PERMITTED, 2]
            } else {
                [NOP, NOP]
            };
            writer.put([filler[0], filler[1], TIMESTAMPS, 10]);
            writer.put(timestamps.value.to_be_bytes());
            writer.put(timestamps.echo.to_be_bytes());
        }
        let mut padding = self.accurate_ecn.map_or([NOP; 2], |option| {
            option.put(&mut writer, self.padding_to_spare(self.sack.len()))
        });
        if self.sack_permitted && self.timestamps.is_none() {
            let [first, second] = std::mem::replace(&mut padding, [NOP; 2]);
            writer.put([first, second, SACK_PERMITTED, 2]);
        }
        if let Some(shift) = self.window_scale {
            let [first, _] = std::mem::replace(&mut padding, [NOP; 2]);
            writer.put([first, WINDOW_SCALE, 3, shift]);
        }
        if let Some(cookie) = &self.fast_open {
            writer.put_fast_open(cookie);
        }
        let blocks = sack_blocks_that_fit(writer.at).min(self.sack.len());
        if blocks > 0 {
            writer.put([padding[0], padding[1], SACK, 2 + 8 * blocks as u8]);
            for block in &self.sack.as_slice()[..blocks] {
                writer.put(block.left.raw().to_be_bytes());
                writer.put(block.right.raw().to_be_bytes());
            }
        }
        debug_assert_eq!(writer.at, length, "length() tells what emit() writes");
        Some(length)
    }
}

impl SackBlocks {
    /// Adds a block behind the others; a fifth is left out.
    pub fn push(&mut self, block: SackBlock) {
        if let Some(place) = self.blocks.get_mut(usize::from(self.count)) {
            *place = block;
            self.count += 1;
        }
    }

    /// The blocks.
    pub fn as_slice(&self) -> &[SackBlock] {
        &self.blocks[..usize::from(self.count)]
    }

    /// Leaves out all but the first `count`.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.count = self.count.min(u8::try_from(count).unwrap_or(u8::MAX));
        // Equal ones look equal.
        self.blocks[usize::from(self.count)..].fill(SackBlock::default());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl std::fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// Fills options in words of four bytes; the caller has made `out` long enough.
struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    #[inline]
    fn put(&mut self, bytes: [u8; 4]) {
        if let Some(place) = self.out.get_mut(self.at..self.at + 4) {
            place.copy_from_slice(&bytes);
        }
        self.at += 4;
    }

    /// The option, and NOPs up to the next word (as Linux).
    fn put_fast_open(&mut self, cookie: &FastOpenCookie) {
        let bytes = cookie.as_slice();
        let end = self.at + cookie.option_length();
        if let Some(place) = self.out.get_mut(self.at..end) {
            place.fill(NOP);
            place[..2].copy_from_slice(&[FAST_OPEN, 2 + bytes.len() as u8]);
            place[2..2 + bytes.len()].copy_from_slice(bytes);
        }
        self.at = end;
    }
}

fn sack_blocks_that_fit(taken: usize) -> usize {
    (OPTIONS_BYTES_MAX.saturating_sub(taken + 4) / 8).min(SACK_BLOCKS_MAX)
}

#[inline]
fn timestamps(body: &[u8]) -> Option<Timestamps> {
    Some(Timestamps {
        value: word(body, 0),
        echo: word(body, 4),
    })
}

/// Four bytes at `at`; the caller has checked that they are there.
#[inline]
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| {
        u32::from_be_bytes([word[0], word[1], word[2], word[3]])
    })
}

/// Bytes of options that a header has room for.
pub const OPTIONS_BYTES_MAX: usize = 40;
/// SACK blocks that fit into an otherwise empty options field.
pub const SACK_BLOCKS_MAX: usize = 4;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const FAST_OPEN: u8 = 34;

#[cfg(test)]
mod tests;
