//! What a connection that counts tells, by RFC 4898 and to TCP_INFO: what was counted, and what the record knows anyway.

use super::{Connection, Context, Facts};
use crate::options::sets::Flags;
use crate::statistics::{OBJECTS, Objects, Statistics, micros};
use crate::tcp_info::{CountedInfo, state_number};
use crate::time::Instant;

impl<Q: Default> Connection<Q> {
    /// The objects in the order of their names; None where nothing is counted.
    pub(crate) fn objects<M>(&self, context: &Context<M>, now: Instant) -> Option<Objects> {
        let extension = context.extensions.get(&self.extension)?;
        let counted = extension.statistics.as_ref()?;
        let mut objects = [0; OBJECTS.len()];
        let all = self
            .performance(context, counted, now)
            .into_iter()
            .chain(path(self, counted))
            .chain(self.stack(context, counted))
            .chain(self.application(counted))
            .chain(info(counted, now));
        for (place, value) in objects.iter_mut().zip(all) {
            *place = value;
        }
        Some(objects)
    }

    /// What TCP_INFO tells of it.
    pub(super) fn counted_info<M>(
        &self,
        context: &Context<M>,
        now: Instant,
    ) -> Option<CountedInfo> {
        let extension = context.extensions.get(&self.extension)?;
        let counted = extension.statistics.as_ref()?;
        let [by_receiver, ..] = counted.limit_micros(now);
        let rate = counted.rate.unwrap_or_default();
        Some(CountedInfo {
            segs_out: counted.segments_out,
            segs_in: counted.segments_in,
            data_segs_in: counted.data_segments_in,
            data_segs_out: counted.data_segments_out,
            busy_time: counted.busy.micros(now),
            rwnd_limited: by_receiver,
            sndbuf_limited: counted.wants_room.micros(now),
            delivered: counted.segments_delivered,
            delivery_rate: rate.bytes_per_second().unwrap_or(0),
            delivery_rate_app_limited: rate.is_app_limited,
            rcv_rtt: counted.receive_trip.micros(),
            bytes_sent: counted.data_bytes_out,
            bytes_retrans: counted.bytes_resent,
            bytes_acked: counted.bytes_acknowledged,
            bytes_received: counted.bytes_received,
            dsack_dups: counted.duplicates_told,
            reord_seen: counted.reorderings,
            rcv_ooopack: counted.segments_beyond,
            total_rto: u16::try_from(counted.timeouts).unwrap_or(u16::MAX),
            total_rto_recoveries: u16::try_from(counted.recoveries()).unwrap_or(u16::MAX),
            total_rto_time: u32::try_from(counted.repairs.micros(now) / 1_000).unwrap_or(u32::MAX),
        })
    }

    fn performance<M>(
        &self,
        context: &Context<M>,
        counted: &Statistics,
        now: Instant,
    ) -> [u64; 31] {
        let elapsed = micros(counted.began, now);
        let timeout = self.timeout(context).as_micros();
        let [changes, times] = [
            counted.limit_changes.map(u64::from),
            counted.limit_micros(now),
        ];
        let wide = u64::from;
        [
            wide(counted.segments_out),
            wide(counted.data_segments_out),
            counted.data_bytes_out,
            wide(counted.segments_resent),
            counted.bytes_resent,
            wide(counted.segments_in),
            wide(counted.data_segments_in),
            counted.data_bytes_in,
            elapsed / 1_000_000,
            elapsed % 1_000_000,
            wide(u32::from(self.full_payload())),
            wide(self.send.in_flight()),
            wide(counted.pipe_most),
            wide(self.round_trip.smoothed_micros()),
            u64::try_from(timeout).unwrap_or(u64::MAX),
            wide(counted.congestion_signals),
            wide(self.congestion.window()),
            wide(self.congestion.slow_start_threshold()),
            wide(counted.timeouts),
            wide(self.receive.window()),
            wide(counted.windows_offered.most),
            wide(counted.zero_windows_offered),
            wide(self.send.window),
            wide(counted.windows_heard.most),
            wide(counted.zero_windows_heard),
            changes[0],
            changes[1],
            changes[2],
            times[0],
            times[1],
            times[2],
        ]
    }

    fn stack<M>(&self, context: &Context<M>, counted: &Statistics) -> [u64; 30] {
        let wide = u64::from;
        let is_nagle = !self.user.options.flags.contains(Flags::NO_DELAY);
        [
            wide(u32::from(self.receive.mss)),
            wide(u32::from(self.receive.scale)),
            wide(u32::from(self.send.scale)),
            u64::from(self.stamps.is_on),
            u64::from(self.receive.ecn.is_on() || self.receive.ecn.is_accurate()),
            u64::from(self.receive.facts.has(Facts::SACK)),
            u64::from(self.receive.facts.has(Facts::SACK)),
            u64::from(state_number(self.state)),
            u64::from(is_nagle),
            wide(counted.slow_start_most),
            wide(counted.avoidance_most),
            wide(counted.thresholds.most),
            wide(counted.thresholds.smallest()),
            u64::from(self.send.phase.is_repair()),
            wide(counted.duplicates_in),
            wide(counted.spurious_recoveries),
            wide(counted.spurious_timeouts),
            wide(counted.slow_start_steps),
            wide(counted.avoidance_steps),
            wide(counted.fast_recoveries),
            wide(counted.timeouts_again),
            wide(self.round_trip.backoff()),
            wide(counted.sacks_in),
            wide(counted.sack_blocks_in),
            wide(counted.duplicates_told),
            wide(counted.segment_sizes.most),
            wide(counted.segment_sizes.smallest()),
            wide(self.send.outstanding()),
            wide(counted.outstanding_most),
            context.ranges.bytes(&self.receive.ranges),
        ]
    }

    fn application(&self, counted: &Statistics) -> [u64; 10] {
        let wide = u64::from;
        [
            wide(self.send.unacknowledged.raw()),
            wide(self.send.next.raw()),
            // Nothing is ever sent beyond SND.NXT here.
            wide(self.send.next.raw()),
            counted.bytes_acknowledged,
            wide(self.receive.next.raw()),
            counted.bytes_received,
            wide(self.send.unsent()),
            wide(counted.unsent_most),
            wide(self.receive.readable),
            wide(counted.readable_most),
        ]
    }
}

fn path<Q: Default>(connection: &Connection<Q>, counted: &Statistics) -> [u64; 20] {
    let wide = u64::from;
    let variation = connection.round_trip.variation().as_micros();
    [
        wide(u32::from(connection.send.reordering.degree)),
        wide(counted.harmless_episodes),
        counted.bytes_reordered,
        wide(counted.harmless_duplicates),
        wide(counted.round_trip_last),
        u64::try_from(variation).unwrap_or(u64::MAX),
        wide(counted.round_trips.most),
        wide(counted.round_trips.smallest()),
        counted.round_trips_sum,
        wide(counted.round_trips_count),
        wide(counted.timeout_times.most),
        wide(counted.timeout_times.smallest()),
        counted.window_before_signals,
        counted.round_trip_before_signals,
        wide(counted.echoed_marks),
        wide(counted.duplicate_episodes),
        wide(counted.duplicates_out),
        wide(counted.marks_in),
        wide(counted.echoes_out),
        wide(counted.receive_trip.micros()),
    ]
}

fn info(counted: &Statistics, now: Instant) -> [u64; 9] {
    let wide = u64::from;
    let rate = counted.rate.unwrap_or_default();
    [
        counted.busy.micros(now),
        counted.wants_room.micros(now),
        wide(counted.segments_delivered),
        rate.bytes_per_second().unwrap_or(0),
        u64::from(rate.is_app_limited),
        wide(counted.reorderings),
        wide(counted.segments_beyond),
        wide(counted.recoveries()),
        counted.repairs.micros(now) / 1_000,
    ]
}

// Each group fills its part of the names.
const _: () = assert!(OBJECTS.len() == 31 + 20 + 30 + 10 + 9);
