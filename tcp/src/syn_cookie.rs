//! SYN cookies (RFC 4987, section 3.6): what a half-open connection must remember stands in our
//! initial sequence number and timestamp, and comes back in the ACK.
//!
//! The number is a keyed hash of the flow and the peer's own number, to which its low 24 bits add which of eight segment
//! sizes was offered, and a second hash of that, which changes by the minute.

use std::net::IpAddr;

use crate::address::Flow;
use crate::flow_hash::FlowSecret;
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// Makes and checks cookies under the daemon's secret, which is the same in every shard.
#[derive(Debug)]
pub(crate) struct SynCookieSecret(FlowSecret);

/// What the timestamp of a cookie's SYN-ACK keeps beside the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieOptions {
    /// The peer's window shift, where it named one.
    pub(crate) window_scale: Option<u8>,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
}

impl SynCookieSecret {
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(FlowSecret::new(secret))
    }

    /// Our initial sequence number for a SYN, and the peer's MSS as it will be remembered.
    pub(crate) fn make(
        &self,
        now: Instant,
        flow: &Flow,
        theirs: SequenceNumber,
        mss: u16,
    ) -> (SequenceNumber, u16) {
        let sizes = sizes(flow);
        // The largest that is not above the peer's, or the least there is.
        let index = sizes.iter().rposition(|size| *size <= mss).unwrap_or(0);
        let minute = minutes(now);
        let low = self.low(flow, theirs, minute, index as u32);
        let base = self.base(flow, theirs) + (minute << LOW_COUNT);
        (base + low, sizes[index])
    }

    /// The MSS that a cookie of ours remembers; None for what is none, or too old.
    pub(crate) fn check(
        &self,
        now: Instant,
        flow: &Flow,
        theirs: SequenceNumber,
        cookie: SequenceNumber,
    ) -> Option<u16> {
        let rest = cookie.raw().wrapping_sub(self.base(flow, theirs).raw());
        // Eight bits of the minute come back: how long ago is that, modulo 256?
        let now_minute = minutes(now);
        let age = now_minute.wrapping_sub(rest >> LOW_COUNT) & (u32::MAX >> LOW_COUNT);
        if age >= AGE_MINUTES {
            return None;
        }
        let index = rest & INDEX_BITS;
        let low = self.low(
            flow,
            theirs,
            now_minute.wrapping_sub(age) & MINUTE_BITS,
            index,
        );
        (rest & LOW_BITS == low).then(|| sizes(flow)[index as usize])
    }

    fn base(&self, flow: &Flow, theirs: SequenceNumber) -> SequenceNumber {
        // As the peer's numbers of a flow rise, so do ours. No minute has this number.
        theirs + self.0.of_flow_and(flow, (theirs.raw(), u32::MAX)) as u32
    }

    /// The index and a hash of it. Were the index added to the hash, the acknowledgement of a few bytes more would be
    /// another cookie: of a connection that sent them, and is gone.
    fn low(&self, flow: &Flow, theirs: SequenceNumber, minute: u32, index: u32) -> u32 {
        let hashed = minute | index << MINUTE_BITS.count_ones();
        let hash = self.0.of_flow_and(flow, (theirs.raw(), hashed)) as u32;
        (hash & LOW_BITS & !INDEX_BITS) | index
    }
}

impl CookieOptions {
    /// The timestamp clock at most a moment before `clock`, with the options in its low bits.
    pub(crate) fn stamp(self, clock: u32) -> u32 {
        let mut bits = u32::from(self.window_scale.unwrap_or(NO_SCALE)) & u32::from(NO_SCALE);
        if self.sack {
            bits |= SACK;
        }
        if self.ecn {
            bits |= ECN;
        }
        let stamp = (clock & !OPTION_BITS) | bits;
        // Never ahead of the clock: the peer would find our next segment too old (RFC 7323).
        if stamp > clock {
            stamp.wrapping_sub(OPTION_BITS + 1)
        } else {
            stamp
        }
    }

    /// What the peer echoes.
    pub(crate) fn of_stamp(stamp: u32) -> Self {
        let scale = (stamp & u32::from(NO_SCALE)) as u8;
        Self {
            window_scale: (scale != NO_SCALE).then_some(scale.min(SCALE_MAX)),
            sack: stamp & SACK != 0,
            ecn: stamp & ECN != 0,
        }
    }
}

/// Segment sizes that are told apart, ascending: what links and tunnels carry.
fn sizes(flow: &Flow) -> &'static [u16; 8] {
    match flow.remote.address {
        IpAddr::V4(_) => &[536, 996, 1_220, 1_300, 1_400, 1_440, 1_460, 8_960],
        IpAddr::V6(_) => &[536, 1_220, 1_280, 1_340, 1_400, 1_420, 1_440, 8_940],
    }
}

/// Minutes since the clock's origin.
fn minutes(now: Instant) -> u32 {
    (now.as_millis() / 60_000) as u32 & MINUTE_BITS
}

/// A cookie of this minute or the one before is believed (Linux: MAX_SYNCOOKIE_AGE).
const AGE_MINUTES: u32 = 2;
/// Bits below the minute.
const LOW_COUNT: u32 = 24;
const LOW_BITS: u32 = (1 << LOW_COUNT) - 1;
/// The lowest: which size.
const INDEX_BITS: u32 = 7;
/// Five centuries; three bits above them are an index.
const MINUTE_BITS: u32 = (1 << 28) - 1;
/// Low bits of the timestamp, as Linux lays them out: four of window shift, SACK, ECN.
const OPTION_BITS: u32 = 0x3f;
const NO_SCALE: u8 = 0xf;
const SACK: u32 = 0x10;
const ECN: u32 = 0x20;
/// RFC 7323, section 2.3.
const SCALE_MAX: u8 = 14;

#[cfg(test)]
mod tests;
