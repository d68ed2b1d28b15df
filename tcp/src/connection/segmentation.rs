//! Several segments in one, to be cut by the port (TSO): how large, and when to wait for more to leave together.
//!
//! As Linux: what its `tcp_tso_autosize` and `tcp_tso_should_defer` judge. All of them but the last are full, so
//! that each has a send record of its own and loss recovery knows nothing of it.

use super::hold::Plan;
use super::{Connection, Context};
use crate::congestion::Phase;
use crate::connection::Due;
use crate::header::HEADER_BYTES;
use crate::memory::Memory;
use crate::send_records::micros;
use crate::table::NONE;

impl<Q: Default> Connection<Q> {
    /// True when more than a segment waits that was never sent, and nothing that was.
    pub(crate) fn has_burst(&self) -> bool {
        let send = &self.send;
        let unsent = send
            .queued
            .saturating_sub(send.next.since(send.unacknowledged));
        send.resend == NONE && unsent > u32::from(send.mss)
    }

    /// Payload that may leave as several segments in one, which the port cuts.
    pub(super) fn most_at_once<M>(
        &self,
        context: &Context<M>,
        option_bytes: usize,
        room: usize,
    ) -> u32 {
        // The pointer is that of one segment (as Linux).
        if self.extension.is_held() && self.has_urgent_to_send(&context.extensions) {
            return 0;
        }
        let full = u32::from(self.send.mss) - option_bytes as u32;
        self.burst_payload(room, full, option_bytes)
    }

    /// Payload that may leave at once as whole segments of `full` bytes each, into `room` bytes of header and payload;
    /// 0 where the port must not cut: what a flag says of one segment only.
    pub(super) fn burst_payload(&self, room: usize, full: u32, option_bytes: usize) -> u32 {
        let payload_room = room.saturating_sub(HEADER_BYTES + option_bytes);
        let room = u32::try_from(payload_room).unwrap_or(u32::MAX);
        if self.receive.ecn.is_to_confess()
            || self.due.has(Due::TAIL)
            || self.due.has(Due::FORCE)
            || room < 2 * full
        {
            return 0;
        }
        let bytes = self.usual_burst(room).max(SEGMENTS_MIN * full).min(room);
        bytes - bytes % full
    }

    /// What a millisecond carries; on short paths, where acknowledgements are many, up to all that fits.
    fn usual_burst(&self, room: u32) -> u32 {
        let Some(smoothed) = self.round_trip.smoothed() else {
            return 0;
        };
        let millisecond = self.congestion.usual_rate(smoothed) / 1_000;
        let smallest = self.round_trip.smallest_micros();
        let more = room.checked_shr(smallest >> SHORT_PATH_LOG).unwrap_or(0);
        u32::try_from(millisecond)
            .unwrap_or(u32::MAX)
            .saturating_add(more)
    }

    /// All segments of a burst but the last have been sent.
    #[cold]
    pub(super) fn note_burst<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        plan: &Plan,
    ) {
        let mut left = plan.payload;
        while left > plan.segment {
            let end = self.send.next + plan.segment;
            self.note_sent(context, end, false);
            context.counters.out_segs.increment();
            left -= plan.segment;
        }
    }

    /// True when it is better to wait for an acknowledgement, which comes soon and lets more out at once.
    pub(super) fn defers<M: Memory<Queue = Q>>(
        &self,
        context: &Context<M>,
        plan: &Plan,
        most: u32,
    ) -> bool {
        let send = &self.send;
        let offset = plan.sequence.since(send.unacknowledged);
        let available = send.queued.saturating_sub(offset);
        if most == 0
            || plan.record != NONE
            || plan.fin
            || available <= plan.segment
            || matches!(send.phase, Phase::Recovery | Phase::Loss)
        {
            return false;
        }
        let by_window = send.window.saturating_sub(offset);
        let by_congestion = self.congestion.window().saturating_sub(send.in_flight());
        let limit = by_window.min(by_congestion);
        let share = send.window.min(self.congestion.window()) / WINDOW_DIVISOR;
        if limit >= most.min(available) || limit >= share {
            return false;
        }
        let records = &context.records;
        let (Some((_, oldest)), Some((_, newest))) =
            (records.first(&send.records), records.last(&send.records))
        else {
            return false;
        };
        let now = micros(context.now);
        let [age, pause] = [oldest, newest].map(|record| now.wrapping_sub(record.sent_at));
        let smoothed = self.round_trip.smoothed().unwrap_or_default();
        // An oldest one younger than half a round trip: its acknowledgement is too far away.
        pause <= RECENT_MICROS && u128::from(age) >= smoothed.as_micros() / 2
    }
}

/// Linux: tcp_min_tso_segs.
const SEGMENTS_MIN: u32 = 2;
/// Linux: tcp_tso_rtt_log, in microseconds of the smallest round trip.
const SHORT_PATH_LOG: u32 = 9;
/// Linux: tcp_tso_win_divisor.
const WINDOW_DIVISOR: u32 = 3;
/// Whoever has not sent for longer sends at once: waiting would make bursts.
const RECENT_MICROS: u32 = 1_000;
