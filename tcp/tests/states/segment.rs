//! Segments as tests write them: sequence numbers count from each side's initial one.

use coremill_tcp::SequenceNumber;
use coremill_tcp::header::Flags;
use coremill_tcp::header_options::{Options, SackBlock, Timestamps};

/// A segment; what is None is a default when injected, and anything when expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub flags: Flags,
    pub seq: u32,
    pub ack: u32,
    pub window: Option<u16>,
    pub options: Option<Options>,
    /// Urgent pointer.
    pub urgent: u16,
    pub payload: Vec<u8>,
}

fn plain(flags: Flags, seq: u32, ack: u32) -> Segment {
    Segment {
        flags,
        seq,
        ack,
        window: None,
        options: None,
        urgent: 0,
        payload: Vec::new(),
    }
}

/// SYN.
pub fn syn() -> Segment {
    plain(Flags::SYN, 0, 0)
}

/// SYN and ACK.
pub fn syn_ack(ack: u32) -> Segment {
    plain(Flags::SYN | Flags::ACK, 0, ack)
}

/// An acknowledgment and nothing else.
pub fn ack(seq: u32, ack: u32) -> Segment {
    plain(Flags::ACK, seq, ack)
}

/// Data.
pub fn data(seq: u32, ack: u32, payload: &[u8]) -> Segment {
    Segment {
        payload: payload.to_vec(),
        ..plain(Flags::ACK, seq, ack)
    }
}

/// FIN and ACK.
pub fn fin(seq: u32, ack: u32) -> Segment {
    plain(Flags::FIN | Flags::ACK, seq, ack)
}

/// RST alone.
pub fn rst(seq: u32) -> Segment {
    plain(Flags::RST, seq, 0)
}

/// RST and ACK.
pub fn rst_ack(seq: u32, ack: u32) -> Segment {
    plain(Flags::RST | Flags::ACK, seq, ack)
}

impl Segment {
    /// With an urgent pointer.
    pub fn urgent(self, pointer: u16) -> Self {
        Self {
            flags: self.flags | Flags::URG,
            urgent: pointer,
            ..self
        }
    }

    pub fn window(self, window: u16) -> Self {
        Self {
            window: Some(window),
            ..self
        }
    }

    pub fn options(self, options: Options) -> Self {
        Self {
            options: Some(options),
            ..self
        }
    }

    pub fn mss(self, mss: u16) -> Self {
        let options = self.options.unwrap_or_default();
        self.options(Options {
            mss: Some(mss),
            ..options
        })
    }

    pub fn sack_permitted(self) -> Self {
        let options = self.options.unwrap_or_default();
        self.options(Options {
            sack_permitted: true,
            ..options
        })
    }

    /// Timestamps as they stand in the segment.
    pub fn stamps(self, value: u32, echo: u32) -> Self {
        let options = self.options.unwrap_or_default();
        self.options(Options {
            timestamps: Some(Timestamps { value, echo }),
            ..options
        })
    }

    /// SACK blocks, counted from the initial sequence number of who gets the segment.
    pub fn sack(self, blocks: &[(u32, u32)]) -> Self {
        let mut options = self.options.unwrap_or_default();
        for (left, right) in blocks {
            options.sack.push(SackBlock {
                left: SequenceNumber::new(*left),
                right: SequenceNumber::new(*right),
            });
        }
        self.options(options)
    }
}
