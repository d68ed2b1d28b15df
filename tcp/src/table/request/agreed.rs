//! What the SYN of a request and our answer agree on.

use crate::accurate_ecn::{CLASSIC, is_asked_for, reflected};
use crate::header::Flags;

/// Options that both SYNs carry, in two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The peer's window shift, or [`NO_SCALE`]; above it whether AccECN was agreed on, the ECN field of the SYN, and
    /// whether another SYN did not ask.
    scale_and_accurate: u8,
    bits: u8,
}

impl Agreed {
    pub(crate) fn new(window_scale: Option<u8>, timestamps: bool, sack: bool) -> Self {
        let mut bits = 0;
        if timestamps {
            bits |= TIMESTAMPS;
        }
        if sack {
            bits |= SACK;
        }
        Self {
            scale_and_accurate: window_scale.unwrap_or(NO_SCALE) & SCALE,
            bits,
        }
    }

    /// The same, with or without explicit congestion notification.
    pub(crate) fn with_ecn(mut self, is_agreed: bool) -> Self {
        if is_agreed {
            self.bits |= ECN;
        }
        self
    }

    /// The same without timestamps, if SACK is agreed on.
    pub(crate) fn without_timestamps_beside_sack(mut self) -> Self {
        if self.sack() {
            self.bits &= !TIMESTAMPS;
        }
        self
    }

    /// The same, and the first SYN-ACK brings a Fast Open cookie, or not.
    pub(crate) fn with_fast_open(mut self, gives_cookie: bool) -> Self {
        if gives_cookie {
            self.bits |= FAST_OPEN;
        }
        self
    }

    pub(crate) fn fast_open(self) -> bool {
        self.bits & FAST_OPEN != 0
    }

    pub(crate) fn ecn(self) -> bool {
        self.bits & ECN != 0
    }

    /// The same with AccECN, if `field` says with which ECN field the SYN came that asked.
    pub(crate) fn with_accurate_ecn(mut self, field: Option<u8>) -> Self {
        if let Some(field) = field {
            self.scale_and_accurate |= ACCURATE | (field & 3) << FIELD_SHIFT;
        }
        self
    }

    /// With which ECN field the SYN came that asked for AccECN, where that was agreed on.
    pub(crate) fn accurate_ecn(self) -> Option<u8> {
        let bits = self.scale_and_accurate;
        (bits & ACCURATE != 0).then_some(bits >> FIELD_SHIFT & 3)
    }

    /// The SYN has come again, with `flags` and `field`; false when it contradicts itself.
    /// RFC 9768, section 3.1.5: the latest is told of, no other mode agreed on, and one that does not ask forbids ECT.
    pub(crate) fn takes_syn_again(&mut self, flags: Flags, field: u8) -> bool {
        if self.accurate_ecn().is_some() {
            self.scale_and_accurate &= !(3 << FIELD_SHIFT);
            self.scale_and_accurate |= (field & 3) << FIELD_SHIFT;
            if flags.ace() == 0 {
                self.scale_and_accurate |= DOUBTFUL;
            }
            flags.ace() != CLASSIC
        } else {
            !(self.ecn() && is_asked_for(flags))
        }
    }

    /// A SYN without any of the flags has come since.
    pub(crate) fn is_ecn_doubtful(self) -> bool {
        self.scale_and_accurate & DOUBTFUL != 0
    }

    /// The flags of the SYN-ACK that agrees.
    pub(super) fn flags(self) -> Flags {
        if let Some(field) = self.accurate_ecn() {
            Flags::SYN | Flags::ACK | reflected(field)
        } else if self.ecn() {
            Flags::SYN | Flags::ACK | Flags::ECE
        } else {
            Flags::SYN | Flags::ACK
        }
    }

    /// The peer's window shift, where scaling is used both ways.
    pub(crate) fn window_scale(self) -> Option<u8> {
        let scale = self.scale_and_accurate & SCALE;
        (scale != NO_SCALE).then_some(scale)
    }

    pub(crate) fn timestamps(self) -> bool {
        self.bits & TIMESTAMPS != 0
    }

    pub(crate) fn sack(self) -> bool {
        self.bits & SACK != 0
    }

    pub(super) fn is_signed(self) -> bool {
        self.bits & AO != 0
    }

    pub(super) fn set_signed(&mut self) {
        self.bits |= AO;
    }

    pub(super) fn is_acknowledged(self) -> bool {
        self.bits & ACKNOWLEDGED != 0
    }

    pub(super) fn set_acknowledged(&mut self) {
        self.bits |= ACKNOWLEDGED;
    }
}

/// Shifts are at most 14 (RFC 7323, section 2.3).
const NO_SCALE: u8 = 15;
const SCALE: u8 = 15;
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const ECN: u8 = 4;
const FAST_OPEN: u8 = 8;
const AO: u8 = 16;
const ACKNOWLEDGED: u8 = 32;

const ACCURATE: u8 = 16;
const FIELD_SHIFT: u8 = 5;
const DOUBTFUL: u8 = 128;
