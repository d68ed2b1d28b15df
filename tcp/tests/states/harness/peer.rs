//! What the peer does, and what it sees: segments in its own numbers, both ends' beginning at zero.

use coremill_tcp::header::{self, Flags, Header};
use coremill_tcp::header_options::{Options, SackBlock, SackBlocks};
use coremill_tcp::{Flow, Inbound, Verdict};

use super::super::peer_signature::Signing;
use super::super::segment::Segment;
use super::{PEER_START, Test};

impl Test {
    pub fn inject(&mut self, segment: Segment) -> Verdict {
        self.inject_from(self.flow, segment)
    }

    /// From another end to another of ours than the test's.
    pub fn inject_from(&mut self, flow: Flow, segment: Segment) -> Verdict {
        let mut options = segment.options.unwrap_or_default();
        options.sack = shifted(&options.sack, self.start.raw());
        options.signature = options
            .signature
            .or(self.signing.as_ref().map(Signing::option));
        let has_ack = segment.flags.contains(Flags::ACK);
        let header = Header {
            source_port: flow.remote.port,
            destination_port: flow.local.port,
            sequence: PEER_START + segment.seq,
            acknowledgment: if has_ack {
                self.start + segment.ack
            } else {
                self.start - self.start.raw()
            },
            flags: segment.flags,
            window: segment.window.unwrap_or(u16::MAX),
            urgent_pointer: segment.urgent,
        };
        let mut bytes = vec![0; 60];
        let length = header
            .emit(&options, &mut bytes)
            .expect("60 bytes hold a header");
        bytes.truncate(length);
        bytes.extend_from_slice(&segment.payload);
        if let Some(signing) = &self.signing {
            signing.sign(flow.remote.address, flow.local.address, &mut bytes);
        }
        let inbound = Inbound {
            source: flow.remote.address,
            destination: flow.local.address,
            bytes: &bytes,
            checksum_verified: true,
            ecn: 0,
            ttl: 64,
            mtu: 1_500,
        };
        self.shard.receive(self.now, &inbound)
    }

    /// The next segment to send now, in the peer's numbers.
    pub fn next(&mut self) -> Option<Segment> {
        self.shard.advance(self.now, usize::MAX);
        let mut out = [0; 2_000];
        let outgoing = self.shard.next_segment(self.now, &mut out)?;
        let parsed = header::Segment::parse(&out[..outgoing.length]).expect("well-formed");
        assert_eq!(
            outgoing.header_length,
            outgoing.length - parsed.payload.len()
        );
        let mut options = Options::parse(parsed.options).expect("well-formed");
        if let Some(signing) = &self.signing {
            signing.check(
                outgoing.source,
                outgoing.destination,
                &out[..outgoing.length],
            );
            options.signature = None;
        }
        let header = parsed.header;
        if header.flags.contains(Flags::SYN) {
            self.start = header.sequence;
            self.first_stamp = options.timestamps.map_or(0, |stamps| stamps.value);
        }
        let has_ack = header.flags.contains(Flags::ACK);
        let sack = shifted(&options.sack, 0_u32.wrapping_sub(PEER_START.raw()));
        Some(Segment {
            flags: header.flags.without(Flags::PSH),
            seq: header.sequence.since(self.start),
            ack: if has_ack {
                header.acknowledgment.since(PEER_START)
            } else {
                0
            },
            window: Some(header.window),
            options: Some(Options { sack, ..options }),
            urgent: header.urgent_pointer,
            payload: parsed.payload.to_vec(),
        })
    }

    /// The next segment is there now and is this one.
    pub fn expect(&mut self, expected: Segment) -> Segment {
        let Some(sent) = self.next() else {
            panic!("nothing sent, expected {expected:?}")
        };
        let mut comparable = sent.clone();
        if expected.window.is_none() {
            comparable.window = None;
        }
        comparable.options = match (expected.options, comparable.options) {
            (None, Some(options)) if options.sack.is_empty() => None,
            (_, options) => options,
        };
        assert_eq!(comparable, expected);
        sent
    }

    /// Nothing more is to be sent now.
    pub fn expect_nothing(&mut self) {
        assert_eq!(self.next(), None);
    }
}

/// The same blocks, counted from elsewhere.
pub fn shifted(blocks: &SackBlocks, by: u32) -> SackBlocks {
    let mut shifted = SackBlocks::default();
    for block in blocks.as_slice() {
        shifted.push(SackBlock {
            left: block.left + by,
            right: block.right + by,
        });
    }
    shifted
}
