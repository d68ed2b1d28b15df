//! What both ends put on the wire, looked at segment by segment: the bytes are those that were
//! written, windows keep their promises, and nothing is sent or acknowledged that cannot be.

use std::collections::HashMap;

use coremill_tcp::header::{Flags, Segment};
use coremill_tcp::header_options::Options;
use coremill_tcp::{Flow, SequenceNumber};

use super::application::stream_key;
use super::random::pattern;

/// All conversations, by their flow as side 0 sees it.
#[derive(Debug, Default)]
pub struct Wire {
    conversations: HashMap<Flow, [Direction; 2]>,
}

/// What one end has said.
#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    /// Number of its SYN, when one was seen.
    initial: Option<SequenceNumber>,
    /// Window shift that its SYN offers.
    scale: Option<u8>,
    /// Numbers used so far, counted from the SYN's.
    used: u32,
    /// Where its FIN stands, counted the same way.
    fin: Option<u32>,
    /// Numbers acknowledged, counted from the other end's SYN.
    acknowledged: u32,
    /// Right edge of its window, counted the same way.
    edge: u32,
    /// Number of the SYN of its life before this one, and the numbers used then.
    former: Option<(SequenceNumber, u32)>,
    /// The window shift of then.
    former_scale: Option<u8>,
}

impl Wire {
    /// What was said of a flow is not true of its next life.
    pub fn forget(&mut self, flow: &Flow) {
        self.conversations.remove(flow);
    }

    /// Checks what `side` sends for `connection` and remembers it.
    ///
    /// # Panics
    /// When it may not be sent.
    pub fn look(&mut self, flow: Flow, side: usize, connection: usize, bytes: &[u8]) {
        let segment = Segment::parse(bytes).expect("we write whole headers");
        let options = Options::parse(segment.options).expect("and options");
        let ends = self.conversations.entry(flow).or_default();
        let header = segment.header;
        if header.flags.contains(Flags::RST) {
            return;
        }
        if header.flags.contains(Flags::SYN) && ends[side].initial != Some(header.sequence) {
            // Another life of the same flow, or a request that starts again.
            let former = ends[side].initial.map(|initial| (initial, ends[side].used));
            ends[side] = Direction {
                former,
                former_scale: ends[side].scale,
                initial: Some(header.sequence),
                scale: options.window_scale,
                // What may be sent before the handshake is over (RFC 7413, section 4.2.2).
                edge: 1 + u32::from(header.window),
                ..Direction::default()
            };
        }
        if let Some((first, used)) = ends[side].former
            && ends[side].used == 1
            && header.sequence == first + used
        {
            // A cookie was brought back, though a late copy of the SYN had begun another life.
            ends[side] = Direction {
                initial: Some(first),
                scale: ends[side].former_scale,
                former: None,
                ..ends[side]
            };
        }
        let (mut mine, other) = (ends[side], ends[1 - side]);
        let Some(initial) = mine.initial else {
            return;
        };
        mine.sends(&segment, initial, &other, stream_key(connection, side));
        if let Some(initial) = other.initial
            && header.flags.contains(Flags::ACK)
            && !other.was_told_before(header.acknowledgment, initial)
        {
            mine.acknowledges(&segment, &options, initial, &other);
        }
        ends[side] = mine;
    }
}

impl Direction {
    /// True when a number acknowledged is one of its former life, and none of this one: a late copy of a SYN began this one, of
    /// which the other end knows nothing.
    fn was_told_before(&self, number: SequenceNumber, initial: SequenceNumber) -> bool {
        let is_ours = number.since(initial) <= self.used;
        let is_former = |(first, used): (SequenceNumber, u32)| number.since(first) <= used;
        !is_ours && self.former.is_some_and(is_former)
    }

    fn sends(&mut self, segment: &Segment<'_>, initial: SequenceNumber, other: &Self, key: u64) {
        let flags = segment.header.flags;
        let first = segment.header.sequence.since(initial);
        let end = first.wrapping_add(segment.sequence_length());
        // A keepalive stands just before what is next.
        assert!(
            first <= self.used,
            "a gap is left: {} {self:?}",
            shown(segment)
        );
        let data = first + u32::from(flags.contains(Flags::SYN));
        for (index, byte) in segment.payload.iter().enumerate() {
            let offset = data as usize - 1 + index;
            let written = pattern(key, offset);
            assert_eq!(*byte, written, "wrong byte at {offset}: {}", shown(segment));
        }
        if flags.contains(Flags::FIN) {
            let at = end - 1;
            assert_eq!(*self.fin.get_or_insert(at), at, "the FIN moves");
        }
        assert!(
            self.fin.is_none_or(|fin| end <= fin + 1),
            "more behind the FIN: {}",
            shown(segment)
        );
        if !segment.payload.is_empty() && !flags.contains(Flags::SYN) {
            // One byte more may ask whether the window has opened (RFC 9293, section 3.8.6.1).
            assert!(
                data + segment.payload.len() as u32 <= other.edge + 1,
                "beyond the window: {} {self:?} {other:?}",
                shown(segment)
            );
        }
        self.used = self.used.max(end);
    }

    fn acknowledges(
        &mut self,
        segment: &Segment<'_>,
        options: &Options,
        initial: SequenceNumber,
        other: &Self,
    ) {
        let header = segment.header;
        let acknowledged = header.acknowledgment.since(initial);
        assert!(
            acknowledged <= other.used,
            "what was never sent is acknowledged: {} {other:?}",
            shown(segment)
        );
        if header.flags.contains(Flags::SYN) && acknowledged < self.acknowledged {
            // A late copy of the SYN, when the connection is gone: a cookie's number is the same again within its minute.
            return;
        }
        assert!(
            acknowledged >= self.acknowledged,
            "an acknowledgement is taken back: {} {self:?}",
            shown(segment)
        );
        self.acknowledged = acknowledged;
        let scale = match (self.scale, other.scale) {
            (Some(mine), Some(_)) => mine,
            _ => 0,
        };
        if header.flags.contains(Flags::SYN) {
            // Its field is not scaled and says less, perhaps, than an acknowledgement before it (RFC 7323, section 2.2).
            self.edge = self.edge.max(acknowledged + u32::from(header.window));
            return;
        }
        let edge = acknowledged + (u32::from(header.window) << scale);
        // RFC 9293, section 3.8.6: the window is not to shrink, but for what no unit of the field says (RFC 7323, section
        // 2.4); what was told before stays good.
        assert!(
            edge + (1 << scale) > self.edge,
            "the right edge goes back by {}: {} {self:?}",
            self.edge - edge,
            shown(segment)
        );
        self.edge = self.edge.max(edge);
        for block in options.sack.as_slice() {
            let left = block.left.since(initial);
            let right = block.right.since(initial);
            assert!(
                left < right && right <= other.used,
                "ranges that were never sent: {} {options:?} {other:?}",
                shown(segment)
            );
        }
    }
}

/// A segment as a reader wants to see it.
pub fn shown(segment: &Segment<'_>) -> String {
    let header = &segment.header;
    let number = |number: SequenceNumber| number.since(SequenceNumber::default());
    let mut text = format!(
        "{} > {} {:?} seq {} ack {} win {} with {} bytes",
        header.source_port,
        header.destination_port,
        header.flags,
        number(header.sequence),
        number(header.acknowledgment),
        header.window,
        segment.payload.len()
    );
    if header.flags.contains(Flags::URG) {
        text += &format!(" urgent {}", header.urgent_pointer);
    }
    let options = Options::parse(segment.options).unwrap_or_default();
    if let Some(stamps) = options.timestamps {
        text += &format!(" ts {} echo {}", stamps.value, stamps.echo);
    }
    for block in options.sack.as_slice() {
        text += &format!(" sack {}..{}", number(block.left), number(block.right));
    }
    text
}
