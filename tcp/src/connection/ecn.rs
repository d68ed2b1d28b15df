//! Explicit congestion notification: RFC 3168, sections 5, 5.2 and 6.1 (RFC 9293, SHLD-8), and the receiver of DCTCP
//! (RFC 8257, section 3.2).
//!
//! The receiver echoes a mark (ECE) until the sender says that it has reduced its window (CWR); the sender
//! takes an echo as it takes a loss, once in a window of data. What the window does then is `recovery.rs`'s. The accurate
//! kind is `accurate_ecn.rs`'s.

use super::{Connection, Context};
use crate::connection::Due;
use crate::ecn::{CE, ECT_0, NOT_ECT};
use crate::header::{Flags, Segment};
use crate::header_options::Options;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::reply::Reply;

/// What a connection knows of marks, in one byte.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ecn(u8);

impl Ecn {
    /// Both ends have agreed on it, or our SYN asks for it.
    const ON: u8 = 1;
    /// A mark has come: ECE stands on all segments until the peer says CWR. For DCTCP: the last one was marked.
    const ECHOES: u8 = 2;
    /// The window was reduced: CWR is to stand on the next new data.
    const REDUCED: u8 = 4;
    /// A segment of the peer has come that the network could have marked.
    const SEEN: u8 = 8;
    /// The acknowledgement that is being taken carries ECE.
    const ECHOED: u8 = 16;
    /// Both ends have agreed on AccECN, or our SYN asks for it. Then neither `ON` nor what tells or hears of marks in
    /// the classic way is set, but for `REDUCED`: there it says that the flags of a segment have CWR among them.
    const ACCURATE: u8 = 32;
    /// Each segment has an AccECN option.
    const OPTION: u8 = 64;

    /// What [`Self::ACCURATE`] says, and nothing else.
    pub(crate) const ACCURATE_ONLY: Self = Self(Self::ACCURATE);

    /// As a SYN or SYN-ACK agrees on it.
    pub(crate) fn new(is_on: bool) -> Self {
        Self(if is_on { Self::ON } else { 0 })
    }

    /// As a SYN asks for it, or does not.
    pub(crate) fn asking(limits: &Limits, needs_marks: bool) -> Self {
        if limits.ecn.asks_accurate() {
            Self::ACCURATE_ONLY
        } else {
            Self::new(limits.ecn.asks() || needs_marks)
        }
    }

    /// Both ends have agreed on the classic kind.
    #[inline]
    pub(crate) fn is_on(self) -> bool {
        self.has(Self::ON)
    }

    /// The window was reduced, for whatever reason: the peer is to hear of it (RFC 3168, section 6.1.2).
    #[inline]
    pub(crate) fn window_reduced(&mut self) {
        if self.is_on() {
            self.0 |= Self::REDUCED;
        }
    }

    /// Both ends have agreed on AccECN, or our SYN asks for it.
    #[inline]
    pub(crate) fn is_accurate(self) -> bool {
        self.has(Self::ACCURATE)
    }

    /// TCPI_OPT_ECN and TCPI_OPT_ECN_SEEN.
    pub(crate) fn info_options(self) -> u8 {
        let agreed = if self.0 & (Self::ON | Self::ACCURATE) == 0 {
            0
        } else {
            8
        };
        let seen = if self.has(Self::SEEN) { 16 } else { 0 };
        agreed | seen
    }

    /// A segment of the peer has come that the network could have marked.
    pub(crate) fn note_seen(&mut self) {
        self.0 |= Self::SEEN;
    }

    /// Bytes of option that each segment has for it.
    #[inline]
    pub(crate) fn option_bytes(self) -> usize {
        if self.has(Self::OPTION) { 12 } else { 0 }
    }

    /// Each segment has an AccECN option from now on, or none.
    pub(crate) fn has_option(&mut self, is_set: bool) {
        self.put(Self::OPTION, is_set);
    }

    /// The flags of the next segments have CWR among them: a port that cuts segments may take it off all but the first
    /// (RFC 9768, section 3.3.4).
    pub(crate) fn has_cwr(&mut self, is_set: bool) {
        self.put(Self::REDUCED, is_set);
    }

    /// The next new segment tells the peer of it: that one alone.
    #[inline]
    pub(crate) fn is_to_confess(self) -> bool {
        self.has(Self::REDUCED)
    }

    /// The flags that a segment carries: `is_new` for data that is sent for the first time.
    #[inline]
    pub(crate) fn flags(&mut self, is_new: bool) -> Flags {
        if self.0 & (Self::ECHOES | Self::REDUCED) == 0 {
            return Flags::NONE;
        }
        let mut flags = Flags::NONE;
        if self.has(Self::ECHOES) {
            flags = flags | Flags::ECE;
        }
        if is_new && self.has(Self::REDUCED) {
            self.0 &= !Self::REDUCED;
            flags = flags | Flags::CWR;
        }
        flags
    }

    #[inline]
    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    fn put(&mut self, bit: u8, is_set: bool) {
        if is_set {
            self.0 |= bit;
        } else {
            self.0 &= !bit;
        }
    }
}

impl<Q: Default> Connection<Q> {
    /// The flags by which our SYN asks for it, or a SYN-ACK agrees. One that was lost may have been lost for
    /// that: the next does not ask (RFC 3168, section 6.1.1.1).
    pub(super) fn ecn_flags_of_syn(
        &self,
        limits: &Limits,
        is_answer: bool,
        is_again: bool,
    ) -> Flags {
        if self.receive.ecn.is_accurate() && !is_answer {
            // RFC 9768, section 3.1.4.1: twice in all.
            let falls_back = limits.ecn_fallback && self.send.attempts >= 2;
            return if falls_back {
                Flags::NONE
            } else {
                ASKS_ACCURATE
            };
        }
        match (self.receive.ecn.is_on(), is_answer) {
            (true, true) => Flags::ECE,
            (true, false) if !(is_again && limits.ecn_fallback) => Flags::ECE | Flags::CWR,
            _ => Flags::NONE,
        }
    }

    /// The flags of a segment with `options`, and the bits of its IP header: only data that is sent for the first time
    /// may be marked (RFC 3168, sections 6.1.4 to 6.1.6); under DCTCP all may (RFC 8257, section 3.1; as Linux).
    #[inline(always)]
    pub(super) fn ecn_of_segment<M>(
        &mut self,
        context: &mut Context<M>,
        options: Option<&Options>,
        (is_new, is_pure): (bool, bool),
    ) -> (Flags, u8) {
        if self.receive.ecn.0 & (Ecn::ON | Ecn::ACCURATE) == 0 {
            return (Flags::NONE, NOT_ECT);
        }
        if self.receive.ecn.is_accurate() {
            return self.tell_marks(context, options, is_pure);
        }
        let may_be_marked = is_new || (!is_pure && self.congestion.algorithm().needs_marks());
        let field = if may_be_marked { ECT_0 } else { NOT_ECT };
        (self.receive.ecn.flags(is_new), field)
    }

    /// The peer's SYN or SYN-ACK agrees on it, or does not (RFC 3168, section 6.1.1).
    pub(super) fn ecn_agreed<M>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) {
        if self.receive.ecn.is_accurate() {
            return self.accurate_ecn_agreed(context, segment, options);
        }
        let flags = segment.header.flags;
        let is_agreed = if flags.contains(Flags::ACK) {
            flags.contains(Flags::ECE) && !flags.contains(Flags::CWR)
        } else {
            flags.contains(Flags::ECE | Flags::CWR)
        };
        self.receive.ecn = Ecn::new(self.receive.ecn.is_on() && is_agreed);
    }

    /// Data has come: marked, or the peer tells that it has reduced its window.
    #[cold]
    pub(super) fn hear_mark<M>(&mut self, context: &mut Context<M>, flags: Flags, ecn: u8) {
        if self.congestion.algorithm().needs_marks() {
            return self.hear_each_mark(context, ecn);
        }
        if flags.contains(Flags::CWR) {
            self.receive.ecn.put(Ecn::ECHOES, false);
            // The peer's window may be down to one segment (as Linux).
            self.due.set(Due::ACKNOWLEDGE);
        }
        match ecn {
            // Most likely a retransmission (as Linux): the peer waits for its acknowledgement.
            NOT_ECT if self.receive.ecn.has(Ecn::SEEN) => self.receive.be_quick_twice(),
            NOT_ECT => {}
            CE => {
                context.counters.in_ce.increment();
                if !self.receive.ecn.has(Ecn::ECHOES) {
                    self.receive.be_quick_twice();
                }
                self.receive.ecn.put(Ecn::ECHOES | Ecn::SEEN, true);
            }
            _ => self.receive.ecn.put(Ecn::SEEN, true),
        }
    }

    /// RFC 8257, section 3.2: each mark is echoed as it is. Where delayed acknowledgements would cover both
    /// kinds, the kind before is acknowledged at once.
    fn hear_each_mark<M>(&mut self, context: &mut Context<M>, ecn: u8) {
        let is_marked = ecn == CE;
        if is_marked {
            context.counters.in_ce.increment();
        }
        if is_marked != self.receive.ecn.has(Ecn::ECHOES) {
            if self.receive.next != self.receive.acknowledged {
                self.acknowledge_before(context);
            }
            self.receive.ecn.put(Ecn::ECHOES, is_marked);
            self.due.set(Due::ACKNOWLEDGE);
        }
    }

    /// The data before a change of marks, with the flags of then.
    fn acknowledge_before<M>(&mut self, context: &mut Context<M>) {
        let scale = self.receive.scale;
        let reply = Reply {
            flow: self.flow,
            sequence: self.send.next,
            acknowledgment: self.receive.next,
            flags: Flags::ACK | self.receive.ecn.flags(false),
            window: self.receive.offer(scale),
            timestamps: self.stamps.option(context.now),
            syn: None,
            signature: None,
        };
        self.reply(context, reply);
        self.receive.acknowledged = self.receive.next;
    }

    /// What an acknowledgement says of marks (RFC 3168, section 6.1.2).
    #[inline(always)]
    pub(super) fn hear_echo<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        flags: Flags,
    ) {
        if self.receive.ecn.is_on() {
            self.hear_echo_of(context, flags);
        }
    }

    #[inline(never)]
    fn hear_echo_of<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>, flags: Flags) {
        let is_echo = flags.contains(Flags::ECE) && !flags.contains(Flags::SYN);
        self.receive.ecn.put(Ecn::ECHOED, is_echo);
        if is_echo && self.send.outstanding() > 0 {
            self.enter_reducing(context);
        }
    }

    /// Of `delivered` bytes, those that count as marked: all that an acknowledgement with ECE delivers.
    #[inline]
    pub(super) fn marked<M>(&self, context: &Context<M>, delivered: u32) -> u32 {
        if self.receive.ecn.has(Ecn::ECHOED) {
            let segment = self.congestion.segment().max(1);
            let segments = u64::from(delivered.div_ceil(segment));
            context.counters.delivered_ce.add(segments);
            delivered
        } else {
            0
        }
    }
}

/// True for a SYN that asks for it and that we want to agree with.
pub(crate) fn is_asked_for(limits: &Limits, segment: &Segment<'_>) -> bool {
    // A SYN that could be marked itself is no SYN of RFC 3168 (as Linux).
    limits.ecn.answers()
        && segment.header.flags.contains(Flags::ECE | Flags::CWR)
        && segment.ecn == NOT_ECT
}

/// The flags of a SYN that asks for AccECN.
const ASKS_ACCURATE: Flags = Flags::of_ace(0b111);
