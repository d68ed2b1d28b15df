//! The header of a segment after the SYN: what it tells the peer, and which options it has.

use super::super::{Connection, Context};
use crate::connection::Facts;
use crate::header::{Flags, Header};
use crate::header_options::Options;
use crate::sequence::SequenceNumber;

impl<Q: Default> Connection<Q> {
    /// With the window that is offered now.
    #[inline(always)]
    pub(super) fn header<M>(
        &mut self,
        context: &mut Context<M>,
        (sequence, flags): (SequenceNumber, Flags),
        is_usual: bool,
    ) -> Header {
        let mut header = self.header_without_window(sequence, flags);
        if !is_usual && self.extension.is_held() && !flags.contains(Flags::RST) {
            self.point_at_urgent(context, &mut header);
        }
        // As it was told last: what came since has moved on towards its edge.
        let was_open = self.receive.edge > self.receive.acknowledged;
        header.window = self.receive.offer(self.receive.scale);
        match (was_open, header.window > 0) {
            (true, false) => context.counters.to_zero_window.increment(),
            (false, true) => context.counters.from_zero_window.increment(),
            _ => {}
        }
        header
    }

    /// With a window of zero.
    pub(crate) fn header_without_window(&self, sequence: SequenceNumber, flags: Flags) -> Header {
        let has_ack = flags.contains(Flags::ACK);
        Header {
            source_port: self.flow.local.port,
            destination_port: self.flow.remote.port,
            sequence,
            acknowledgment: if has_ack {
                self.receive.next
            } else {
                SequenceNumber::default()
            },
            flags,
            window: 0,
            urgent_pointer: 0,
        }
    }

    /// Options of a segment after the SYN that has others than timestamps, or may have; None for nearly all.
    #[inline]
    pub(super) fn unusual_options<M>(&self, context: &Context<M>) -> Option<Options> {
        let ranges = &self.receive.ranges;
        let is_usual = !self.extension.is_held() && ranges.is_silent();
        if is_usual {
            return None;
        }
        Some(self.options(context))
    }

    /// Writes a header with `options`, or with the usual ones.
    #[inline(always)]
    pub(super) fn emit_header<M>(
        &self,
        context: &Context<M>,
        header: &Header,
        options: Option<&Options>,
        out: &mut [u8],
    ) -> Option<usize> {
        match options {
            Some(options) => header.emit(options, out),
            None => header.emit_usual(self.stamps.option(context.now), out),
        }
    }

    /// All options of a segment after the SYN.
    fn options<M>(&self, context: &Context<M>) -> Options {
        let mut options = Options {
            timestamps: self.stamps.option(context.now),
            ..Options::default()
        };
        if self.extension.is_held() {
            options.signature = self.signature(context);
        }
        let ranges = &self.receive.ranges;
        if self.receive.facts.has(Facts::SACK) && (!ranges.is_empty() || ranges.has_duplicate()) {
            let fin = self.receive.facts.has(Facts::FIN);
            let fin = fin.then_some(self.receive.mark);
            options.sack = context.ranges.blocks(ranges, fin);
        }
        if self.receive.ecn.is_accurate() {
            self.offer_accurate_ecn(context, &mut options);
        }
        options
    }
}
