//! Header prediction, as Linux has it: what nearly all segments of an established connection are takes a short way.

use super::{Connection, Context, is_before};
use crate::connection::{Facts, User};
use crate::header::{Flags, HEADER_BYTES};
use crate::header_options::Timestamps;
use crate::memory::Memory;
use crate::packet::{Reader, Verdict};
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::time::Past;

/// A segment with ACK, perhaps with PSH, and no other flag; with timestamps where they were agreed on, and no other option.
pub(crate) struct Predicted<'a> {
    sequence: SequenceNumber,
    pub(crate) acknowledgment: SequenceNumber,
    window: u16,
    pub(crate) flags: Flags,
    /// TSval, or 0.
    stamp: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Predicted<'a> {
    /// Takes `bytes` apart; None when they are any other segment.
    #[inline(always)]
    pub(crate) fn read(bytes: &'a [u8], has_timestamps: bool) -> Option<Self> {
        let (fixed, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let (stamp, payload, length) = if has_timestamps {
            let (option, payload) = rest.split_first_chunk::<{ Timestamps::OPTION_BYTES }>()?;
            (Timestamps::value_of(option)?, payload, LENGTH_WITH_STAMP)
        } else {
            (0, rest, LENGTH)
        };
        let word = u16::from_be_bytes([fixed[12], fixed[13]]);
        let flags = Flags::from_bits(word);
        if word & LENGTH_MASK != length || flags.without(Flags::PSH) != Flags::ACK {
            return None;
        }
        Some(Self {
            sequence: SequenceNumber::of_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            acknowledgment: SequenceNumber::of_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            window: u16::from_be_bytes([fixed[14], fixed[15]]),
            flags,
            stamp,
            payload,
        })
    }
}

impl<Q: Default> Connection<Q> {
    /// The segment is what an established connection without holes expects: data that is next, or an acknowledgement of
    /// something new. All checks of RFC 9293, section 3.10.7.4, would pass.
    #[inline(always)]
    pub(crate) fn is_predicted(&self, segment: &Predicted<'_>) -> bool {
        let (send, receive) = (&self.send, &self.receive);
        let acknowledgment = segment.acknowledgment;
        self.state == State::Established
            && segment.sequence == receive.next
            && segment.payload.len() <= receive.window() as usize
            && (acknowledgment > send.unacknowledged
                || (acknowledgment == send.unacknowledged && !segment.payload.is_empty()))
            && acknowledgment <= send.next
            && !(self.stamps.is_on && is_before(segment.stamp, self.stamps.recent))
            && receive.ranges.is_empty()
            && !send.scoreboard.is_held()
            && !receive.facts.has(Facts::FIN | Facts::URGENT)
            && !self.user.has(User::ORPHAN)
            && self.extension.is_plain()
    }

    /// What its header tells, but for the acknowledgment and marks.
    #[inline(always)]
    pub(crate) fn take_header<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Predicted<'_>,
    ) {
        self.last_received = Past::at(context.now);
        self.send.keepalive_probes = 0;
        let window = u32::from(segment.window) << self.send.scale;
        self.take_window(context, (segment.sequence, segment.acknowledgment), window);
        // Without timestamps it is zero, and nobody asks for it.
        if segment.sequence <= self.receive.acknowledged {
            self.stamps.recent = segment.stamp;
        }
    }

    /// What is left to do then. `marks` are its flags and its ECN bits.
    #[inline(never)]
    pub(crate) fn arrives_as_predicted<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        (acknowledgment, payload): (SequenceNumber, &[u8]),
        marks: (Flags, u8),
        reader: Option<&mut dyn Reader>,
    ) -> Verdict {
        self.hear_echo(context, marks.0);
        let progress = acknowledgment > self.send.unacknowledged;
        if progress {
            self.acknowledge_in_order(context, acknowledgment);
        }
        if payload.is_empty() {
            context.counters.pure_acks.increment();
            return Verdict::Accepted { progress };
        }
        match self.deliver_whole(context, payload, marks, reader) {
            Ok(()) => Verdict::Accepted { progress },
            Err(reason) => Verdict::Dropped(reason),
        }
    }
}

/// The header's length stands before its flags, in words of four bytes.
const LENGTH_MASK: u16 = 0xf000;
const LENGTH: u16 = (HEADER_BYTES as u16 / 4) << 12;
const LENGTH_WITH_STAMP: u16 = ((HEADER_BYTES + Timestamps::OPTION_BYTES) as u16 / 4) << 12;
