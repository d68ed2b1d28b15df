//! Segments that no connection sends: RST for no socket (RFC 9293, section 3.10.7.1), SYN cookies, and
//! the acknowledgements of TIME-WAIT. They wait in a bounded ring, and what finds no room is not sent.

use std::collections::VecDeque;

use crate::address::Flow;
use crate::authentication::{CODE_BYTES_MAX, Code, Covered};
use crate::header::{Flags, HEADER_BYTES_MAX, Header, Segment};
use crate::header_options::{Options, Signature, Timestamps};
use crate::limits::Limits;
use crate::packet::{Outgoing, Remarks};
use crate::sequence::SequenceNumber;

/// A segment without payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) flow: Flow,
    pub(crate) sequence: SequenceNumber,
    pub(crate) acknowledgment: SequenceNumber,
    pub(crate) flags: Flags,
    pub(crate) window: u16,
    pub(crate) timestamps: Option<Timestamps>,
    /// What only a SYN-ACK says.
    pub(crate) syn: Option<SynOptions>,
    /// What authenticates it: all that is covered is known before it is sent.
    pub(crate) signature: Option<(Signature, Code)>,
}

/// Options of a SYN-ACK that no record remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SynOptions {
    pub(crate) mss: u16,
    pub(crate) window_scale: Option<u8>,
    pub(crate) sack: bool,
}

impl Reply {
    /// The RST that `segment`, which is not one itself, provokes.
    pub(crate) fn reset_for(flow: Flow, segment: &Segment<'_>) -> Self {
        let header = &segment.header;
        let has_ack = header.flags.contains(Flags::ACK);
        let (sequence, acknowledgment, flags) = if has_ack {
            (header.acknowledgment, SequenceNumber::default(), Flags::RST)
        } else {
            let end = header.sequence + segment.sequence_length();
            (SequenceNumber::default(), end, Flags::RST | Flags::ACK)
        };
        Self {
            flow,
            sequence,
            acknowledgment,
            flags,
            window: 0,
            timestamps: None,
            syn: None,
            signature: None,
        }
    }

    /// Signs it with the option and the function that makes its code.
    pub(crate) fn sign(&mut self, signature: Signature, code: impl FnOnce(&Covered<'_>) -> Code) {
        self.signature = Some((signature, [0; CODE_BYTES_MAX]));
        let mut bytes = [0; HEADER_BYTES_MAX];
        if let Some(length) = self.write(&mut bytes) {
            let covered = Covered {
                source: self.flow.local.address,
                destination: self.flow.remote.address,
                bytes: bytes.get(..length).unwrap_or_default(),
                header_length: length,
            };
            self.signature = Some((signature, code(&covered)));
        }
    }

    /// Writes it into `out`.
    pub(crate) fn emit(&self, limits: &Limits, out: &mut [u8]) -> Option<Outgoing> {
        let length = self.write(out)?;
        Some(outgoing(&self.flow, length, length, limits))
    }

    fn write(&self, out: &mut [u8]) -> Option<usize> {
        let header = Header {
            source_port: self.flow.local.port,
            destination_port: self.flow.remote.port,
            sequence: self.sequence,
            acknowledgment: self.acknowledgment,
            flags: self.flags,
            window: self.window,
            urgent_pointer: 0,
        };
        let mut options = Options {
            timestamps: self.timestamps,
            signature: self.signature.map(|(signature, _)| signature),
            ..Options::default()
        };
        if let Some(syn) = self.syn {
            options.mss = Some(syn.mss);
            options.window_scale = syn.window_scale;
            options.sack_permitted = syn.sack;
        }
        let length = header.emit(&options, out)?;
        if let Some((signature, code)) = &self.signature {
            write_code(*signature, code, out);
        }
        Some(length)
    }
}

/// The replies that wait to be sent.
#[derive(Debug)]
pub(crate) struct ReplyQueue {
    ring: VecDeque<Reply>,
    /// Replies that found no room since this was last read.
    pub(crate) lost: u64,
}

impl ReplyQueue {
    /// An empty ring.
    pub(crate) fn new() -> Self {
        Self {
            ring: VecDeque::with_capacity(REPLIES_MAX),
            lost: 0,
        }
    }

    /// Adds a reply if there is room.
    pub(crate) fn push(&mut self, reply: Reply) {
        if self.ring.len() < REPLIES_MAX {
            self.ring.push_back(reply);
        } else {
            self.lost += 1;
        }
    }

    /// The reply that waits longest.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Reply> {
        self.ring.pop_front()
    }

    /// True when none waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }
}

/// Fills the code in where a header was written with `signature`.
pub(crate) fn write_code(signature: Signature, code: &Code, out: &mut [u8]) {
    if let Some(place) = out.get_mut(signature.code())
        && let Some(code) = code.get(..place.len())
    {
        place.copy_from_slice(code);
    }
}

/// What the IP layer is told of a segment.
#[inline]
pub(crate) fn outgoing(
    flow: &Flow,
    length: usize,
    header_length: usize,
    limits: &Limits,
) -> Outgoing {
    Outgoing {
        source: flow.local.address,
        destination: flow.remote.address,
        length,
        header_length,
        segment_payload: 0,
        dscp: 0,
        ecn: 0,
        ttl: limits.ttl,
        remarks: Remarks::default(),
    }
}

/// A turn's worth of bursts: whoever floods us with segments for nobody gets no more answers.
const REPLIES_MAX: usize = 1_024;
