//! How fast data was delivered: the estimator of draft-cheng-iccrg-delivery-rate-estimation.
//!
//! Each segment remembers, when it is sent, what had been delivered by then ([`SentStamp`]); when it
//! is delivered, what was delivered since, over the time that took, is a sample of the rate. The
//! longer of the time to send and the time to acknowledge counts, so that neither bursts of segments nor
//! compressed acknowledgements look faster than the path is.

use crate::time::Instant;

/// What one acknowledgement tells of the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSample {
    /// Bytes delivered over the interval.
    pub delivered: u32,
    /// The interval, in microseconds: 0 when there is no sample.
    pub interval_micros: u32,
    /// [`DeliveryRate::delivered`] when the segment was sent that the sample is taken from.
    pub prior_delivered: u32,
    /// Bytes delivered in all so far, modulo 2^32.
    pub delivered_total: u32,
    /// Bytes counted as lost in all so far, modulo 2^32.
    pub lost_total: u32,
    /// Bytes delivered by this acknowledgement.
    pub acknowledged: u32,
    /// Bytes counted as lost on this acknowledgement.
    pub lost: u32,
    /// Bytes in flight before this acknowledgement.
    pub prior_in_flight: u32,
    /// Bytes in flight after it.
    pub in_flight: u32,
    /// The segment was sent while the application had too little to send: the path may be faster.
    pub is_app_limited: bool,
    /// The acknowledgement may have been delayed: it is of a single segment.
    pub is_ack_delayed: bool,
}

impl RateSample {
    /// Bytes per second; None when there is no sample.
    pub fn bytes_per_second(&self) -> Option<u64> {
        (self.interval_micros > 0)
            .then(|| u64::from(self.delivered) * 1_000_000 / u64::from(self.interval_micros))
    }
}

/// What a connection counts: C.delivered and its company. All zero at the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryRate {
    /// Bytes delivered in all, modulo 2^32.
    pub delivered: u32,
    /// Bytes counted as lost in all, modulo 2^32.
    pub lost: u32,
    /// When `delivered` grew last.
    delivered_at: Instant,
    /// When the segment was sent that was delivered last, or the first of a new flight.
    first_sent_at: Instant,
    /// `delivered` when the last byte of the flight will have arrived that was sent while the
    /// application had nothing more to send; 0 when it is not so.
    app_limited: u32,
}

/// What a segment remembers from when it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentStamp {
    /// P.delivered.
    pub delivered: u32,
    /// P.delivered_time.
    pub delivered_at: Instant,
    /// P.first_sent_time.
    pub first_sent_at: Instant,
    /// P.is_app_limited.
    pub is_app_limited: bool,
}

/// The newest segment that an acknowledgement delivers: the sample in the making.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newest {
    stamp: SentStamp,
    sent_at: Instant,
    delivered: u32,
    is_set: bool,
}

impl DeliveryRate {
    /// A segment is sent, for the first time or again. `in_flight` is what was in flight before it.
    #[inline]
    pub fn on_send(&mut self, now: Instant, in_flight: u32) -> SentStamp {
        if in_flight == 0 {
            // A flight begins: the time before it says nothing.
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        SentStamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            is_app_limited: self.app_limited != 0,
        }
    }

    /// `bytes` of a segment with `stamp`, sent last at `sent_at`, are acknowledged, cumulatively or
    /// selectively. For each segment of an acknowledgement.
    #[inline]
    pub fn on_delivered(
        &mut self,
        now: Instant,
        stamp: &SentStamp,
        sent_at: Instant,
        bytes: u32,
        newest: &mut Newest,
    ) {
        self.delivered = self.delivered.wrapping_add(bytes);
        self.delivered_at = now;
        newest.delivered = newest.delivered.saturating_add(bytes);
        let is_newer = !newest.is_set
            || sent_at > newest.sent_at
            || (sent_at == newest.sent_at && is_ahead(stamp.delivered, newest.stamp.delivered));
        if is_newer {
            newest.stamp = *stamp;
            newest.sent_at = sent_at;
            newest.is_set = true;
            self.first_sent_at = sent_at;
        }
    }

    /// `bytes` count as lost.
    pub fn on_lost(&mut self, bytes: u32) {
        self.lost = self.lost.wrapping_add(bytes);
    }

    /// The application has nothing more to send although the window would allow it: what is
    /// delivered until `in_flight` bytes have arrived tells of the application, not of the path.
    pub fn on_app_limited(&mut self, in_flight: u32) {
        self.app_limited = self.delivered.wrapping_add(in_flight).max(1);
    }

    /// True while samples tell of the application.
    pub fn is_app_limited(&self) -> bool {
        self.app_limited != 0
    }

    /// All segments of an acknowledgement have been passed in: the sample, None when it delivered
    /// nothing. An interval shorter than the smallest round trip ever seen is no measurement.
    pub fn sample(
        &mut self,
        now: Instant,
        newest: &Newest,
        smallest_round_trip_micros: u32,
    ) -> Option<RateSample> {
        if self.app_limited != 0 && is_ahead(self.delivered, self.app_limited) {
            self.app_limited = 0;
        }
        if !newest.is_set {
            return None;
        }
        let stamp = &newest.stamp;
        let sending = micros(stamp.first_sent_at, newest.sent_at);
        let acknowledging = micros(stamp.delivered_at, now);
        let interval = sending.max(acknowledging);
        Some(RateSample {
            delivered: self.delivered.wrapping_sub(stamp.delivered),
            interval_micros: if interval < smallest_round_trip_micros {
                0
            } else {
                interval
            },
            prior_delivered: stamp.delivered,
            delivered_total: self.delivered,
            lost_total: self.lost,
            acknowledged: newest.delivered,
            is_app_limited: stamp.is_app_limited,
            ..RateSample::default()
        })
    }
}

/// `one` lies after `other`, modulo 2^32.
fn is_ahead(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() > 0
}

fn micros(from: Instant, to: Instant) -> u32 {
    u32::try_from(to.as_micros().saturating_sub(from.as_micros())).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
