//! Congestion control: how much of what the peer's window allows may be in flight.
//!
//! Loss recovery decides when something was lost and tells; here are the windows, in bytes, and the
//! algorithm that moves them. What only a connection with a busy or troubled path needs lies in a
//! [`Block`] of the shard's pool, so that an idle connection pays for the windows alone.

mod algorithm;
mod bbr;
mod block;
mod cubic;
mod dctcp;
mod hystart;
mod hystart_plus_plus;
mod info;
mod new_reno;
mod pacer;
mod pipe_ack;
mod pool;
pub mod rate_sample;
mod reduction;
mod segment_size;
mod settings;
mod signal;
mod slow_start;
mod usage;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use info::{AlgorithmInfo, CongestionTally};
pub use pool::CongestionPool;
pub use rate_sample::RateSample;
pub use settings::{ByteCounting, CongestionSettings, Hystart, Validation};
pub use signal::{Acknowledged, Phase, Reason};

use std::time::Duration;

use block::{Block, Private};
use hystart::Sign;
use pool::Handle;
use rate_sample::DeliveryRate;

use crate::time::Instant;

/// The windows of one connection, in bytes, and which algorithm moves them.
/// RFC 9293, MUST-19, MAY-18.
#[derive(Debug)]
pub struct Congestion {
    /// cwnd.
    window: u32,
    /// ssthresh; [`NO_THRESHOLD`] before the first reduction.
    threshold: u32,
    /// Payload of a full segment.
    segment: u16,
    algorithm: Algorithm,
    /// What `pacer` keeps.
    flags: u8,
    /// Where the rest lies, once there is any.
    block: Handle,
}

impl Congestion {
    /// The first flight of a connection whose full segments carry `segment_bytes`.
    pub fn new(algorithm: Algorithm, segment_bytes: u32, settings: &CongestionSettings) -> Self {
        let mut windows = Self {
            window: 0,
            threshold: NO_THRESHOLD,
            segment: in_sixteen_bits(segment_bytes),
            algorithm,
            flags: 0,
            block: Handle::NONE,
        };
        windows.look_at_pacing(settings);
        windows.window = windows.initial_window(settings);
        windows
    }

    /// Which algorithm it is.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// cwnd: bytes that may be in flight.
    #[inline]
    pub fn window(&self) -> u32 {
        self.window
    }

    /// Sets cwnd, for the rules of recovery: at least one byte, at most what is ever of use.
    #[inline]
    pub fn set_window(&mut self, bytes: u32) {
        self.window = bytes.clamp(1, WINDOW_BYTES_MAX);
    }

    /// ssthresh in bytes; `u32::MAX` before the first reduction.
    #[inline]
    pub fn slow_start_threshold(&self) -> u32 {
        self.threshold
    }

    /// True below ssthresh.
    #[inline]
    pub fn is_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// True once the window has ever moved: an old one may have to.
    #[inline]
    pub fn has_moved(&self) -> bool {
        self.block != Handle::NONE || self.threshold != NO_THRESHOLD
    }

    /// The connection is established. Algorithms that measure from the first segment on begin.
    pub fn begin(&mut self, pool: &mut CongestionPool, now: Instant) {
        if matches!(self.algorithm, Algorithm::Bbr | Algorithm::Dctcp) {
            let _without = pool.ensure(self, now);
        }
    }

    /// Payload of a full segment, as the windows count it.
    #[inline]
    pub fn segment(&self) -> u32 {
        u32::from(self.segment)
    }

    /// True when the algorithm moves the window in every phase: no proportional rate reduction.
    #[inline]
    pub fn controls_window(&self) -> bool {
        self.algorithm == Algorithm::Bbr
    }

    /// The path is known to carry about so many segments: slow start ends there.
    pub(crate) fn begin_with_threshold(&mut self, segments: u32) {
        self.threshold = segments
            .saturating_mul(self.segment())
            .min(WINDOW_BYTES_MAX);
    }

    /// The handshake lost a SYN or SYN-ACK: start with one segment (RFC 5681, section 3.1).
    pub fn on_handshake_loss(&mut self) {
        self.window = self.segment();
    }

    /// Data was delivered, or only marked or measured: the window may grow.
    #[inline]
    pub fn on_ack(&mut self, pool: &mut CongestionPool, acknowledged: &Acknowledged) {
        self.use_ack(pool, acknowledged);
        self.end_deferral();
    }

    #[inline]
    fn use_ack(&mut self, pool: &mut CongestionPool, acknowledged: &Acknowledged) {
        if !self.needs_ack(acknowledged.in_flight) {
            return;
        }
        let (block, settings) = pool.ensure(self, acknowledged.now);
        let Some(block) = block else {
            return self.on_ack_without(acknowledged);
        };
        if let Some(sign) = self.on_ack_with(block, settings, acknowledged) {
            let segments = self.threshold / self.segment();
            pool.tally.count(sign, segments);
        }
    }

    /// False when an acknowledgement that arrives while so much is in flight moves nothing, and no deferral waits for one. Most connections never fill
    /// their first window: they pay for this look only.
    #[inline]
    pub fn needs_ack(&self, in_flight: u32) -> bool {
        self.has_block()
            || !matches!(self.algorithm, Algorithm::Cubic | Algorithm::NewReno)
            || self.may_grow(in_flight)
    }

    /// True once there is more than the windows.
    #[inline]
    pub fn has_block(&self) -> bool {
        self.block != Handle::NONE
    }

    /// Sending starts while nothing is in flight, `last_sent` ago. After more than the retransmission
    /// `timeout` the window says little about the path of now (RFC 5681, section 4.1): as Linux, and
    /// RFC 2861, it is halved for each timeout that has passed, down to the first window.
    pub fn on_idle(
        &mut self,
        pool: &mut CongestionPool,
        now: Instant,
        last_sent: Instant,
        timeout: Duration,
    ) {
        let settings = *pool.settings();
        let mut is_kept = false;
        if let Some(block) = pool.get_mut(&self.block) {
            block.on_idle(self, now, last_sent, &settings);
            is_kept = settings.validation == Validation::Rfc7661;
        }
        let mut left = now.since(last_sent);
        let least = self.initial_window(&settings).min(self.window);
        is_kept |= !settings.idle_restart || self.controls_window();
        if is_kept || left <= timeout || timeout.is_zero() {
            return;
        }
        self.remember_three_quarters();
        while left > timeout && self.window > least {
            left -= timeout;
            self.window /= 2;
        }
        self.window = self.window.max(least);
        if let Some(block) = pool.get_mut(&self.block) {
            block.restart();
        }
    }

    /// What the connection counts of deliveries, where it counts: only once its window has moved, or it was asked to.
    #[inline]
    pub fn delivery<'a>(&self, pool: &'a mut CongestionPool) -> Option<&'a mut DeliveryRate> {
        pool.get_mut(&self.block).map(|block| &mut block.delivery)
    }

    /// From now on deliveries are measured, whether or not the window moves. Without a block left they are not, which is
    /// counted.
    pub fn measure_deliveries(&mut self, pool: &mut CongestionPool, now: Instant) {
        pool.ensure(self, now);
    }

    /// Another algorithm takes over; the windows stay.
    pub fn set_algorithm(&mut self, pool: &mut CongestionPool, now: Instant, algorithm: Algorithm) {
        if self.algorithm != algorithm {
            self.algorithm = algorithm;
            self.look_at_pacing(pool.settings());
            if let Some(block) = pool.get_mut(&self.block) {
                block.change(self, now);
            }
        }
    }

    /// The connection ends: its block goes back.
    pub fn release(&mut self, pool: &mut CongestionPool) {
        pool.free(&mut self.block);
    }

    fn on_ack_with(
        &mut self,
        block: &mut Block,
        settings: &CongestionSettings,
        acknowledged: &Acknowledged,
    ) -> Option<Sign> {
        let Block {
            private, delivery, ..
        } = block;
        match (private, acknowledged.sample_micros) {
            (Private::Bbr(bbr), _) => {
                bbr.on_ack(self, delivery, acknowledged);
                return None;
            }
            (Private::Dctcp(dctcp), _) => dctcp.observe(acknowledged),
            (Private::Cubic(cubic), Some(sample)) => cubic.on_sample(acknowledged.now, sample),
            _ => {}
        }
        let may_grow = block.observe(self, acknowledged, settings);
        let mut sign = None;
        if self.is_slow_start() {
            sign = block.ends_slow_start(self, acknowledged, settings);
            if sign.is_some() {
                self.threshold = self.window;
            }
        }
        let may_grow = may_grow && acknowledged.may_grow;
        if !may_grow || acknowledged.phase.is_reduction() || acknowledged.delivered == 0 {
            return sign;
        }
        let mut left = acknowledged.delivered;
        if self.is_slow_start() {
            let counting = settings.byte_counting;
            let counted = counting.in_slow_start(left, self.segment(), acknowledged.phase);
            let is_paced = self.is_paced();
            left = self.slow_start(block.slow_start_growth(counted, self.segment(), is_paced));
        }
        if left > 0 && !self.is_slow_start() {
            block.avoid(self, acknowledged.now, left, settings.byte_counting);
        }
        sign
    }

    /// The pool is used up: RFC 5681, equations 2 and 3, which remember nothing.
    #[cold]
    fn on_ack_without(&mut self, acknowledged: &Acknowledged) {
        if acknowledged.phase.is_reduction() || !acknowledged.may_grow {
            return;
        }
        let counted = acknowledged.delivered.min(self.segment());
        if self.is_slow_start() {
            self.slow_start(counted);
        } else {
            let grown = u64::from(counted) * u64::from(self.segment()) / u64::from(self.window);
            self.grow_by(u32::try_from(grown).unwrap_or(0).max(1));
        }
    }

    /// RFC 6928: the larger of 14,600 bytes and two segments is the upper bound.
    fn initial_window(&self, settings: &CongestionSettings) -> u32 {
        let bound = INITIAL_WINDOW_BYTES.max(2 * self.segment());
        settings
            .initial_window_segments
            .max(1)
            .saturating_mul(self.segment())
            .min(bound)
    }

    /// Before the window comes down without a loss: most of what it was stays within reach of slow
    /// start (as Linux, after RFC 2861).
    fn remember_three_quarters(&mut self) {
        self.threshold = self.threshold.max(self.window / 4 * 3);
    }

    #[inline]
    fn grow_by(&mut self, bytes: u32) {
        self.window = self.window.saturating_add(bytes).min(WINDOW_BYTES_MAX);
    }
}

/// Neither a segment nor the first flight can be larger, nor nothing at all.
fn in_sixteen_bits(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX).max(1)
}

/// ssthresh before the first reduction.
pub const NO_THRESHOLD: u32 = u32::MAX;
const INITIAL_WINDOW_BYTES: u32 = 14_600;
/// A window this large is never the limit: one gibibyte, as far as RFC 7323 lets one see.
const WINDOW_BYTES_MAX: u32 = 1 << 30;

const _: () = assert!(size_of::<Congestion>() == 16);

#[cfg(test)]
mod tests;
