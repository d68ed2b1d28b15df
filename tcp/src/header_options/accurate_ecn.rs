//! The AccECN option: how many bytes came with which ECN field (RFC 9768, section 3.2.3), and where it finds room.
//!
//! Order 0 begins with ECT(0), order 1, which alone is sent, with ECT(1); CE stands between. What is left of it beyond
//! whole words takes the place of padding that another option has anyway, as in Linux.

use super::{NOP, OPTIONS_BYTES_MAX, Options, Writer, sack_blocks_that_fit};
use crate::ecn::{CE, ECT_0, ECT_1};

/// The option as it stands in a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccurateEcn {
    /// The first counter is of ECT(1).
    is_order_one: bool,
    /// Of the counters, how many are there.
    count: u8,
    /// In the order of the option, 24 bits each.
    counters: [u32; COUNTERS_MAX],
}

impl AccurateEcn {
    /// What is sent: counters of bytes that came as ECT(1), CE and ECT(0).
    pub const fn new(ect_1: u32, ce: u32, ect_0: u32) -> Self {
        Self {
            is_order_one: true,
            count: COUNTERS_MAX as u8,
            counters: [ect_1 & COUNTER, ce & COUNTER, ect_0 & COUNTER],
        }
    }

    /// What an option of this kind says; None for others. A length that is none of its own is that of the whole
    /// counters in it.
    pub(super) fn of(kind: u8, body: &[u8]) -> Option<Self> {
        if kind != ORDER_0 && kind != ORDER_1 {
            return None;
        }
        let mut option = Self {
            is_order_one: kind == ORDER_1,
            ..Self::default()
        };
        for (place, bytes) in option.counters.iter_mut().zip(body.chunks_exact(3)) {
            *place = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
            option.count += 1;
        }
        Some(option)
    }

    /// The counters that are there, each with the ECN field that it is about.
    pub fn counters(&self) -> impl Iterator<Item = (u8, u32)> {
        let fields = if self.is_order_one {
            [ECT_1, CE, ECT_0]
        } else {
            [ECT_0, CE, ECT_1]
        };
        let counters = fields.into_iter().zip(self.counters);
        counters.take(usize::from(self.count))
    }

    /// True for one without counters, which only tests the path.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its bytes without padding.
    fn bytes(self) -> usize {
        2 + 3 * usize::from(self.count)
    }

    /// The bytes that it takes where others have so many of padding for it.
    pub(super) fn padded_bytes(self, saved: usize) -> usize {
        let bytes = self.bytes();
        if bytes % 4 > saved {
            bytes.next_multiple_of(4)
        } else {
            bytes - bytes % 4
        }
    }

    /// Writes all of it, or its whole words, and gives the two bytes that stand in the next padding.
    pub(super) fn put(self, writer: &mut Writer<'_>, saved: usize) -> [u8; 2] {
        let mut bytes = [NOP; 12];
        bytes[0] = if self.is_order_one { ORDER_1 } else { ORDER_0 };
        bytes[1] = self.bytes() as u8;
        for (place, counter) in bytes[2..].chunks_exact_mut(3).zip(self.counters) {
            place.copy_from_slice(&counter.to_be_bytes()[1..]);
        }
        bytes[self.bytes()..].fill(NOP);
        let whole = self.padded_bytes(saved);
        for word in bytes[..whole].as_chunks::<4>().0 {
            writer.put(*word);
        }
        if self.bytes() > whole {
            [bytes[whole], bytes[whole + 1]]
        } else {
            [NOP; 2]
        }
    }
}

impl Options {
    /// Adds the option with as many counters as find room, at least `least` of them; else it is left out. For one with
    /// counters that must be told a SACK block makes room, unless there are but two (RFC 9768, section 3.2.3.3).
    /// RFC 9768, section 3.2.3.3: the counters that changed are told, or none.
    pub(crate) fn offer_accurate_ecn(&mut self, option: AccurateEcn, least: u8) {
        let others = Self {
            sack: Default::default(),
            ..*self
        };
        let taken = others.length();
        let mut blocks = sack_blocks_that_fit(taken).min(self.sack.len());
        loop {
            let saved = others.padding_to_spare(blocks);
            let sack = if blocks > 0 { 4 + 8 * blocks } else { 0 };
            let room = OPTIONS_BYTES_MAX.saturating_sub(taken + sack);
            for count in (least..=COUNTERS_MAX as u8).rev() {
                let shorter = AccurateEcn { count, ..option };
                if shorter.padded_bytes(saved) <= room {
                    self.sack.truncate(blocks);
                    self.accurate_ecn = Some(shorter);
                    return;
                }
            }
            if blocks <= 2 || least == 0 {
                return;
            }
            blocks -= 1;
        }
    }

    /// Bytes of padding that this option may take, with so many SACK blocks.
    pub(super) fn padding_to_spare(&self, blocks: usize) -> usize {
        if self.sack_permitted && self.timestamps.is_none() {
            2
        } else if self.window_scale.is_some() {
            1
        } else {
            // A cookie would stand between.
            2 * usize::from(blocks > 0 && self.fast_open.is_none())
        }
    }
}

/// ECT(0), CE and ECT(1).
const COUNTERS_MAX: usize = 3;
const COUNTER: u32 = 0xff_ffff;
const ORDER_0: u8 = 172;
const ORDER_1: u8 = 174;

#[cfg(test)]
mod tests;
