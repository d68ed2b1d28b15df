//! The receiver's side of AccECN: what came with which ECN field, and when the peer is to hear of it.

use std::time::Duration;

use super::PACKETS_FIRST;
use crate::ecn::{CE, ECT_0, ECT_1, EcnOption, NOT_ECT};
use crate::header_options::AccurateEcn as EcnCounters;
use crate::sequence::SequenceNumber;

/// Counters of what came, without their initial values, and what the peer has not heard of.
/// RFC 9768, section 3.2.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Feedback {
    /// Marked segments.
    pub(crate) packets: u32,
    /// Bytes that came as ECT(1), ECT(0) and CE.
    pub(crate) bytes: [u32; 3],
    /// The field of the last segment.
    last_field: u8,
    /// Marked segments since the peer was told.
    pending: u8,
    /// Counters that the next option must have, since they changed.
    least: u8,
    /// So many segments are to have an option.
    demand: u8,
    /// When the last option was sent, in microseconds modulo 2^32.
    told_micros: u32,
    /// The last segment told by an option of data that came twice, which began here.
    told_duplicate: Option<SequenceNumber>,
}

/// What a segment that is sent tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) now_micros: u32,
    /// It has the option.
    pub(crate) has_option: bool,
    /// It says that data which begins here came twice.
    pub(crate) duplicate: Option<SequenceNumber>,
}

impl Feedback {
    /// The SYN, or SYN-ACK, came with `field`. The next `demand` segments have an option.
    /// RFC 9768, section 3.2.2.2: a marked SYN-ACK counts, a marked SYN does not.
    pub(crate) fn new(field: u8, is_syn_ack: bool, demand: u8) -> Self {
        Self {
            packets: u32::from(is_syn_ack && field == CE),
            last_field: if is_syn_ack { NOT_ECT } else { field },
            demand,
            ..Self::default()
        }
    }

    /// A segment with so many bytes of payload has come. True when the peer must hear of it at once.
    /// RFC 9768, sections 3.2 and 3.2.2.5.1.
    pub(crate) fn take(&mut self, field: u8, length: u32, has_unacknowledged: bool) -> bool {
        let is_change = field != self.last_field;
        if field == CE {
            self.packets = self.packets.wrapping_add(1);
            self.pending = self.pending.saturating_add(1);
        }
        if let Some((place, bytes)) = self.counter(field)
            && length > 0
        {
            let before = *bytes;
            *bytes = bytes.wrapping_add(length);
            if (before ^ *bytes) >> REPEATED_BYTES_LOG != 0 {
                self.demand = self.demand.max(1);
            }
            self.least = self.least.max(place);
        }
        if is_change || field == CE {
            self.last_field = field;
            self.demand = 2;
        }
        let most = if has_unacknowledged { 2 } else { 3 };
        (is_change && length > 0) || (field == CE && self.pending >= most)
    }

    /// The counter of bytes with `field`, and its place in the option, from 1.
    fn counter(&mut self, field: u8) -> Option<(u8, &mut u32)> {
        let [ect_1, ect_0, ce] = &mut self.bytes;
        match field {
            ECT_1 => Some((1, ect_1)),
            CE => Some((2, ce)),
            ECT_0 => Some((3, ect_0)),
            _ => None,
        }
    }

    /// The ACE field.
    /// RFC 9768, sections 3.2.1 and 3.2.2.
    pub(crate) fn ace(&self) -> u8 {
        (self.packets.wrapping_add(PACKETS_FIRST) & 7) as u8
    }

    /// The option, and how many counters must be in it.
    pub(crate) fn option(&self) -> (EcnCounters, u8) {
        let [ect_1, ect_0, ce] = self.bytes;
        let option = EcnCounters::new(ect_1.wrapping_add(1), ce, ect_0.wrapping_add(1));
        (option, self.least)
    }

    /// That of a SYN-ACK, before anything came.
    pub(crate) fn first_option() -> EcnCounters {
        EcnCounters::new(1, 0, 1)
    }

    /// A segment now is to have the option: it has news, or a part of a round trip has gone without.
    /// RFC 9768, section 3.2.3.3.
    pub(crate) fn wants_option(
        &self,
        policy: EcnOption,
        (now_micros, smoothed, per_round): (u32, Option<Duration>, u32),
    ) -> bool {
        let elapsed = now_micros.wrapping_sub(self.told_micros);
        let is_overdue = || {
            let smoothed = smoothed.unwrap_or_default().as_micros();
            per_round > 0 && u128::from(elapsed) * u128::from(per_round) >= smoothed
        };
        policy >= EcnOption::Always || self.demand > 0 || is_overdue()
    }

    /// A segment leaves.
    pub(crate) fn told(&mut self, told: &Told) {
        self.pending = 0;
        self.told_duplicate = None;
        if told.has_option {
            self.told_duplicate = told.duplicate;
            self.told_micros = told.now_micros;
            self.least = 0;
            self.demand = self.demand.saturating_sub(1);
        }
    }

    /// Data that begins here has come once more: true when the last segment that told so had the option, and so was lost
    /// for it perhaps (as Linux).
    pub(crate) fn is_swallowed(&self, start: SequenceNumber) -> bool {
        self.told_duplicate == Some(start)
    }
}

/// No counter grows by more without being told (RFC 9768, section 3.2.3.3).
const REPEATED_BYTES_LOG: u32 = 22;
