//! What a connection counts where it is asked to: the extended statistics of RFC 4898, by the MIB's names.
//!
//! The counters lie in the extension block. A connection that counts takes the long ways in and out only, so that others
//! pay nothing. `connection/counting.rs` counts, `connection/objects.rs` tells. Times are microseconds throughout, where
//! the MIB has milliseconds for some: round trips in a data centre would be zero.

mod receive_trip;
mod stopwatch;

pub(crate) use receive_trip::ReceiveTrip;
pub(crate) use stopwatch::Stopwatch;

use crate::congestion::rate_sample::RateSample;
use crate::time::Instant;

/// The objects of one connection, in the order of [`OBJECTS`].
pub type Objects = [u64; OBJECTS.len()];

/// Names of what is told, by RFC 4898: after `tcpEStats`. Those of the group Info are fields of Linux's TCP_INFO.
/// RFC 4898, section 4.
pub const OBJECTS: [&str; 100] = [
    // What a connection has done.
    "PerfSegsOut",
    "PerfDataSegsOut",
    "PerfDataOctetsOut",
    "PerfSegsRetrans",
    "PerfOctetsRetrans",
    "PerfSegsIn",
    "PerfDataSegsIn",
    "PerfDataOctetsIn",
    "PerfElapsedSecs",
    "PerfElapsedMicroSecs",
    "PerfCurMSS",
    "PerfPipeSize",
    "PerfMaxPipeSize",
    "PerfSmoothedRTT",
    "PerfCurRTO",
    "PerfCongSignals",
    "PerfCurCwnd",
    "PerfCurSsthresh",
    "PerfTimeouts",
    "PerfCurRwinSent",
    "PerfMaxRwinSent",
    "PerfZeroRwinSent",
    "PerfCurRwinRcvd",
    "PerfMaxRwinRcvd",
    "PerfZeroRwinRcvd",
    "PerfSndLimTransRwin",
    "PerfSndLimTransCwnd",
    "PerfSndLimTransSnd",
    "PerfSndLimTimeRwin",
    "PerfSndLimTimeCwnd",
    "PerfSndLimTimeSnd",
    // What its path is like.
    "PathRetranThresh",
    "PathNonRecovDAEpisodes",
    "PathSumOctetsReordered",
    "PathNonRecovDA",
    "PathSampleRTT",
    "PathRTTVar",
    "PathMaxRTT",
    "PathMinRTT",
    "PathSumRTT",
    "PathCountRTT",
    "PathMaxRTO",
    "PathMinRTO",
    "PathPreCongSumCwnd",
    "PathPreCongSumRTT",
    "PathECNsignals",
    "PathDupAckEpisodes",
    "PathDupAcksOut",
    "PathCERcvd",
    "PathECESent",
    "PathRcvRTT",
    // What was agreed on, and what its algorithms have done.
    "StackMSSSent",
    "StackWinScaleSent",
    "StackWinScaleRcvd",
    "StackTimeStamps",
    "StackECN",
    "StackWillSendSACK",
    "StackWillUseSACK",
    "StackState",
    "StackNagle",
    "StackMaxSsCwnd",
    "StackMaxCaCwnd",
    "StackMaxSsthresh",
    "StackMinSsthresh",
    "StackInRecovery",
    "StackDupAcksIn",
    "StackSpuriousFrDetected",
    "StackSpuriousRtoDetected",
    "StackSlowStart",
    "StackCongAvoid",
    "StackFastRetran",
    "StackSubsequentTimeouts",
    "StackCurTimeoutCount",
    "StackSACKsRcvd",
    "StackSACKBlocksRcvd",
    "StackDSACKDups",
    "StackMaxMSS",
    "StackMinMSS",
    "StackCurRetxQueue",
    "StackMaxRetxQueue",
    "StackCurReasmQueue",
    // What its user has made of it.
    "AppSndUna",
    "AppSndNxt",
    "AppSndMax",
    "AppThruOctetsAcked",
    "AppRcvNxt",
    "AppThruOctetsReceived",
    "AppCurAppWQueue",
    "AppMaxAppWQueue",
    "AppCurAppRQueue",
    "AppMaxAppRQueue",
    // What TCP_INFO of Linux counts besides.
    "InfoBusyTime",
    "InfoSndbufLimited",
    "InfoDelivered",
    "InfoDeliveryRate",
    "InfoDeliveryRateAppLimited",
    "InfoReordSeen",
    "InfoRcvOoopack",
    "InfoTotalRtoRecoveries",
    "InfoTotalRtoTime",
];

/// What holds a sender back, as the MIB tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The peer's window.
    Receiver,
    /// The congestion window, or the rate that goes with it.
    Congestion,
    /// The sender itself: nothing to send, or it waits for more.
    Sender,
}

/// The smallest and the largest of what was seen; `least` is above `most` before anything was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extremes {
    pub(crate) least: u32,
    pub(crate) most: u32,
}

/// What is counted from the moment on at which the connection was asked to. Bytes and microseconds.
#[derive(Debug)]
pub(crate) struct Statistics {
    pub(crate) began: Instant,
    pub(crate) segments_out: u32,
    pub(crate) data_segments_out: u32,
    pub(crate) data_bytes_out: u64,
    pub(crate) segments_resent: u32,
    pub(crate) bytes_resent: u64,
    pub(crate) segments_in: u32,
    pub(crate) data_segments_in: u32,
    pub(crate) data_bytes_in: u64,
    pub(crate) bytes_acknowledged: u64,
    pub(crate) bytes_received: u64,
    pub(crate) pipe_most: u32,
    pub(crate) congestion_signals: u32,
    pub(crate) fast_recoveries: u32,
    pub(crate) timeouts: u32,
    pub(crate) timeouts_again: u32,
    pub(crate) windows_offered: Extremes,
    pub(crate) zero_windows_offered: u32,
    pub(crate) windows_heard: Extremes,
    pub(crate) zero_windows_heard: u32,
    pub(crate) limit: Limit,
    pub(crate) limited_since: Instant,
    /// By `Limit`: how often it came to that, and for how long.
    pub(crate) limit_changes: [u32; 3],
    pub(crate) limit_micros: [u64; 3],
    /// There is data that was not acknowledged.
    pub(crate) busy: Stopwatch,
    /// Of these, all was sent and the user waits for room.
    pub(crate) wants_room: Stopwatch,
    /// A timeout's losses are being repaired.
    pub(crate) repairs: Stopwatch,
    /// Segments that have arrived, by what acknowledgements say.
    pub(crate) segments_delivered: u32,
    /// The rate at which they did, last.
    pub(crate) rate: Option<RateSample>,
    pub(crate) receive_trip: ReceiveTrip,
    /// Duplicates since SND.UNA moved last.
    pub(crate) duplicates_now: u32,
    pub(crate) duplicates_in: u32,
    pub(crate) duplicate_episodes: u32,
    pub(crate) duplicates_out: u32,
    pub(crate) harmless_episodes: u32,
    pub(crate) harmless_duplicates: u32,
    pub(crate) bytes_reordered: u64,
    pub(crate) round_trip_last: u32,
    pub(crate) round_trips: Extremes,
    pub(crate) round_trips_sum: u64,
    pub(crate) round_trips_count: u32,
    pub(crate) timeout_times: Extremes,
    pub(crate) window_before_signals: u64,
    pub(crate) round_trip_before_signals: u64,
    pub(crate) echoed_marks: u32,
    pub(crate) marks_in: u32,
    pub(crate) echoes_out: u32,
    pub(crate) slow_start_most: u32,
    pub(crate) avoidance_most: u32,
    pub(crate) thresholds: Extremes,
    pub(crate) slow_start_steps: u32,
    pub(crate) avoidance_steps: u32,
    pub(crate) spurious_recoveries: u32,
    pub(crate) spurious_timeouts: u32,
    pub(crate) sacks_in: u32,
    pub(crate) sack_blocks_in: u32,
    pub(crate) duplicates_told: u32,
    pub(crate) reorderings: u32,
    pub(crate) segments_beyond: u32,
    pub(crate) segment_sizes: Extremes,
    pub(crate) outstanding_most: u32,
    pub(crate) unsent_most: u32,
    pub(crate) readable_most: u32,
}

impl Statistics {
    /// Nothing counted yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            began: now,
            segments_out: 0,
            data_segments_out: 0,
            data_bytes_out: 0,
            segments_resent: 0,
            bytes_resent: 0,
            segments_in: 0,
            data_segments_in: 0,
            data_bytes_in: 0,
            bytes_acknowledged: 0,
            bytes_received: 0,
            pipe_most: 0,
            congestion_signals: 0,
            fast_recoveries: 0,
            timeouts: 0,
            timeouts_again: 0,
            windows_offered: Extremes::NONE,
            zero_windows_offered: 0,
            windows_heard: Extremes::NONE,
            zero_windows_heard: 0,
            limit: Limit::Sender,
            limited_since: now,
            limit_changes: [0; 3],
            limit_micros: [0; 3],
            busy: Stopwatch::default(),
            wants_room: Stopwatch::default(),
            repairs: Stopwatch::default(),
            segments_delivered: 0,
            rate: None,
            receive_trip: ReceiveTrip::default(),
            duplicates_now: 0,
            duplicates_in: 0,
            duplicate_episodes: 0,
            duplicates_out: 0,
            harmless_episodes: 0,
            harmless_duplicates: 0,
            bytes_reordered: 0,
            round_trip_last: 0,
            round_trips: Extremes::NONE,
            round_trips_sum: 0,
            round_trips_count: 0,
            timeout_times: Extremes::NONE,
            window_before_signals: 0,
            round_trip_before_signals: 0,
            echoed_marks: 0,
            marks_in: 0,
            echoes_out: 0,
            slow_start_most: 0,
            avoidance_most: 0,
            thresholds: Extremes::NONE,
            slow_start_steps: 0,
            avoidance_steps: 0,
            spurious_recoveries: 0,
            spurious_timeouts: 0,
            sacks_in: 0,
            sack_blocks_in: 0,
            duplicates_told: 0,
            reorderings: 0,
            segments_beyond: 0,
            segment_sizes: Extremes::NONE,
            outstanding_most: 0,
            unsent_most: 0,
            readable_most: 0,
        }
    }

    /// A round trip was measured.
    pub(crate) fn measured(&mut self, micros: u32) {
        self.round_trip_last = micros;
        self.round_trips.see(micros);
        self.round_trips_sum += u64::from(micros);
        self.round_trips_count += 1;
    }

    /// This holds the sender back from now on.
    pub(crate) fn limited(&mut self, now: Instant, limit: Limit) {
        if limit != self.limit {
            self.limit_micros[self.limit as usize] += micros(self.limited_since, now);
            self.limit_changes[limit as usize] += 1;
            (self.limit, self.limited_since) = (limit, now);
        }
    }

    /// Segments have arrived, by an acknowledgement that may tell of their rate. One that tells of the user, who had too little
    /// to send, counts only if it is as high as the last (as Linux).
    pub(crate) fn delivered(&mut self, segments: u32, rate: Option<RateSample>) {
        self.segments_delivered += segments;
        let Some(new) = rate.filter(|rate| rate.interval_micros > 0) else {
            return;
        };
        let last = self.rate.and_then(|rate| rate.bytes_per_second());
        if !new.is_app_limited || new.bytes_per_second() >= last {
            self.rate = Some(new);
        }
    }

    /// Timeouts that came first, after all was well.
    pub(crate) fn recoveries(&self) -> u32 {
        self.timeouts - self.timeouts_again
    }

    /// How long each limit has held the sender back until now.
    pub(crate) fn limit_micros(&self, now: Instant) -> [u64; 3] {
        let mut times = self.limit_micros;
        times[self.limit as usize] += micros(self.limited_since, now);
        times
    }
}

impl Extremes {
    const NONE: Self = Self {
        least: u32::MAX,
        most: 0,
    };

    /// One more was seen.
    pub(crate) fn see(&mut self, value: u32) {
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }

    /// The smallest; 0 before anything was seen.
    pub(crate) fn smallest(self) -> u32 {
        self.least.min(self.most)
    }
}

pub(crate) fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.since(from).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
