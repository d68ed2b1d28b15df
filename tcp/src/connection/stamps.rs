//! Timestamps of a connection and PAWS (RFC 7323).

use std::time::Duration;

use crate::header_options::Timestamps;
use crate::time::Instant;

/// The timestamps option of a connection.
#[derive(Clone, Copy, Debug, Default)]
// Packed, since each byte is paid for by each idle connection.
#[repr(Rust, packed(1))]
pub(crate) struct Stamps {
    /// Both ends send them.
    pub(crate) is_on: bool,
    /// Added to the clock, different for each flow.
    pub(crate) offset: u32,
    /// TS.Recent.
    pub(crate) recent: u32,
}

impl Stamps {
    /// Our clock: milliseconds.
    /// RFC 7323, sections 4.1 and 5.4.
    #[inline]
    pub(crate) fn clock(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.offset)
    }

    /// What to send.
    /// RFC 7323, section 3.2.
    #[inline]
    pub(crate) fn option(&self, now: Instant) -> Option<Timestamps> {
        self.is_on.then(|| Timestamps {
            value: self.clock(now),
            echo: self.recent,
        })
    }

    /// PAWS (RFC 7323, section 5.3): the segment is older than the last one in order, by more than processors of one sender may
    /// differ (Linux: TCP_PAWS_WINDOW). After 24 days without a segment TS.Recent says nothing any more.
    #[inline]
    pub(crate) fn is_stale(&self, stamp: Timestamps, idle: Duration) -> bool {
        self.age(stamp) > DIFFERENCE_TICKS && idle < RECENT_VALID
    }

    /// Ticks since the sender had another timestamp: how far one segment has overtaken the other. Negative for a newer one.
    #[inline]
    pub(crate) fn age(&self, stamp: Timestamps) -> i32 {
        self.recent.wrapping_sub(stamp.value).cast_signed()
    }

    /// Older by anything: what TS.Recent must not go back to.
    #[inline]
    fn is_old(&self, stamp: Timestamps, idle: Duration) -> bool {
        is_before(stamp.value, self.recent) && idle < RECENT_VALID
    }

    /// Takes over the timestamp of a segment that is in order; any, where TS.Recent says nothing.
    /// RFC 7323, sections 4.3 and 5.2.
    #[inline]
    pub(crate) fn remember(&mut self, stamp: Timestamps, idle: Duration) {
        if !self.is_old(stamp, idle) {
            self.recent = stamp.value;
        }
    }

    /// The round trip that an echo tells of.
    pub(crate) fn round_trip(&self, stamp: Timestamps, now: Instant) -> Option<Duration> {
        let millis = self.clock(now).wrapping_sub(stamp.echo);
        (stamp.echo != 0 && millis < ECHO_MILLIS_MAX)
            .then(|| Duration::from_millis(u64::from(millis.max(1))))
    }
}

/// The moment in milliseconds, modulo 2^32.
#[inline]
pub(crate) fn millis(now: Instant) -> u32 {
    now.as_millis() as u32
}

/// Comparison modulo 2^32.
#[inline]
pub(crate) fn is_before(earlier: u32, later: u32) -> bool {
    earlier.wrapping_sub(later).cast_signed() < 0
}

/// Timestamps are taken where a sender happens to run, and leave in the order of its queues.
const DIFFERENCE_TICKS: i32 = 1;
const RECENT_VALID: Duration = Duration::from_secs(24 * 24 * 3600);
/// An older echo is not one of ours.
const ECHO_MILLIS_MAX: u32 = 600_000;

#[cfg(test)]
mod tests;
