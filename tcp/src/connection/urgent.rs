//! Urgent data, sent and received: RFC 9293, section 3.8.5, and RFC 6093, as Linux does it.
//!
//! The mark is a position in the stream. A read stops in front of it. Out of line, the byte at the mark is not in the
//! stream: it is asked for apart, and whoever reads on passes it. In line it is a byte like others.

use super::{Connection, Context};
use crate::connection::{Due, Facts, User};
use crate::error::SendError;
use crate::extension::Extensions;
use crate::header::{Flags, Header, Segment};
use crate::memory::Memory;
use crate::options::sets::Flags as OptionFlags;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::urgent::{Mark, MarkedByte, UrgentError, UrgentMark};

/// What can be read now: bytes in front of it that are no part of the stream, and how many can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Front {
    pub(crate) skipped: u32,
    pub(crate) readable: u32,
}

impl<Q: Default> Connection<Q> {
    /// As `send`, or if so `send_promised`; the last byte that finds room is urgent.
    /// RFC 9293, MUST-30, MUST-31.
    pub(crate) fn send_urgent<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        data: &[u8],
        is_promised: bool,
    ) -> Result<usize, SendError> {
        self.may_send()?;
        if context.extensions.ensure(&mut self.extension).is_none() {
            context.counters.extensions_exhausted.increment();
            return Err(SendError::NoExtension);
        }
        let taken = match is_promised {
            true => self.send_promised(context, data, false)?,
            false => self.send(context, data, false)?,
        };
        if taken > 0
            && let Some(extension) = context.extensions.get_mut(&self.extension)
        {
            // RFC 9293, MUST-62: it points behind the urgent data.
            extension.urgent.send = Some(self.send.unacknowledged + self.send.queued);
            context.counters.urgent_out.increment();
            self.due.set(Due::FLUSH);
        }
        Ok(taken)
    }

    /// Urgent data is queued or outstanding: neither Nagle nor a cork holds anything back (as Linux).
    #[cold]
    pub(super) fn has_urgent_to_send(&self, extensions: &Extensions) -> bool {
        let extension = extensions.get(&self.extension);
        let end = extension.and_then(|extension| extension.urgent.send);
        end.is_some_and(|end| end > self.send.unacknowledged)
    }

    /// Tells in a segment of urgent data that lies in it or beyond: as far as the field can say it, or for the first
    /// time that it is out of its reach, that it is far (as Linux).
    #[cold]
    pub(super) fn point_at_urgent<M>(&self, context: &mut Context<M>, header: &mut Header) {
        let Some(extension) = context.extensions.get_mut(&self.extension) else {
            return;
        };
        let Some(end) = extension.urgent.send else {
            return;
        };
        if end <= self.send.unacknowledged {
            extension.urgent.send = None;
            return;
        }
        if header.sequence >= end {
            return;
        }
        let pointer = u16::try_from(end.since(header.sequence));
        if let Ok(pointer) = pointer {
            header.urgent_pointer = pointer;
        } else if header.sequence + u32::from(u16::MAX) > self.send.next {
            header.urgent_pointer = u16::MAX;
        } else {
            return;
        }
        header.flags = header.flags | Flags::URG;
    }

    /// Whether a probe goes with the number that is next, so that the urgent pointer passes a closed window; the one that
    /// provokes an answer follows it (as Linux).
    #[cold]
    pub(super) fn probes_with_pointer<M>(&self, context: &mut Context<M>) -> bool {
        let first = self.send.unacknowledged;
        let Some(extension) = context.extensions.get_mut(&self.extension) else {
            return false;
        };
        let urgent = &mut extension.urgent;
        let is_in_reach = urgent
            .send
            .is_some_and(|end| end > first && end <= first + u32::from(u16::MAX));
        urgent.is_probed = is_in_reach && !urgent.is_probed;
        urgent.is_probed
    }

    /// Sixth check of section 3.10.7.4: the urgent pointer, and the byte that it points at.
    /// RFC 9293, MUST-66.
    #[cold]
    pub(super) fn urgent_arrives<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
    ) {
        let is_open = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        if !is_open || self.user.has(User::ORPHAN) || segment.header.flags.contains(Flags::SYN) {
            return;
        }
        if segment.header.flags.contains(Flags::URG) {
            self.take_pointer(context, &segment.header);
        }
        let extension = context.extensions.get_mut(&self.extension);
        let mark = extension.and_then(|extension| extension.urgent.receive.as_mut());
        let Some(mark) = mark.filter(|mark| mark.byte == MarkedByte::Awaited) else {
            return;
        };
        let first = segment.header.sequence;
        if mark.at >= first
            && let Some(byte) = segment.payload.get(mark.at.since(first) as usize)
        {
            mark.byte = MarkedByte::Here(*byte);
            self.user.set(User::URGENT);
        }
    }

    fn take_pointer<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>, header: &Header) {
        let pointer = u32::from(header.urgent_pointer);
        // Behind the urgent data, and what is kept is its last byte; by the older reading (tcp_stdurg) that byte itself.
        let back = u32::from(pointer != 0 && !context.limits.standard_urgent_pointer);
        let at = header.sequence + pointer - back;
        if at < self.receive.next {
            return;
        }
        let front = self.front(&context.extensions);
        let Some(extension) = context.extensions.ensure(&mut self.extension) else {
            // It is delivered as if it were not urgent.
            context.counters.extensions_exhausted.increment();
            return;
        };
        if extension.urgent.receive.is_some_and(|mark| at <= mark.at) {
            return;
        }
        extension.urgent.receive = Some(Mark {
            at,
            byte: MarkedByte::Awaited,
        });
        if front.skipped > 0 {
            // The user stands in front of the old byte, which was out of line and would be in the stream now.
            context.memory.release(&mut self.receive.queue, 1);
            self.receive.readable -= 1;
        }
        self.receive.facts.set(Facts::URGENT);
        // RFC 9293, MUST-32: also while the byte is still to come.
        self.user.set(User::URGENT);
        context.counters.urgent_in.increment();
    }

    /// What a read would find.
    #[inline]
    pub(crate) fn front(&self, extensions: &Extensions) -> Front {
        if self.receive.facts.has(Facts::URGENT) {
            return self.front_of_mark(extensions);
        }
        Front {
            skipped: 0,
            readable: self.receive.readable,
        }
    }

    #[cold]
    fn front_of_mark(&self, extensions: &Extensions) -> Front {
        let readable = self.receive.readable;
        let before = self.bytes_before_mark(extensions).unwrap_or(readable);
        let is_inline = self.user.options.flags.contains(OptionFlags::URGENT_INLINE);
        if before > 0 {
            let readable = readable.min(before);
            Front {
                skipped: 0,
                readable,
            }
        } else {
            let skipped = u32::from(readable > 0 && !is_inline);
            Front {
                skipped,
                readable: readable - skipped,
            }
        }
    }

    /// The user has read `count` bytes of those that can be read; gives how many leave the queue.
    #[cold]
    pub(super) fn pass_mark_with<M>(&mut self, context: &mut Context<M>, count: u32) -> u32 {
        let front = self.front(&context.extensions);
        let count = count.min(front.readable);
        let before = self.bytes_before_mark(&context.extensions);
        if count > 0 && before == Some(0) {
            self.forget_mark(&mut context.extensions);
            return front.skipped + count;
        }
        count
    }

    /// The user reads on at the mark, although nothing may be there yet: the byte out of line is out of its reach then.
    pub(crate) fn pass_mark<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if self.front(&context.extensions).skipped > 0 {
            self.forget_mark(&mut context.extensions);
            context.memory.release(&mut self.receive.queue, 1);
            self.receive.readable -= 1;
            self.was_read(context, 1);
        }
    }

    fn forget_mark(&mut self, extensions: &mut Extensions) {
        self.receive.facts.unset(Facts::URGENT);
        if let Some(extension) = extensions.get_mut(&self.extension) {
            extension.urgent.receive = None;
        }
    }

    /// The urgent byte, out of line; it is given again when it was only looked at.
    pub(crate) fn receive_urgent<M>(
        &mut self,
        context: &mut Context<M>,
        is_peek: bool,
    ) -> Result<u8, UrgentError> {
        let is_inline = self.user.options.flags.contains(OptionFlags::URGENT_INLINE);
        let extension = context.extensions.get_mut(&self.extension);
        let mark = extension.and_then(|extension| extension.urgent.receive.as_mut());
        let mark = mark.filter(|_| !is_inline).ok_or(UrgentError::Nothing)?;
        match mark.byte {
            MarkedByte::Taken => Err(UrgentError::Nothing),
            _ if self.user.error.is_some() => Err(UrgentError::NoConnection),
            MarkedByte::Here(byte) => {
                if !is_peek {
                    mark.byte = MarkedByte::Taken;
                }
                Ok(byte)
            }
            MarkedByte::Awaited if self.receive.facts.has(Facts::FINISHED) => {
                Err(UrgentError::EndOfStream)
            }
            MarkedByte::Awaited => Err(UrgentError::NotYet),
        }
    }

    /// What its user is told of the mark; None without one.
    #[cold]
    pub(crate) fn urgent_mark(&self, extensions: &Extensions) -> Option<UrgentMark> {
        let mark = extensions.get(&self.extension)?.urgent.receive?;
        let before = self.bytes_before_mark(extensions)?;
        let behind = self.receive.readable.saturating_sub(before);
        let is_inline = self.user.options.flags.contains(OptionFlags::URGENT_INLINE);
        Some(UrgentMark {
            bytes_before: before as usize,
            is_here: matches!(mark.byte, MarkedByte::Here(_)),
            has_more: behind > u32::from(!is_inline) || self.behind_readable().is_err(),
        })
    }

    fn bytes_before_mark(&self, extensions: &Extensions) -> Option<u32> {
        let mark = extensions.get(&self.extension)?.urgent.receive?;
        Some(mark.at.since(self.read_up_to()))
    }

    /// The number of the next byte to read.
    fn read_up_to(&self) -> SequenceNumber {
        self.receive.next
            - self.receive.readable
            - u32::from(self.receive.facts.has(Facts::FINISHED))
    }
}
