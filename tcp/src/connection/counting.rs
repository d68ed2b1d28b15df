//! Counting for RFC 4898, where a connection was asked to: what a verb has changed is seen by comparing before and after.
//!
//! Only `segment_arrives`, `next_segment` and `wake` are watched, the long ways, and a connection that counts takes no
//! other (`ExtensionHandle::set_unpredicted`, and `usual.rs` refuses whoever has an extension).

mod deliveries;

use super::hold::Hold;
use super::{Connection, Context, User};
use crate::congestion::Phase;
use crate::ecn::CE;
use crate::header::{Flags, Segment};
use crate::header_options::Options;
use crate::packet::Outgoing;
use crate::send_records::SendRecordPool;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::statistics::{Limit, Statistics};

/// What a verb may change.
#[derive(Debug)]
pub(super) struct Before {
    unacknowledged: SequenceNumber,
    send_next: SequenceNumber,
    send_window: u32,
    retransmissions: u32,
    phase: Phase,
    window: u32,
    is_slow_start: bool,
    backoff: u32,
    received: SequenceNumber,
    told: SequenceNumber,
    window_told: u32,
    shared: Shared,
}

/// Counters of the shard: what they move by within a verb is this connection's.
#[derive(Clone, Copy, Debug)]
struct Shared {
    timeouts: u64,
    recoveries_undone: u64,
    timeouts_undone: u64,
    duplicates_told: u64,
    reorderings: u64,
    segments_beyond: u64,
}

impl<Q: Default> Connection<Q> {
    /// From now on it counts. Without a block left it does not, which is counted.
    pub(super) fn begin_statistics<M>(&mut self, context: &mut Context<M>) {
        let now = context.now;
        let Some(extension) = context.extensions.ensure(&mut self.extension) else {
            context.counters.extensions_exhausted.increment();
            return;
        };
        if extension.statistics.is_none() {
            extension.statistics = Some(Statistics::new(now));
            self.extension.set_unpredicted();
            // During the handshake nobody knows how large segments are.
            let begins = [State::Closed, State::SynSent, State::SynReceived];
            if !begins.contains(&self.state) {
                self.measure_deliveries(context);
            }
        }
    }

    /// It does no more; what was counted is forgotten.
    pub(super) fn end_statistics<M>(&mut self, context: &mut Context<M>) {
        if let Some(extension) = context.extensions.get_mut(&self.extension) {
            extension.statistics = None;
        }
    }

    /// What there is before a verb; None where nothing is counted.
    #[inline]
    pub(super) fn watch<M>(&self, context: &Context<M>) -> Option<Before> {
        if self.extension.is_held() {
            self.watch_counted(context)
        } else {
            None
        }
    }

    #[cold]
    fn watch_counted<M>(&self, context: &Context<M>) -> Option<Before> {
        context
            .extensions
            .get(&self.extension)?
            .statistics
            .as_ref()?;
        Some(Before {
            unacknowledged: self.send.unacknowledged,
            send_next: self.send.next,
            send_window: self.send.window,
            retransmissions: self.send.retransmissions,
            phase: self.send.phase,
            window: self.congestion.window(),
            is_slow_start: self.congestion.is_slow_start(),
            backoff: self.round_trip.backoff(),
            received: self.receive.next,
            told: self.receive.acknowledged,
            window_told: self.receive.edge.since(self.receive.acknowledged),
            shared: Shared::of(context),
        })
    }

    /// A segment has arrived.
    #[cold]
    pub(super) fn count_arrival<M>(
        &mut self,
        context: &mut Context<M>,
        before: &Before,
        segment: &Segment<'_>,
        options: &Options,
    ) {
        self.count_signals(context, before);
        let now = context.now;
        let Some(counted) = statistics(context, self) else {
            return;
        };
        counted.busy.set(now, self.send.queued > 0);
        counted.wants_room.set(now, self.waits_for_room());
        self.count_receive_trip(counted, now, segment, options);
        let header = &segment.header;
        counted.segments_in += 1;
        if !segment.payload.is_empty() {
            counted.data_segments_in += 1;
            counted.data_bytes_in += segment.payload.len() as u64;
        }
        counted.marks_in += u32::from(segment.ecn == CE);
        if !options.sack.is_empty() {
            counted.sacks_in += 1;
            counted.sack_blocks_in += options.sack.len() as u32;
        }
        let is_duplicate = header.acknowledgment == before.unacknowledged
            && before.send_next != before.unacknowledged
            && segment.payload.is_empty()
            && !header
                .flags
                .intersects(Flags::FIN | Flags::SYN | Flags::RST)
            && self.send.window == before.send_window;
        if is_duplicate {
            counted.duplicates_in += 1;
            counted.duplicates_now += 1;
            counted.duplicate_episodes += u32::from(counted.duplicates_now == 1);
        }
        let acknowledged = moved(before.unacknowledged, self.send.unacknowledged);
        counted.bytes_acknowledged += u64::from(acknowledged);
        if acknowledged > 0 {
            if counted.duplicates_now > 0 && !before.phase.is_repair() {
                counted.harmless_episodes += 1;
                counted.harmless_duplicates += counted.duplicates_now;
                counted.bytes_reordered += u64::from(acknowledged);
            }
            counted.duplicates_now = 0;
        }
        counted.bytes_received += u64::from(moved(before.received, self.receive.next));
        counted.readable_most = counted.readable_most.max(self.receive.readable);
        counted.windows_heard.see(self.send.window);
        counted.zero_windows_heard += u32::from(self.send.window == 0 && before.send_window > 0);
        let window = self.congestion.window();
        if window > before.window && self.state != State::SynSent {
            if before.is_slow_start {
                counted.slow_start_steps += 1;
            } else {
                counted.avoidance_steps += 1;
            }
        }
        if self.congestion.is_slow_start() {
            counted.slow_start_most = counted.slow_start_most.max(window);
        } else {
            counted.avoidance_most = counted.avoidance_most.max(window);
        }
    }

    /// What a signal of congestion, or its undoing, has changed: by a segment or by time.
    #[cold]
    pub(super) fn count_signals<M>(&mut self, context: &mut Context<M>, before: &Before) {
        let after = Shared::of(context);
        let timeout = u32::try_from(self.timeout(context).as_micros()).unwrap_or(u32::MAX);
        let now = context.now;
        let Some(counted) = statistics(context, self) else {
            return;
        };
        counted.repairs.set(now, self.send.phase == Phase::Loss);
        let timeouts = (after.timeouts - before.shared.timeouts) as u32;
        counted.timeouts += timeouts;
        if before.backoff > 0 {
            counted.timeouts_again += timeouts;
        }
        let more = |after: u64, before: u64| (after - before) as u32;
        counted.spurious_recoveries +=
            more(after.recoveries_undone, before.shared.recoveries_undone);
        counted.spurious_timeouts += more(after.timeouts_undone, before.shared.timeouts_undone);
        counted.duplicates_told += more(after.duplicates_told, before.shared.duplicates_told);
        counted.reorderings += more(after.reorderings, before.shared.reorderings);
        counted.segments_beyond += more(after.segments_beyond, before.shared.segments_beyond);
        let phase = self.send.phase;
        if phase != before.phase && phase.is_reaction() {
            counted.congestion_signals += 1;
            counted.fast_recoveries += u32::from(phase == Phase::Recovery);
            counted.echoed_marks += u32::from(phase == Phase::Reducing);
            counted.window_before_signals += u64::from(before.window);
            counted.round_trip_before_signals += u64::from(counted.round_trip_last);
        }
        if self.round_trip.smoothed_micros() > 0 {
            counted.timeout_times.see(timeout);
        }
        if self.congestion.slow_start_threshold() != u32::MAX {
            counted
                .thresholds
                .see(self.congestion.slow_start_threshold());
        }
        counted.segment_sizes.see(u32::from(self.full_payload()));
    }

    /// A segment, which `out` has, leaves, or nothing does.
    #[cold]
    pub(super) fn count_departure<M>(
        &mut self,
        context: &mut Context<M>,
        before: &Before,
        outgoing: Option<&Outgoing>,
        out: &[u8],
    ) {
        let limit = self.limit(&context.records);
        let now = context.now;
        let Some(counted) = statistics(context, self) else {
            return;
        };
        if let Some(limit) = limit {
            counted.limited(now, limit);
        }
        counted.busy.set(now, self.send.queued > 0);
        counted.wants_room.set(now, self.waits_for_room());
        let Some(outgoing) = outgoing else {
            return;
        };
        let flags = out.get(FLAGS_AT).copied().unwrap_or(0);
        let payload = outgoing.length - outgoing.header_length;
        let segments = match usize::from(outgoing.segment_payload) {
            0 => 1,
            each => payload.div_ceil(each) as u32,
        };
        counted.segments_out += segments;
        counted.echoes_out += u32::from(flags & ECE != 0);
        let resent = self
            .send
            .retransmissions
            .wrapping_sub(before.retransmissions);
        counted.segments_resent += resent;
        if payload > 0 {
            counted.data_segments_out += segments;
            counted.data_bytes_out += payload as u64;
            if resent > 0 {
                counted.bytes_resent += payload as u64;
            }
        } else if flags & (SYN | FIN | RST) == 0
            && self.receive.next == before.told
            && !self.receive.ranges.is_empty()
        {
            counted.duplicates_out += 1;
        }
        if flags & RST == 0 {
            let window = self.receive.window();
            counted.windows_offered.see(window);
            counted.zero_windows_offered += u32::from(window == 0 && before.window_told > 0);
        }
        counted.pipe_most = counted.pipe_most.max(self.send.in_flight());
        counted.outstanding_most = counted.outstanding_most.max(self.send.outstanding());
        let unsent = self.send.unsent() + moved(before.send_next, self.send.next);
        counted.unsent_most = counted.unsent_most.max(unsent.min(self.send.queued));
    }

    /// All was sent that the user could hand over, and he waits to hand over more.
    fn waits_for_room(&self) -> bool {
        let is_open = matches!(self.state, State::Established | State::CloseWait);
        let is_sent = self.send.queued > 0 && self.send.unsent() == 0;
        self.user.has(User::WANTS_ROOM) && is_sent && is_open
    }

    /// What holds the sender back once it stops; None as long as it goes on.
    fn limit(&self, records: &SendRecordPool) -> Option<Limit> {
        Some(match self.hold(records)? {
            Hold::Window | Hold::Silly => Limit::Receiver,
            Hold::Congestion | Hold::Pacing | Hold::Deferral => Limit::Congestion,
            _ => Limit::Sender,
        })
    }
}

impl<Q> Connection<Q> {
    /// A round trip was measured.
    #[cold]
    pub(super) fn count_round_trip<M>(&self, context: &mut Context<M>, micros: u64) {
        if let Some(counted) = statistics(context, self) {
            counted.measured(u32::try_from(micros).unwrap_or(u32::MAX));
        }
    }
}

impl Shared {
    fn of<M>(context: &Context<M>) -> Self {
        let counters = &context.counters;
        let undone = [
            &counters.full_undo,
            &counters.partial_undo,
            &counters.dsack_undo,
        ];
        Self {
            timeouts: counters.timeouts.get(),
            recoveries_undone: undone.iter().map(|counter| counter.get()).sum(),
            timeouts_undone: counters.loss_undo.get(),
            duplicates_told: counters.dsack_recv.get() + counters.dsack_ofo_recv.get(),
            reorderings: counters.sack_reorder.get()
                + counters.reno_reorder.get()
                + counters.ts_reorder.get(),
            segments_beyond: counters.ofo_queue.get(),
        }
    }
}

fn statistics<'a, M, Q>(
    context: &'a mut Context<M>,
    connection: &Connection<Q>,
) -> Option<&'a mut Statistics> {
    context
        .extensions
        .get_mut(&connection.extension)?
        .statistics
        .as_mut()
}

/// How far a number has moved on; 0 where it has gone back (the SYN of an opening).
fn moved(from: SequenceNumber, to: SequenceNumber) -> u32 {
    if from < to { to.since(from) } else { 0 }
}

/// Where a header has its flags.
const FLAGS_AT: usize = 13;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ECE: u8 = 64;
