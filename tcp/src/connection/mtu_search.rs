//! The search for what a path carries, by segments larger than those that are known to arrive (RFC 4821), as Linux's
//! tcp_mtu_probing: from the beginning on, or once timeouts in a row make the path suspect.
//!
//! Sizes count payload and options, as `send.mss` does: all other headers are the same in each, so that the middle of
//! two sizes is that of two packets. The state lies in the extension; a connection without one sends small segments.

use super::hold::Plan;
use super::{Connection, Context};
use crate::congestion::Phase;
use crate::connection::Due;
use crate::destinations::KnownSearch;
use crate::header::HEADER_BYTES;
use crate::header_options::Options;
use crate::limits::MtuProbingMode;
use crate::memory::Memory;
use crate::packet::Outgoing;
use crate::scoreboard::{Probe, Scoreboard};
use crate::sequence::SequenceNumber;
use crate::table::NONE;
use crate::time::Instant;

/// How far a search has come (RFC 4821, section 7.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct MtuSearch {
    /// Segments of this size arrive.
    low: u16,
    /// Larger ones do not, or were not tried.
    high: u16,
    /// What link, peer and routers allow.
    bound: u16,
    /// When the range was last as wide as that.
    begun: Instant,
    probe: Option<SizeProbe>,
}

/// A larger segment that is under way.
#[derive(Clone, Copy, Debug)]
struct SizeProbe {
    size: u16,
    start: SequenceNumber,
    end: SequenceNumber,
}

/// Whether the next segment is a probe.
enum Probing {
    No,
    /// Not yet, but nothing else leaves either: it will fit after an acknowledgement.
    Waits,
    Now(Plan),
}

impl<Q: Default> Connection<Q> {
    /// The handshake is over. The search begins where the last one to this destination ended, or at the base.
    /// RFC 4821, sections 5.2 and 7.2.
    pub(super) fn begin_mtu_search<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if let Some(KnownSearch { low, high, begun }) = self.first_range(context) {
            self.search_from(context, low, high, begun);
        }
    }

    /// Sizes that are not to be exceeded before a larger segment has arrived, that of a SYN with data among them; None
    /// where there is no search.
    pub(in crate::connection) fn first_range<M: Memory<Queue = Q>>(
        &self,
        context: &mut Context<M>,
    ) -> Option<KnownSearch> {
        let settings = &context.limits.mtu_probing;
        let (bound, is_always) = (self.send.mss, settings.mode == MtuProbingMode::Always);
        if settings.mode == MtuProbingMode::Off {
            return None;
        }
        let known = context.destinations.find(context.now, &self.flow);
        let known = known.and_then(|known| known.search);
        // Otherwise only a path that is known to carry less than the link is suspect from the beginning on.
        let known = known.filter(|known| is_always || known.high < bound);
        known.or_else(|| {
            is_always.then(|| KnownSearch {
                low: self.with_options(settings.base_payload),
                high: bound,
                begun: context.now,
            })
        })
    }

    fn search_from<M>(&mut self, context: &mut Context<M>, low: u16, high: u16, begun: Instant) {
        let bound = self.bound(context);
        let search = MtuSearch {
            low,
            high: high.min(bound),
            bound,
            begun,
            probe: None,
        };
        if let Some(extension) = context.extensions.ensure(&mut self.extension) {
            extension.search = Some(search);
        } else {
            context.counters.extensions_exhausted.increment();
        }
        self.set_mss(context, bound.min(low));
    }

    /// Timeouts in a row: the path may swallow what is too large and say nothing. Segments get as small as the base,
    /// and where a search had begun, half as large as it knew to arrive.
    /// RFC 4821, section 7.7; RFC 8201, section 4.
    pub(super) fn fall_back<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let settings = &context.limits.mtu_probing;
        let payload = match self.search(context) {
            None => settings.base_payload,
            Some(search) => (search.low.saturating_sub(self.with_options(0)) / 2)
                .min(settings.base_payload)
                .max(settings.floor_payload),
        };
        let low = super::handshake::sending_mss(self.with_options(payload), &context.limits);
        if low < self.send.mss {
            context.counters.path_mtu_doubts.increment();
        }
        if let Some(known) = context.destinations.find(context.now, &self.flow) {
            // What was found before is not true any more.
            known.search = known.search.filter(|known| known.low <= low);
        }
        let (high, begun) = match self.search(context) {
            None => (u16::MAX, context.now),
            Some(search) => (search.high, search.begun),
        };
        self.search_from(context, low, high, begun);
    }

    /// Sends a probe, if one is due now.
    #[cold]
    pub(super) fn send_size_probe<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        options: Option<&Options>,
        out: &mut [u8],
    ) -> Option<Outgoing> {
        let option_bytes = options.map_or_else(|| self.usual_option_bytes(), Options::length);
        match self.plan_size_probe(context, option_bytes, out.len()) {
            Probing::No => None,
            Probing::Waits => {
                self.congestion.defer();
                None
            }
            Probing::Now(plan) => {
                let outgoing = self.emit_data(context, plan, (options, false), out)?;
                self.size_probe_sent(context, &plan);
                Some(outgoing)
            }
        }
    }

    /// Whether a probe is to be sent: in calm times only, with data behind it that tells of its loss, and where the
    /// windows hold all of that. `room` is what the port carries, header and payload.
    /// RFC 4821, sections 7.3, 7.4 and 10.1.
    fn plan_size_probe<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        option_bytes: usize,
        room: usize,
    ) -> Probing {
        let Some(search) = self.search(context) else {
            return Probing::No;
        };
        // Options that come and go would hide what is measured (as Linux).
        if search.probe.is_some()
            || self.send.phase != Phase::Open
            || self.send.resend != NONE
            || self.due.has(Due::TAIL)
            || self.due.has(Due::FORCE)
            || self.congestion.window() < WINDOW_SEGMENTS_MIN * self.congestion.segment()
            || option_bytes != self.usual_option_bytes()
        {
            return Probing::No;
        }
        if search.high.saturating_sub(search.low) < context.limits.mtu_probing.threshold_bytes {
            self.search_again(context);
            return Probing::No;
        }
        let size = search.low.midpoint(search.high);
        if size <= self.send.mss || usize::from(size) + HEADER_BYTES > room {
            return Probing::No;
        }
        self.fit_size_probe(context, u32::from(size) - option_bytes as u32)
    }

    /// The same of a probe with so much payload.
    fn fit_size_probe<M>(&self, context: &Context<M>, payload: u32) -> Probing {
        let send = &self.send;
        let full = u32::from(self.full_payload());
        let needed = payload + (u32::from(send.reordering.degree) + 1) * full;
        if send.unsent() < needed || send.window < needed {
            return Probing::No;
        }
        if !context.records.has_room_for(&send.records) || self.congestion.is_holding() {
            return Probing::No;
        }
        if send.outstanding() + needed > send.window {
            return Probing::Waits;
        }
        let in_flight = send.in_flight();
        if in_flight + payload.max(2 * full) > self.congestion.window() {
            return if in_flight == 0 {
                Probing::No
            } else {
                Probing::Waits
            };
        }
        Probing::Now(Plan {
            sequence: send.next,
            payload,
            fin: false,
            segment: payload,
            record: NONE,
        })
    }

    /// It has been sent.
    fn size_probe_sent<M>(&mut self, context: &mut Context<M>, plan: &Plan) {
        context.counters.mtup_probes.increment();
        let size = plan.payload + u32::from(self.with_options(0));
        if let Some(search) = self.search_mut(context) {
            search.probe = Some(SizeProbe {
                size: u16::try_from(size).unwrap_or(u16::MAX),
                start: plan.sequence,
                end: plan.sequence + plan.payload,
            });
        }
    }

    /// Something was acknowledged, perhaps the probe: segments get as large. The congestion window holds as many bytes
    /// as before.
    /// RFC 4821, section 7.6.1.
    #[cold]
    pub(super) fn hear_of_size_probe<M>(&mut self, context: &mut Context<M>) {
        let unacknowledged = self.send.unacknowledged;
        let Some(search) = self.search_mut(context) else {
            return;
        };
        let Some(probe) = search.probe.filter(|probe| probe.end <= unacknowledged) else {
            return;
        };
        search.probe = None;
        search.low = probe.size;
        let mss = search.low.min(search.bound);
        context.counters.mtup_success.increment();
        let window = self.congestion.window();
        self.set_mss(context, mss);
        self.congestion.set_window(window);
        self.tell_destination(context);
    }

    /// The probe, and nothing else, is lost: the path does not carry it, which is no sign of congestion. What it held goes
    /// again in smaller segments under the same window. False when it was something else.
    /// RFC 4821, sections 7.6.2 and 7.6.4.
    #[cold]
    pub(super) fn is_size_probe_lost<M>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
    ) -> bool {
        let unacknowledged = self.send.unacknowledged;
        let is_calm = matches!(self.send.phase, Phase::Open | Phase::Disorder);
        let Some(search) = self.search_mut(context) else {
            return false;
        };
        let Some(probe) = search.probe.filter(|probe| {
            is_calm && probe.start == unacknowledged && board.lost == probe.end.since(probe.start)
        }) else {
            return false;
        };
        search.probe = None;
        search.high = probe.size - 1;
        context.counters.mtup_fail.increment();
        self.tell_destination(context);
        board.high = self.send.next;
        board.probe = Probe::None;
        board.undo.is_possible = false;
        board.is_timeout_doubted = false;
        self.send.phase = Phase::Loss;
        true
    }

    /// Something is sent again: whatever becomes of the probe tells nothing.
    /// RFC 4821, section 7.6.4.
    #[cold]
    pub(super) fn forget_size_probe<M>(&mut self, context: &mut Context<M>) {
        if let Some(search) = self.search_mut(context) {
            search.probe = None;
        }
    }

    /// The search is over. In time the path may carry more.
    /// RFC 1191, section 6.3.
    fn search_again<M>(&mut self, context: &mut Context<M>) {
        let (now, mss) = (context.now, self.send.mss);
        let interval = context.limits.mtu_probing.interval;
        if let Some(search) = self.search_mut(context)
            && now.since(search.begun) >= interval
        {
            search.low = mss;
            search.high = search.bound;
            search.begun = now;
        }
    }

    /// What was found is of use to connections to come (RFC 4821, section 5.2).
    fn tell_destination<M>(&self, context: &mut Context<M>) {
        let Some(search) = self
            .search(context)
            .filter(|_| context.limits.saves_metrics)
        else {
            return;
        };
        if let Some(known) = context.destinations.find_or_add(context.now, &self.flow) {
            known.search = Some(KnownSearch {
                low: search.low,
                high: search.high,
                begun: search.begun,
            });
        }
    }

    /// What link, peer and routers allow: what segments hold where nothing is searched for.
    pub(super) fn bound<M>(&self, context: &Context<M>) -> u16 {
        self.search(context)
            .map_or(self.send.mss, |search| search.bound)
    }

    /// It is another one now.
    pub(super) fn set_bound<M>(&mut self, context: &mut Context<M>, bound: u16) {
        let mut mss = bound;
        if let Some(search) = self.search_mut(context) {
            search.bound = bound;
            search.high = search.high.min(bound);
            mss = bound.min(search.low);
        }
        self.set_mss(context, mss);
    }

    /// The size of a segment with that payload.
    fn with_options(&self, payload: u16) -> u16 {
        payload.saturating_add(self.usual_option_bytes() as u16)
    }

    fn search<M>(&self, context: &Context<M>) -> Option<MtuSearch> {
        context.extensions.get(&self.extension)?.search
    }

    fn search_mut<'a, M>(&self, context: &'a mut Context<M>) -> Option<&'a mut MtuSearch> {
        let extension = context.extensions.get_mut(&self.extension)?;
        extension.search.as_mut()
    }
}

/// As Linux: with fewer a lost probe might stop everything.
const WINDOW_SEGMENTS_MIN: u32 = 11;
