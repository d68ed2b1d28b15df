//! The sender's side of AccECN: how many of our segments were marked, by the peer's three flags and its option.
//!
//! The flags count modulo eight. What an acknowledgement of many segments means is the safest likely case, unless the
//! option says otherwise (RFC 9768, section 3.2.2.5.2 and appendix A.2, as Linux does it).

use super::PACKETS_FIRST;
use crate::ecn::{CE, ECT_0, ECT_1};
use crate::header_options::AccurateEcn as EcnCounters;

/// What the peer has told of, without initial values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// Marked segments.
    pub(crate) packets: u32,
    /// Bytes that arrived as ECT(1), ECT(0) and CE.
    pub(crate) bytes: [u32; 3],
    /// The counter that grew last, and so grows while no option comes: its place in `bytes`.
    estimate: Option<u8>,
    /// Whether options come.
    pub(crate) seen: Seen,
    /// Bytes delivered before the first option, up to too many.
    unseen_bytes: u32,
    /// Segments acknowledged at a time, on average, in 64ths.
    segments_average: u16,
    /// The next acknowledgement counts nothing: its flags are the handshake's.
    pub(crate) skips_next: bool,
    /// Marked bytes were told of, but no marked segment: somebody changes the one or the other.
    pub(crate) is_contradictory: bool,
    /// So many segments were acknowledged at once that the flags may have gone round.
    may_have_wrapped: bool,
}

/// Whether the peer's options come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    /// None has come.
    #[default]
    Not,
    /// An empty one.
    Empty,
    /// One with counters.
    Counters,
    /// One with a counter of zero, or none for long: they are ignored.
    Zeroed,
}

/// What an acknowledgement says besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Segments that it is the first to tell of.
    pub(crate) segments: u32,
    /// Their bytes.
    pub(crate) bytes: u32,
    /// Bytes of a full segment.
    pub(crate) segment: u32,
    /// By SACK, or since nothing is missing, it is known what it tells of.
    pub(crate) is_sure: bool,
}

impl Heard {
    /// Takes an acknowledgement that is newer than the last; gives how many segments, and of how many bytes, were marked.
    pub(crate) fn take(
        &mut self,
        ace: u8,
        option: Option<&EcnCounters>,
        progress: &Progress,
    ) -> (u32, u32) {
        let before = self.bytes[CE_PLACE];
        let is_counted = self.take_option(option, progress.bytes);
        let marked_bytes = self.bytes[CE_PLACE].wrapping_sub(before);
        if progress.segments > 0 {
            self.average(progress.segments);
        }
        let told = u32::from(ace).wrapping_sub(PACKETS_FIRST);
        let least = told.wrapping_sub(self.packets) & ACE;
        let count = if progress.segments <= ACE {
            least
        } else {
            self.likely(least, is_counted.then_some(marked_bytes), progress)
        };
        self.packets = self.packets.wrapping_add(count);
        self.may_have_wrapped |= progress.segments > ACE;
        // RFC 9768, section 3.2.3.2.5.
        self.is_contradictory |= option.is_some_and(|option| {
            let mut counters = option.counters();
            self.packets == 0
                && !self.may_have_wrapped
                && self.seen == Seen::Counters
                && counters.any(|(field, counter)| field == CE && counter > 0)
        });
        let bytes = if is_counted && marked_bytes > 0 {
            marked_bytes
        } else {
            count.saturating_mul(progress.segment)
        };
        (count, bytes.min(progress.bytes))
    }

    /// How many were marked where the flags may have gone round: `least`, or so much more that all would have been.
    /// RFC 9768, section 3.2.2.5.2.
    fn likely(&self, least: u32, marked_bytes: Option<u32>, progress: &Progress) -> u32 {
        let Progress {
            segments,
            bytes,
            segment,
            is_sure,
        } = *progress;
        let safe = segments - ((segments - least) & ACE);
        let Some(marked) = marked_bytes else {
            // Where acknowledgements are thinned out as a rule, few marks are likelier than nothing but marks.
            let is_thinned = u32::from(self.segments_average) > THINNED_SEGMENTS << AVERAGE_LOG;
            return if is_thinned { least } else { safe };
        };
        if marked == 0 {
            return least;
        }
        if segments >= 2 * (ACE + 1) && is_sure {
            if bytes <= marked {
                return safe;
            }
            let estimate = (u64::from(marked) * u64::from(segments)).div_ceil(u64::from(bytes));
            let rounds = u32::try_from(estimate).unwrap_or(u32::MAX) & !ACE;
            return safe.min(least.saturating_add(rounds));
        }
        if marked > least.saturating_mul(segment) {
            safe
        } else if marked < safe.saturating_mul(segment) / 2 {
            least
        } else {
            safe
        }
    }

    /// Takes the counters of an option, or what is likely where none comes; true when they can be relied on.
    /// RFC 9768, section 3.2.3.1.
    fn take_option(&mut self, option: Option<&EcnCounters>, delivered: u32) -> bool {
        if self.seen == Seen::Zeroed {
            return false;
        }
        let Some(option) = option else {
            return self.take_none(delivered);
        };
        self.see(option);
        if self.seen == Seen::Zeroed {
            return false;
        }
        let estimate = self.estimate;
        let mut is_clear = estimate.is_some();
        let mut is_ambiguous = false;
        let mut changed = None;
        for (field, counter) in option.counters() {
            let (place, first) = match field {
                ECT_1 => (0, 1),
                ECT_0 => (1, 1),
                _ => (CE_PLACE, 0),
            };
            let growth = growth(self.bytes[place], counter.wrapping_sub(first));
            self.bytes[place] = self.bytes[place].wrapping_add_signed(growth);
            let place = place as u8;
            if growth < 0 || (growth > 0 && estimate != Some(place) && changed.is_some()) {
                is_clear = false;
                is_ambiguous = true;
            } else if growth > 0 && estimate != Some(place) {
                changed = Some(place);
            }
        }
        self.estimate = if is_ambiguous {
            None
        } else {
            changed.or(estimate)
        };
        is_clear
    }

    /// No option came: what grew last grows on.
    fn take_none(&mut self, delivered: u32) -> bool {
        if self.seen == Seen::Not {
            self.unseen_bytes = self.unseen_bytes.saturating_add(delivered);
            if self.unseen_bytes >= UNSEEN_BYTES_MAX {
                self.seen = Seen::Zeroed;
            }
            return false;
        }
        let Some(place) = self.estimate else {
            return false;
        };
        if let Some(bytes) = self.bytes.get_mut(usize::from(place)) {
            *bytes = bytes.wrapping_add(delivered);
        }
        true
    }

    /// An option has come: one of the first is looked at.
    /// RFC 9768, section 3.2.3.2.4: counters that begin at zero were zeroed on the way.
    pub(crate) fn see(&mut self, option: &EcnCounters) {
        if self.seen >= Seen::Counters {
            return;
        }
        let is_zeroed = option
            .counters()
            .any(|(field, counter)| field != CE && counter == 0);
        self.seen = match (is_zeroed, option.is_empty()) {
            (true, _) => Seen::Zeroed,
            (false, true) => Seen::Empty,
            (false, false) => Seen::Counters,
        };
    }

    fn average(&mut self, segments: u32) {
        let sample = segments.min(SEGMENTS_MAX) << AVERAGE_LOG;
        let average = u32::from(self.segments_average);
        let next = if average == 0 {
            sample
        } else {
            ((average << AVERAGE_LOG) - average + sample) >> AVERAGE_LOG
        };
        self.segments_average = u16::try_from(next).unwrap_or(u16::MAX);
    }
}

/// By how much a counter grew of which 24 bits are told: less than half of them up or down.
fn growth(known: u32, told: u32) -> i32 {
    let difference = told.wrapping_sub(known) << 8;
    difference.cast_signed() >> 8
}

/// What the flags count to.
const ACE: u32 = 7;
/// The place of CE's counter.
const CE_PLACE: usize = 2;
/// More than what a counter may have grown by unseen.
const UNSEEN_BYTES_MAX: u32 = (1 << 23) - 1;
/// The weight of a new sample is 1/64, and the average counts in 64ths (as Linux).
const AVERAGE_LOG: u32 = 6;
/// Acknowledgements of more are thinned out.
const THINNED_SEGMENTS: u32 = 4;
/// As much as the average has room for.
const SEGMENTS_MAX: u32 = 1_023;
