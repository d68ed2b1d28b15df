//! What a connection keeps that has agreed on AccECN (RFC 9768): more accurate feedback of congestion marks.
//!
//! `feedback` counts what came from the peer and says when to tell, `heard` takes what the peer tells of ours. How both
//! are used stands in `connection/accurate_ecn.rs`. The names of the RFC: r.cep, r.ceb, r.e0b, r.e1b are [`Feedback`]'s,
//! s.cep and the rest [`Heard`]'s.

mod feedback;
mod heard;

pub(crate) use feedback::{Feedback, Told};
pub(crate) use heard::{Heard, Progress, Seen};

use crate::ecn::{CE, ECT_0, ECT_1, NOT_ECT};
use crate::header::Flags;

/// The state of one connection, in its extension block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AccurateEcn {
    pub(crate) feedback: Feedback,
    pub(crate) heard: Heard,
    /// The ECN field that the peer's last SYN or SYN-ACK came with.
    pub(crate) syn_field: u8,
    /// The next pure ACK tells of that (RFC 9768, section 3.2.2.1).
    pub(crate) reflects: bool,
    /// A SYN or SYN-ACK of this handshake had none of the three flags: ECT is never sent.
    pub(crate) is_doubtful: bool,
    /// The peer's flags were zeroed or its view of our ECN field cannot be: ECT is never sent.
    pub(crate) is_mangled: bool,
    /// What the peer tells is not believed (RFC 9768, table 4, note 1).
    pub(crate) is_deaf: bool,
    /// Segments with the option seem to be swallowed (RFC 9768, section 3.2.3.2.2).
    pub(crate) is_option_lost: bool,
}

impl AccurateEcn {
    /// Linux's `accecn_fail_mode`.
    pub(crate) fn failures(&self) -> u8 {
        let option_failed = self.heard.seen == Seen::Zeroed;
        u8::from(self.is_doubtful)
            | u8::from(self.is_mangled) << 1
            | u8::from(self.is_option_lost) << 2
            | u8::from(option_failed) << 3
    }

    /// Segments may be marked.
    pub(crate) fn is_capable(&self) -> bool {
        !self.is_doubtful && !self.is_mangled
    }
}

/// The flags that tell with which ECN field a SYN or SYN-ACK came.
/// RFC 9768, tables 2 and 3.
pub(crate) fn reflected(field: u8) -> Flags {
    Flags::of_ace(match field {
        ECT_1 => 0b011,
        ECT_0 => 0b100,
        CE => 0b110,
        _ => 0b010,
    })
}

/// With which ECN field ours came, by the peer's flags; None where they do not say.
pub(crate) fn field_told(ace: u8) -> Option<u8> {
    match ace {
        0b010 => Some(NOT_ECT),
        0b011 => Some(ECT_1),
        0b100 => Some(ECT_0),
        0b110 => Some(CE),
        _ => None,
    }
}

/// A SYN asks for AccECN: with any of the flags, unless they are those of a classic one.
/// RFC 9768, section 3.1.3.
pub(crate) fn is_asked_for(flags: Flags) -> bool {
    flags.ace() != 0 && flags.ace() != CLASSIC
}

/// The flags of a SYN that asks for the classic kind (RFC 3168).
pub(crate) const CLASSIC: u8 = 0b011;
/// The flags of a SYN-ACK that agrees on it.
pub(crate) const CLASSIC_AGREED: u8 = 0b001;
/// What r.cep and s.cep begin with, so that zeroed flags are seen (RFC 9768, section 3.2.1).
const PACKETS_FIRST: u32 = 5;

#[cfg(test)]
mod tests;
