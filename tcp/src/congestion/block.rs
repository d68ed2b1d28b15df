//! What a connection whose window moves needs besides its windows: one block of the shard's pool.

use super::bbr::Bbr;
use super::cubic::Cubic;
use super::dctcp::Dctcp;
use super::hystart::{Sign, Train};
use super::hystart_plus_plus::Rounds;
use super::pacer::Pacer;
use super::pipe_ack::PipeAck;
use super::rate_sample::DeliveryRate;
use super::segment_size::Shrinking;
use super::settings::{ByteCounting, Hystart, Validation};
use super::usage::Usage;
use super::{Acknowledged, Algorithm, Congestion, CongestionSettings, NO_THRESHOLD};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// Memory of growth and of the last reduction.
#[derive(Debug)]
pub(super) struct Block {
    /// Bytes delivered since congestion avoidance last grew the window.
    pub(super) counted: u32,
    pub(super) before: Before,
    pub(super) validity: Validity,
    pub(super) exit: Exit,
    pub(super) private: Private,
    pub(super) delivery: DeliveryRate,
    pub(super) pacer: Pacer,
}

/// What undo restores.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    /// cwnd before the last reduction; 0 when there is nothing to undo.
    pub(super) window: u32,
    /// ssthresh before it.
    pub(super) threshold: u32,
    /// CUBIC before it (RFC 9438, section 4.9.2).
    pub(super) cubic: Option<Cubic>,
}

/// Whether the window is used.
#[derive(Debug)]
pub(super) enum Validity {
    Linux(Usage),
    Rfc7661(PipeAck),
}

/// What looks for the end of slow start.
#[derive(Debug)]
pub(super) enum Exit {
    /// Nothing, or it has been found.
    None,
    Train(Train),
    Rounds(Rounds),
    /// One of the two, once an acknowledgement says where a round begins.
    Unset,
}

/// The algorithm's own state.
#[derive(Debug)]
pub(super) enum Private {
    None,
    Cubic(Cubic),
    Dctcp(Dctcp),
    Bbr(Bbr),
}

impl Block {
    pub(super) fn new(windows: &Congestion, settings: &CongestionSettings, now: Instant) -> Self {
        Self {
            counted: 0,
            before: Before::default(),
            validity: match settings.validation {
                Validation::Linux => Validity::Linux(Usage::default()),
                Validation::Rfc7661 => {
                    Validity::Rfc7661(PipeAck::new(now, SequenceNumber::default()))
                }
            },
            exit: Exit::Unset,
            private: Private::new(windows, now),
            pacer: Pacer::default(),
            delivery: DeliveryRate::default(),
        }
    }

    #[inline]
    pub(super) fn cubic_mut(&mut self) -> Option<&mut Cubic> {
        match &mut self.private {
            Private::Cubic(cubic) => Some(cubic),
            _ => None,
        }
    }

    /// Takes an acknowledgement in; true when the window was used and may grow.
    #[inline]
    pub(super) fn observe(
        &mut self,
        windows: &mut Congestion,
        acknowledged: &Acknowledged,
        settings: &CongestionSettings,
    ) -> bool {
        match &mut self.validity {
            Validity::Linux(usage) => usage.observe(windows, acknowledged),
            Validity::Rfc7661(pipe_ack) => {
                let is_validated = pipe_ack.observe(windows, acknowledged);
                if !is_validated {
                    pipe_ack.expire(windows, acknowledged.now, settings);
                }
                is_validated
            }
        }
    }

    /// How much of what counts in slow start the window grows by.
    #[inline]
    pub(super) fn slow_start_growth(&self, bytes: u32, segment: u32, is_paced: bool) -> u32 {
        match &self.exit {
            Exit::Rounds(rounds) => rounds.growth(bytes, segment, is_paced),
            _ => bytes,
        }
    }

    /// The window grows beyond slow start.
    #[inline]
    pub(super) fn avoid(
        &mut self,
        windows: &mut Congestion,
        now: Instant,
        bytes: u32,
        counting: ByteCounting,
    ) {
        let bytes = counting.in_avoidance(bytes, windows.segment());
        let per_segment = match &mut self.private {
            Private::Cubic(cubic) => cubic.per_segment(windows, now, bytes),
            _ => windows.window,
        };
        windows.avoid(&mut self.counted, bytes, per_segment);
    }

    /// A retransmission timeout: the path may be another one.
    pub(super) fn on_timeout(&mut self) {
        self.exit = Exit::Unset;
        if let Some(cubic) = self.cubic_mut() {
            cubic.on_timeout();
        }
    }

    /// Sending starts again while nothing is in flight.
    pub(super) fn on_idle(
        &mut self,
        windows: &mut Congestion,
        now: Instant,
        last_sent: Instant,
        settings: &CongestionSettings,
    ) {
        let is_app_limited = self.delivery.is_app_limited();
        match &mut self.private {
            Private::Cubic(cubic) => cubic.on_idle(now, last_sent),
            Private::Bbr(bbr) if is_app_limited => bbr.on_idle(windows, now),
            _ => {}
        }
        if let Validity::Rfc7661(pipe_ack) = &mut self.validity {
            pipe_ack.expire(windows, now, settings);
        }
    }

    /// The window was set anew after idleness.
    pub(super) fn restart(&mut self) {
        self.counted = 0;
    }

    /// What is remembered of windows holds in segments.
    pub(super) fn shrink(&mut self, shrinking: Shrinking) {
        self.counted = shrinking.of(self.counted);
        self.before.window = shrinking.of(self.before.window);
        self.before.threshold = shrinking.of(self.before.threshold);
        if let Some(cubic) = &mut self.before.cubic {
            cubic.shrink(shrinking);
        }
        match &mut self.private {
            Private::Cubic(cubic) => cubic.shrink(shrinking),
            Private::Bbr(bbr) => bbr.shrink(shrinking),
            Private::Dctcp(_) | Private::None => {}
        }
    }

    /// Another algorithm takes over.
    pub(super) fn change(&mut self, windows: &Congestion, now: Instant) {
        self.private = Private::new(windows, now);
        self.exit = Exit::Unset;
        self.before.cubic = None;
        self.counted = 0;
    }

    /// Why slow start has to end, by what this acknowledgement tells.
    /// RFC 9406, section 4.2; RFC 9438, section 4.10.
    pub(super) fn ends_slow_start(
        &mut self,
        windows: &Congestion,
        acknowledged: &Acknowledged,
        settings: &CongestionSettings,
    ) -> Option<Sign> {
        if let Exit::Unset = self.exit {
            self.exit = match (settings.hystart, windows.algorithm) {
                (Hystart::Linux, Algorithm::Cubic) => Exit::Train(Train::new(acknowledged)),
                // RFC 9406, section 4.2: for the first slow start alone; later ones end at what was found.
                (Hystart::PlusPlus, _) if windows.threshold == NO_THRESHOLD => {
                    Exit::Rounds(Rounds::new(acknowledged))
                }
                _ => Exit::None,
            };
        }
        let sign = match (&mut self.exit, &self.private) {
            (Exit::Train(train), Private::Cubic(cubic)) => {
                let delay_min = cubic.delay_min_micros;
                let delay = acknowledged.sample_micros.filter(|_| delay_min > 0)?;
                train.sign(windows, acknowledged, delay.max(1), delay_min)
            }
            (Exit::Rounds(rounds), _) => rounds.is_full(acknowledged).then_some(Sign::Delay),
            _ => None,
        };
        if sign.is_some() {
            self.exit = Exit::None;
        }
        sign
    }
}

impl Private {
    fn new(windows: &Congestion, now: Instant) -> Self {
        match windows.algorithm {
            Algorithm::Cubic => Self::Cubic(Cubic::default()),
            Algorithm::NewReno => Self::None,
            Algorithm::Dctcp => Self::Dctcp(Dctcp::new()),
            Algorithm::Bbr => Self::Bbr(Bbr::new(windows, now)),
        }
    }
}
