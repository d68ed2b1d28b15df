//! Header prediction, as Linux has it: what nearly all segments of an established connection are takes a short way.

use super::{Connection, Context, is_before};
use crate::connection::User;
use crate::header::{Flags, Header, Segment};
use crate::header_options::Timestamps;
use crate::memory::Memory;
use crate::packet::{Reader, Verdict};
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
            && !receive.has_fin
            && !receive.has_urgent
            && is_fresh
            && !self.user.has(User::ORPHAN)
            && self.extension.is_plain()
    }

    /// What is left to do for such a segment.
    #[inline(always)]
    pub(crate) fn arrives_as_predicted<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        timestamps: Option<Timestamps>,
        reader: Option<&mut dyn Reader>,
    ) -> Verdict {
        self.last_received = Past::at(context.now);
        self.send.keepalive_probes = 0;
        let progress = self.acknowledge_as_predicted(context, &segment.header);
        if let Some(stamp) = timestamps
            && segment.header.sequence <= self.receive.acknowledged
        {
            self.stamps.recent = stamp.value;
        }
        if segment.payload.is_empty() {
            context.counters.pure_acks.increment();
            return Verdict::Accepted { progress };
        }
        match self.deliver_whole(context, segment, reader) {
            Ok(()) => Verdict::Accepted { progress },
            Err(reason) => Verdict::Dropped(reason),
        }
    }

    /// SEG.ACK is between SND.UNA and SND.NXT, there are no SACK blocks, and no loss is suspected; true when it
    /// acknowledges something new.
    #[inline(always)]
    fn acknowledge_as_predicted<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        header: &Header,
    ) -> bool {
        self.hear_echo(context, header.flags);
        self.take_window(context, header);
        let is_new = header.acknowledgment > self.send.unacknowledged;
        if is_new {
            self.acknowledge_in_order(context, header.acknowledgment);
        }
        is_new
    }
}
