//! Header prediction, as Linux has it: what nearly all segments of an established connection are takes a short way.

use super::{Connection, Context, is_before};
use crate::connection::{Facts, User};
use crate::header::{Flags, Segment};
use crate::header_options::Timestamps;
use crate::memory::Memory;
use crate::packet::{Reader, Verdict};
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::time::Past;

impl<Q: Default> Connection<Q> {
    /// The segment, which has no options but perhaps `timestamps`, is what an established connection without holes
    /// expects, data that is next or an acknowledgement of something new. All checks of RFC 9293, section 3.10.7.4,
    /// would pass.
    #[inline(always)]
    pub(crate) fn is_predicted(
        &self,
        segment: &Segment<'_>,
        timestamps: Option<Timestamps>,
    ) -> bool {
        let (header, send, receive) = (&segment.header, &self.send, &self.receive);
        let is_fresh = match timestamps {
            Some(stamp) => self.stamps.is_on && !is_before(stamp.value, self.stamps.recent),
            None => !self.stamps.is_on,
        };
        self.state == State::Established
            && header.flags.without(Flags::PSH) == Flags::ACK
            && header.sequence == receive.next
            && segment.payload.len() <= receive.window() as usize
            && (header.acknowledgment > send.unacknowledged
                || (header.acknowledgment == send.unacknowledged && !segment.payload.is_empty()))
            && header.acknowledgment <= send.next
            && receive.ranges.is_empty()
            && !send.scoreboard.is_held()
            && !receive.facts.has(Facts::FIN | Facts::URGENT)
            && is_fresh
            && !self.user.has(User::ORPHAN)
            && self.extension.is_plain()
    }

    /// What is left to do for such a segment. Its number is RCV.NXT, and it has timestamps where they were agreed on.
    #[inline(never)]
    pub(crate) fn arrives_as_predicted<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        payload: &[u8],
        (told, stamp): (Told, u32),
        reader: Option<&mut dyn Reader>,
    ) -> Verdict {
        let sequence = self.receive.next;
        self.last_received = Past::at(context.now);
        self.send.keepalive_probes = 0;
        self.hear_echo(context, told.flags);
        let window = u32::from(told.window) << self.send.scale;
        self.take_window(context, (sequence, told.acknowledgment), window);
        let progress = told.acknowledgment > self.send.unacknowledged;
        if progress {
            self.acknowledge_in_order(context, told.acknowledgment);
        }
        if self.stamps.is_on && sequence <= self.receive.acknowledged {
            self.stamps.recent = stamp;
        }
        if payload.is_empty() {
            context.counters.pure_acks.increment();
            return Verdict::Accepted { progress };
        }
        match self.deliver_whole(context, payload, (told.flags, told.ecn), reader) {
            Ok(()) => Verdict::Accepted { progress },
            Err(reason) => Verdict::Dropped(reason),
        }
    }
}

/// What a predicted segment tells besides its payload, in one word.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    acknowledgment: SequenceNumber,
    window: u16,
    flags: Flags,
    ecn: u8,
}

impl Told {
    /// By `segment`.
    #[inline(always)]
    pub(crate) fn by(segment: &Segment<'_>) -> Self {
        Self {
            acknowledgment: segment.header.acknowledgment,
            window: segment.header.window,
            flags: segment.header.flags,
            ecn: segment.ecn,
        }
    }
}
