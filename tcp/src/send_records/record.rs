//! The record of a segment that was sent, and what is known of it.

use super::{micros, moment};
use crate::congestion::rate_sample::SentStamp;
use crate::sequence::SequenceNumber;
use crate::table::NONE;
use crate::time::Instant;

/// A segment sent. Times are microseconds modulo 2^32, amounts bytes modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SendRecord {
    pub(super) next: u32,
    pub(crate) start: SequenceNumber,
    /// Behind its last number, FIN counted.
    pub(crate) end: SequenceNumber,
    pub(crate) marks: Marks,
    /// How often it was sent.
    pub(crate) transmissions: u8,
    /// Segments that it stands for: more than one once it is joined with others.
    pub(crate) segments: u16,
    /// When it was sent last.
    pub(crate) sent_at: u32,
    /// What had been delivered by then, and when that was noted.
    pub(crate) delivered: u32,
    pub(crate) delivered_at: u32,
    /// When the first segment of that flight was sent.
    pub(crate) first_sent_at: u32,
}

/// What is known of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// The peer has it and says so by SACK.
    pub(crate) const SACKED: Marks = Marks(1);
    /// Its last copy but those retransmitted is taken for lost.
    pub(crate) const LOST: Marks = Marks(2);
    /// It was lost, and its retransmission is on its way.
    pub(crate) const RETRANSMITTED: Marks = Marks(4);
    /// It was sent more than once.
    pub(crate) const EVER_RETRANSMITTED: Marks = Marks(8);
    /// It was sent with PSH.
    pub(crate) const PUSHED: Marks = Marks(16);
    /// The sender had nothing more to send, or was not allowed to, when it was sent.
    pub(crate) const APPLICATION_LIMITED: Marks = Marks(32);

    #[inline]
    pub(crate) fn any(self, marks: Marks) -> bool {
        self.0 & marks.0 != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, marks: Marks) {
        self.0 |= marks.0;
    }

    /// The same, if `is_so`; else they stay as they are.
    #[inline]
    pub(crate) fn set_if(&mut self, marks: Marks, is_so: bool) {
        self.0 |= marks.0 * u8::from(is_so);
    }

    #[inline]
    pub(crate) fn unset(&mut self, marks: Marks) {
        self.0 &= !marks.0;
    }
}

impl std::ops::BitOr for Marks {
    type Output = Marks;

    fn bitor(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }
}

impl SendRecord {
    /// Numbers that it covers.
    #[inline]
    pub(crate) fn length(&self) -> u32 {
        self.end.since(self.start)
    }

    /// One that was sent at `now`, once.
    #[inline]
    pub(crate) fn new(start: SequenceNumber, end: SequenceNumber, now: u32) -> Self {
        Self {
            next: NONE,
            start,
            end,
            marks: Marks::default(),
            transmissions: 1,
            segments: 1,
            sent_at: now,
            delivered: 0,
            delivered_at: now,
            first_sent_at: now,
        }
    }

    /// It is sent at `now`, again.
    pub(crate) fn resend(&mut self, now: u32) {
        *self = Self {
            next: self.next,
            marks: self.marks,
            transmissions: self.transmissions.saturating_add(1),
            ..Self::new(self.start, self.end, now)
        };
        self.marks.unset(Marks::APPLICATION_LIMITED);
        self.marks.set(Marks::EVER_RETRANSMITTED);
    }

    /// What had been delivered when it was sent.
    pub(crate) fn note_rate(&mut self, stamp: &SentStamp) {
        self.delivered = stamp.delivered;
        self.delivered_at = micros(stamp.delivered_at);
        self.first_sent_at = micros(stamp.first_sent_at);
        if stamp.is_app_limited {
            self.marks.set(Marks::APPLICATION_LIMITED);
        }
    }

    /// What it remembers of the rate, seen from `now`, and when it was sent last.
    pub(crate) fn rate_stamp(&self, now: Instant) -> (SentStamp, Instant) {
        let stamp = SentStamp {
            delivered: self.delivered,
            delivered_at: moment(now, self.delivered_at),
            first_sent_at: moment(now, self.first_sent_at),
            is_app_limited: self.marks.any(Marks::APPLICATION_LIMITED),
        };
        (stamp, moment(now, self.sent_at))
    }

    /// True when it is to be sent again.
    #[inline]
    pub(crate) fn is_to_resend(&self) -> bool {
        self.marks.any(Marks::LOST) && !self.marks.any(Marks::RETRANSMITTED | Marks::SACKED)
    }
}
