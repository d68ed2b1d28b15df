//! AccECN of one connection (RFC 9768): agreed on in the handshake, told with each segment, heard from each
//! acknowledgement. The counters themselves are `crate::accurate_ecn`'s.
//!
//! As Linux, all segments but SYN, SYN-ACK and RST may be marked: pure ACKs and what is sent again too (RFC 8311,
//! section 4.3), since the peer counts marks on them.

use super::ecn::Ecn;
use super::{Connection, Context};
use crate::accurate_ecn::{
    AccurateEcn, CLASSIC_AGREED, Feedback, Heard, Progress, Seen, Told, field_told, is_asked_for,
    reflected,
};
use crate::connection::{Due, Facts};
use crate::ecn::{CE, ECT_0, EcnOption, NOT_ECT};
use crate::extension::Extensions;
use crate::header::{Flags, Header, Segment};
use crate::header_options::Options;
use crate::memory::Memory;
use crate::send_records::micros;
use crate::state::State;
use crate::table::request::Handshake;
use crate::tcp_info::EcnInfo;

impl<Q: Default> Connection<Q> {
    /// The peer's SYN-ACK, or the SYN that crossed ours, answers our wish for AccECN.
    /// RFC 9768, table 2 and sections 3.1.2, 3.1.3 and 3.2.2.3.
    pub(super) fn accurate_ecn_agreed<M>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) {
        let flags = segment.header.flags;
        let ace = flags.ace();
        let is_syn_ack = flags.contains(Flags::ACK);
        let is_agreed = match is_syn_ack {
            // A broken server reflects our flags.
            true => !matches!(ace, 0 | 0b111 | CLASSIC_AGREED),
            false => is_asked_for(flags),
        };
        if !is_agreed {
            let is_classic = if is_syn_ack {
                ace == CLASSIC_AGREED
            } else {
                ace == crate::accurate_ecn::CLASSIC
            };
            self.receive.ecn = Ecn::new(is_classic);
            return;
        }
        let mut state = AccurateEcn {
            feedback: Feedback::new(segment.ecn, is_syn_ack, 2),
            syn_field: segment.ecn,
            reflects: is_syn_ack,
            ..AccurateEcn::default()
        };
        if is_syn_ack {
            if let Some(option) = &options.accurate_ecn {
                state.heard.see(option);
            }
            let told = field_told(ace);
            // Our SYN could not be marked.
            state.is_mangled =
                context.limits.ecn_fallback && told.is_some_and(|field| field != NOT_ECT);
            if told == Some(CE) {
                self.congestion.on_handshake_loss();
            }
        }
        self.begin_accurate_ecn(context, state);
    }

    /// A request that has agreed on it becomes a connection. Its handshake's ACK is still to be looked at.
    /// RFC 9768, section 3.1.5: a SYN or SYN-ACK without the flags forbids ECT.
    pub(crate) fn accept_accurate_ecn<M>(
        &mut self,
        context: &mut Context<M>,
        handshake: &Handshake,
    ) {
        let Some(field) = handshake.agreed.accurate_ecn() else {
            return;
        };
        let state = AccurateEcn {
            feedback: Feedback::new(field, false, 1),
            syn_field: field,
            is_doubtful: handshake.agreed.is_ecn_doubtful() || handshake.falls_back(),
            ..AccurateEcn::default()
        };
        self.begin_accurate_ecn(context, state);
    }

    /// From here on the flags count. Where no block is left they stay zero, which tells the peer that marks are not
    /// heard of (RFC 9768, section 3.2.2.4).
    fn begin_accurate_ecn<M>(&mut self, context: &mut Context<M>, state: AccurateEcn) {
        self.receive.ecn = Ecn::new(false);
        let Some(extension) = context.extensions.ensure(&mut self.extension) else {
            context.counters.extensions_exhausted.increment();
            return;
        };
        extension.accurate_ecn = Some(state);
        self.extension.set_unpredicted();
        self.receive.ecn = Ecn::ACCURATE_ONLY;
        self.reflect_state(&state, context.limits.ecn_option);
    }

    /// The ACK of our SYN-ACK.
    /// RFC 9768, table 4 and section 3.2.2.3: a pure one tells how the SYN-ACK came.
    pub(crate) fn hear_handshake_ack<M>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) {
        let validates = context.limits.ecn_fallback;
        let policy = context.limits.ecn_option;
        let Some(state) = self.accurate_ecn(context) else {
            return;
        };
        if let Some(option) = &options.accurate_ecn {
            state.heard.see(option);
        }
        let is_pure = segment.sequence_length() == 0 && options.sack.is_empty();
        if is_pure {
            let ace = segment.header.flags.ace();
            state.heard.skips_next = true;
            if ace == 0 {
                state.is_deaf = true;
                state.is_mangled = true;
            }
            if let Some(field) = field_told(ace) {
                state.heard.packets = u32::from(field == CE);
                // Our SYN-ACK could not be marked.
                state.is_mangled |= validates && field != NOT_ECT;
            }
        }
        let state = *state;
        self.reflect_state(&state, policy);
    }

    /// A segment has come, acceptable by all of RFC 9293 and RFC 5961.
    #[cold]
    pub(super) fn count_marks<M>(&mut self, context: &mut Context<M>, segment: &Segment<'_>) {
        let flags = segment.header.flags;
        if flags.contains(Flags::SYN) {
            return;
        }
        let has_unacknowledged = self.receive.next != self.receive.acknowledged;
        let tells_sack = self.receive.facts.has(Facts::SACK);
        let length = segment.payload.len() as u32;
        let is_marked = segment.ecn == CE;
        let Some(state) = self.accurate_ecn(context) else {
            return;
        };
        let has_news = length > 0 || has_unacknowledged;
        let is_due = state
            .feedback
            .take(segment.ecn, length, has_unacknowledged || length > 0);
        let ace = state.feedback.ace();
        if is_marked && length > 0 {
            context.counters.in_ce.increment();
        }
        self.receive.ecn.has_cwr(ace & 2 != 0);
        if segment.ecn != NOT_ECT {
            self.receive.ecn.note_seen();
        }
        // The peer tells an acknowledgement of acknowledgements from a duplicate by its missing SACK blocks.
        if is_due && (has_news || tells_sack) {
            self.due.set(Due::ACKNOWLEDGE);
        }
    }

    /// The flags and the ECN field of a segment that is sent now with `options`.
    /// RFC 9768, sections 3.1.5, 3.2.2 and 3.2.2.1.
    #[cold]
    pub(super) fn tell_marks<M>(
        &mut self,
        context: &mut Context<M>,
        options: Option<&Options>,
        is_pure: bool,
    ) -> (Flags, u8) {
        let now_micros = micros(context.now);
        let sack = options.map(|options| &options.sack);
        let has_sack = sack.is_some_and(|sack| !sack.is_empty());
        let has_duplicate = self.receive.ranges.has_duplicate();
        let Some(state) = self.accurate_ecn(context) else {
            return (Flags::NONE, NOT_ECT);
        };
        let flags = if is_pure && state.reflects && !has_sack {
            reflected(state.syn_field)
        } else {
            Flags::of_ace(state.feedback.ace())
        };
        state.reflects &= !is_pure;
        let first = sack.and_then(|sack| sack.as_slice().first());
        state.feedback.told(&Told {
            now_micros,
            has_option: options.is_some_and(|options| options.accurate_ecn.is_some()),
            duplicate: first.filter(|_| has_duplicate).map(|block| block.left),
        });
        let field = if state.is_capable() { ECT_0 } else { NOT_ECT };
        (flags, field)
    }

    /// Adds the option to those of a segment, where it is wanted and fits.
    pub(super) fn offer_accurate_ecn<M>(&self, context: &Context<M>, options: &mut Options) {
        let limits = &context.limits;
        let extension = context.extensions.get(&self.extension);
        let Some(state) = extension.and_then(|extension| extension.accurate_ecn.as_ref()) else {
            return;
        };
        let moment = (
            micros(context.now),
            self.round_trip.smoothed(),
            limits.ecn_option_beacon,
        );
        if sends_option(state, limits.ecn_option)
            && state.feedback.wants_option(limits.ecn_option, moment)
        {
            let (option, least) = state.feedback.option();
            options.offer_accurate_ecn(option, least);
        }
    }

    /// The flags of our SYN-ACK, if this `is_answer`, and its option.
    /// RFC 9768, section 3.2.3.2.2: one that is sent again has no option, after that it has no flags either.
    pub(super) fn accurate_syn_ack<M>(
        &mut self,
        context: &mut Context<M>,
        is_answer: bool,
        options: &mut Options,
    ) -> Flags {
        if !is_answer || !self.receive.ecn.is_accurate() {
            return Flags::NONE;
        }
        let attempts = self.send.attempts;
        let policy = context.limits.ecn_option;
        let Some(state) = self.accurate_ecn(context) else {
            return Flags::NONE;
        };
        if attempts >= FALLBACK_ATTEMPTS {
            state.is_doubtful = true;
            return Flags::NONE;
        }
        if attempts == 0 && policy != EcnOption::Never {
            options.offer_accurate_ecn(Feedback::first_option(), 0);
        }
        reflected(state.syn_field)
    }

    /// The peer's SYN-ACK has come once more: the ACK of that tells how.
    /// RFC 9768, sections 3.1.5 and 3.2.2.1.
    pub(super) fn reflect_again<M>(&mut self, context: &mut Context<M>, segment: &Segment<'_>) {
        let header = &segment.header;
        if header.flags.contains(Flags::SYN | Flags::ACK)
            && header.sequence + 1 == self.receive.next
            && let Some(state) = self.accurate_ecn(context)
        {
            state.syn_field = segment.ecn;
            state.reflects = true;
            if segment.ecn == CE && state.feedback.packets == 0 {
                state.feedback.packets = 1;
            }
        }
    }

    /// Data that begins with `start` has come again. When that happens once more although it was told, and with an
    /// option, options are to blame perhaps.
    /// RFC 9768, section 3.2.3.2.2.
    pub(super) fn suspect_option<M>(
        &mut self,
        context: &mut Context<M>,
        start: crate::sequence::SequenceNumber,
    ) {
        let policy = context.limits.ecn_option;
        if let Some(state) = self.accurate_ecn(context)
            && state.feedback.is_swallowed(start)
        {
            state.is_option_lost = true;
            let state = *state;
            self.reflect_state(&state, policy);
        }
    }

    /// What an acknowledgement tells of marks: how many segments, and of how many bytes. `progress` is None for one that
    /// acknowledges nothing new; then a new timestamp must show that it was not overtaken (as Linux).
    /// RFC 9768, sections 3.2.2.2 and 3.2.3.1.
    #[cold]
    pub(super) fn hear_marks<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        header: &Header,
        options: &Options,
        progress: Option<Progress>,
    ) -> (u32, u32) {
        let is_newer = options.timestamps.is_some_and(|stamp| {
            self.stamps.is_on
                && header.sequence <= self.receive.acknowledged
                && super::is_before(self.stamps.recent, stamp.value)
        });
        let is_news = progress.is_some() || is_newer;
        let progress = progress.unwrap_or(Progress {
            segments: 0,
            bytes: 0,
            segment: self.congestion.segment(),
            is_sure: true,
        });
        let policy = context.limits.ecn_option;
        let Some(state) = self.accurate_ecn(context) else {
            return (0, 0);
        };
        let is_handshake =
            std::mem::take(&mut state.heard.skips_next) || header.flags.contains(Flags::SYN);
        if is_handshake || !is_news {
            return (0, 0);
        }
        let option = options.accurate_ecn.as_ref();
        let (count, bytes) = state.heard.take(header.flags.ace(), option, &progress);
        state.is_mangled |= state.heard.is_contradictory;
        let (is_deaf, state) = (state.is_deaf, *state);
        self.reflect_state(&state, policy);
        if is_deaf {
            return (0, 0);
        }
        context.counters.delivered_ce.add(u64::from(count));
        (count, bytes)
    }

    /// The flags that tell of marks when nothing more is counted.
    pub(crate) fn last_marks(&self, extensions: &Extensions) -> Flags {
        let extension = extensions.get(&self.extension);
        let state = extension.and_then(|extension| extension.accurate_ecn.as_ref());
        state.map_or(Flags::NONE, |state| Flags::of_ace(state.feedback.ace()))
    }

    /// A pure ACK is due before data, to tell how the SYN-ACK came.
    /// RFC 9768, section 3.2.2.1.
    pub(super) fn is_reflection_due(&self, extensions: &Extensions) -> bool {
        let extension = extensions.get(&self.extension);
        let state = extension.and_then(|extension| extension.accurate_ecn.as_ref());
        self.due.has(Due::ACKNOWLEDGE)
            && self.receive.ranges.is_empty()
            && state.is_some_and(|state| state.reflects)
    }

    /// What TCP_INFO says of it.
    pub(super) fn ecn_info(&self, extensions: &Extensions) -> EcnInfo {
        let extension = extensions.get(&self.extension);
        let state = extension.and_then(|extension| extension.accurate_ecn.as_ref());
        let mode = match (self.receive.ecn.is_on(), self.receive.ecn.is_accurate()) {
            (true, _) => 1,
            (false, true) if state.is_none() => 3,
            (false, is_accurate) => 2 * u8::from(is_accurate),
        };
        let Some(state) = state else {
            return EcnInfo {
                mode,
                ..EcnInfo::default()
            };
        };
        EcnInfo {
            mode,
            option_seen: state.heard.seen as u8,
            failures: state.failures(),
            delivered_ce: state.heard.packets,
            received_ce: state.feedback.packets,
            delivered_bytes: state.heard.bytes,
            received_bytes: state.feedback.bytes,
        }
    }

    /// The byte of the record says what each segment needs to know.
    fn reflect_state(&mut self, state: &AccurateEcn, policy: EcnOption) {
        let is_usual = policy >= EcnOption::Always && sends_option(state, policy);
        self.receive.ecn.has_option(is_usual);
        self.receive.ecn.has_cwr(state.feedback.ace() & 2 != 0);
    }

    fn accurate_ecn<'a, M>(&self, context: &'a mut Context<M>) -> Option<&'a mut AccurateEcn> {
        let extension = context.extensions.get_mut(&self.extension)?;
        extension.accurate_ecn.as_mut()
    }

    /// True while the handshake may still be answered by the peer's ACK (RFC 9768, section 3.2.2.1).
    pub(super) fn awaits_handshake_ack(&self) -> bool {
        self.receive.ecn.is_accurate() && (self.state == State::SynReceived || self.is_early())
    }
}

/// Options are sent to peers that send them too (as Linux), but where they get lost.
fn sends_option(state: &AccurateEcn, policy: EcnOption) -> bool {
    policy != EcnOption::Never
        && state.heard.seen != Seen::Not
        && (policy == EcnOption::Persistent || !state.is_option_lost)
}

/// A SYN-ACK that was not answered so often no longer tells of AccECN.
pub(crate) const FALLBACK_ATTEMPTS: u8 = 2;

const _: () = assert!(size_of::<Heard>() <= 40, "each extension block pays for it");
