//! The user's verbs: send, receive, and what they find (RFC 9293, section 3.10.2 and 3.10.3).

use super::hold::Hold;
use super::{Connection, Context};
use crate::congestion::CongestionPool;
use crate::connection::{Due, Facts, User};
use crate::error::{ReceiveError, SendError};
use crate::extension::Extensions;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::options::sets::OptionSets;
use crate::round_trip::TimeoutBounds;
use crate::send_records::SendRecordPool;
use crate::snapshot::{ConnectionRow, EcnKind};
use crate::state::State;

impl<Q: Default> Connection<Q> {
    /// Copies what finds room; a writable event follows where that is not all. `has_more`: a small rest waits for what
    /// will be sent next.
    #[inline]
    pub(crate) fn send<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        data: &[u8],
        has_more: bool,
    ) -> Result<usize, SendError> {
        self.may_send()?;
        let available = context.memory.available_bytes();
        let end = self.send.queued as usize + data.len();
        if end <= context.queued_always && end <= available / SHARES && self.user.options.is_usual()
        {
            let taken = self.enqueue(context, data, has_more);
            if taken < data.len() {
                self.user.set(User::WANTS_ROOM);
            }
            return Ok(taken);
        }
        self.send_as_room_is(context, data, has_more)
    }

    /// The same where it depends on the connection how much may be queued.
    #[inline(never)]
    fn send_as_room_is<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        data: &[u8],
        has_more: bool,
    ) -> Result<usize, SendError> {
        let available = context.memory.available_bytes();
        let room = self.room_to_send(&context.option_sets, &context.limits, available);
        let room = room.min(data.len());
        let data_that_fits = data.get(..room).unwrap_or(data);
        let taken = self.enqueue(context, data_that_fits, has_more && room == data.len());
        if taken < data.len() {
            self.user.set(User::WANTS_ROOM);
        }
        Ok(taken)
    }

    /// Copies what its user was told there is room for: all of it as long as any memory is left, however little room
    /// would be told of by now.
    #[inline]
    pub(crate) fn send_promised<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        data: &[u8],
        has_more: bool,
    ) -> Result<usize, SendError> {
        self.may_send()?;
        Ok(self.enqueue(context, data, has_more))
    }

    #[inline(always)]
    fn enqueue<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        data: &[u8],
        has_more: bool,
    ) -> usize {
        if self.congestion.has_moved() {
            self.note_what_was_idle(context);
        }
        let taken = context.memory.append(&mut self.send.queue, data);
        self.send.queued += taken as u32;
        // One who waits for room says nothing before there is some (as Linux).
        self.send.has_more = has_more && taken == data.len();
        self.due.unset(Due::FLUSH);
        if self.extension.is_held() {
            let is_urgent = self.has_urgent_to_send(&context.extensions);
            self.due.set_if(Due::FLUSH, is_urgent);
        }
        taken
    }

    /// Received bytes become bytes to send, without a buffer between; returns how many.
    pub(crate) fn splice<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        max: usize,
    ) -> Result<usize, SendError> {
        self.may_send()?;
        let front = self.front(&context.extensions);
        let wanted = max.min(front.readable as usize);
        if front.skipped > 0 && wanted > 0 {
            self.pass_mark(context);
        }
        if wanted <= SPLICE_BYTES_FEW {
            self.splice_by::<M, SPLICE_BYTES_FEW>(context, wanted)
        } else {
            self.splice_by::<M, SPLICE_BYTES>(context, wanted)
        }
    }

    /// The same in pieces of `PIECE` bytes.
    fn splice_by<M: Memory<Queue = Q>, const PIECE: usize>(
        &mut self,
        context: &mut Context<M>,
        wanted: usize,
    ) -> Result<usize, SendError> {
        let mut moved = 0;
        let mut piece = [0; PIECE];
        while moved < wanted {
            let count = (wanted - moved).min(PIECE);
            let count = context
                .memory
                .read_at(&self.receive.queue, 0, &mut piece[..count]);
            let taken = self.send(context, piece.get(..count).unwrap_or(&[]), false)?;
            self.consume(context, taken);
            moved += taken;
            if taken < count || count == 0 {
                break;
            }
        }
        Ok(moved)
    }

    /// Whether the peer has acknowledged our end of stream, and all before it.
    #[inline]
    pub(crate) fn is_delivered(&self) -> bool {
        self.send.is_shut
            && self.user.error.is_none()
            && matches!(
                self.state,
                State::FinWait2 | State::TimeWait | State::Closed
            )
    }

    /// True room, or why there will never be any.
    #[inline]
    pub(crate) fn may_send(&self) -> Result<(), SendError> {
        let is_open = matches!(self.state, State::Established | State::CloseWait);
        if is_open && self.user.error.is_none() {
            return Ok(());
        }
        self.may_send_early()
    }

    #[inline(never)]
    fn may_send_early(&self) -> Result<(), SendError> {
        if let Some(error) = self.user.error {
            return Err(SendError::Failed(error));
        }
        match self.state {
            State::SynSent | State::SynReceived if self.is_early() && !self.send.is_shut => Ok(()),
            State::SynSent | State::SynReceived | State::Listen => Err(SendError::NotConnected),
            _ => Err(SendError::ShutDown),
        }
    }

    /// Bytes that a send would take, with `available` bytes of memory that nobody holds. A queue may
    /// grow to a share of these, so that any number of peers that do not read leaves some to others.
    #[inline]
    pub(crate) fn send_room(&self, sets: &OptionSets, limits: &Limits, available: usize) -> usize {
        match self.may_send() {
            Ok(()) => self.room_to_send(sets, limits, available),
            Err(_) => 0,
        }
    }

    #[inline]
    fn room_to_send(&self, sets: &OptionSets, limits: &Limits, available: usize) -> usize {
        let (own, mark) = if self.user.options.is_usual() {
            (0, limits.unsent_low_water)
        } else {
            let options = sets.get(&self.user.options);
            (options.send_buffer_bytes, options.unsent_low_water(limits))
        };
        let room = self
            .send_buffer(own, limits, available)
            .min(available / SHARES)
            .saturating_sub(self.send.queued as usize);
        match mark {
            u32::MAX => room,
            mark => room.min(self.room_below(mark)),
        }
    }

    /// TCP_NOTSENT_LOWAT: none once so much waits to be sent. Below it as many whole segments as begin within the mark (as
    /// Linux fills a buffer that it has begun): a small mark is not to make small segments.
    #[cold]
    fn room_below(&self, mark: u32) -> usize {
        let unsent = self.send.unsent();
        if unsent >= mark {
            return 0;
        }
        let full = u32::from(self.full_payload()).max(1);
        let whole = mark.saturating_add(full) / full * full;
        whole.saturating_sub(unsent) as usize
    }

    /// Tells a user who waited for room, once a third of the buffer is free (as Linux), and half of what may wait unsent.
    #[inline]
    pub(super) fn offer_room<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if self.user.has(User::WANTS_ROOM) {
            self.look_for_room(context);
        }
    }

    fn look_for_room<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let options = context.option_sets.get(&self.user.options);
        let available = context.memory.available_bytes();
        let buffer = self.send_buffer(options.send_buffer_bytes, &context.limits, available);
        let is_free = buffer.saturating_sub(self.send.queued as usize) >= buffer / 3;
        let mark = options.unsent_low_water(&context.limits);
        let is_sent = mark == u32::MAX || self.send.unsent().saturating_mul(2) < mark;
        if is_free && is_sent {
            self.user.unset(User::WANTS_ROOM);
            self.user.set(User::WRITABLE);
        }
    }

    /// Something is to be sent. Until now nothing was, so that what is delivered next tells of the user, not of the path;
    /// and when nothing is in flight the window may be old (RFC 5681, section 4.1).
    fn note_what_was_idle<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if self.has_unsent() {
            return;
        }
        let in_flight = self.send.in_flight();
        if in_flight < self.congestion.window()
            && let Some(rate) = self.congestion.delivery(&mut context.congestion)
        {
            rate.on_app_limited(in_flight);
        }
        if self.send.outstanding() == 0 {
            let timeout = self.timeout(context);
            let last_sent = self.send.last_sent.instant(context.now);
            self.congestion
                .on_idle(&mut context.congestion, context.now, last_sent, timeout);
        }
    }

    /// Bytes in order, as long as they lie in one piece; empty when there are none yet.
    #[inline]
    pub(crate) fn receive_slice<'a, M: Memory<Queue = Q>>(
        &self,
        memory: &'a M,
        extensions: &Extensions,
    ) -> Result<&'a [u8], ReceiveError>
    where
        Q: 'a,
    {
        let front = self.front(extensions);
        if front.readable > 0 {
            let piece = memory.slice_at(&self.receive.queue, front.skipped as usize);
            return Ok(piece.get(..front.readable as usize).unwrap_or(piece));
        }
        self.behind_readable().map(|()| -> &[u8] { &[] })
    }

    /// What follows the bytes that can be read: more of them later, or nothing.
    #[inline]
    pub(crate) fn behind_readable(&self) -> Result<(), ReceiveError> {
        // The stream was complete before anything could fail (as Linux).
        if self.receive.facts.has(Facts::FINISHED) {
            return Err(ReceiveError::EndOfStream);
        }
        if let Some(error) = self.user.error {
            return Err(ReceiveError::Failed(error));
        }
        match self.state {
            State::SynSent | State::SynReceived if self.is_early() => Ok(()),
            State::SynSent | State::SynReceived => Err(ReceiveError::NotConnected),
            State::Closed => Err(ReceiveError::EndOfStream),
            _ => Ok(()),
        }
    }

    /// The user has read `count` bytes; the window may open.
    #[inline]
    pub(crate) fn consume<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>, count: usize) {
        let mut count = count.min(self.receive.readable as usize);
        if self.receive.facts.has(Facts::URGENT) {
            count = self.pass_mark_with(context, count as u32) as usize;
        }
        context.memory.release(&mut self.receive.queue, count);
        self.receive.readable -= count as u32;
        self.was_read(context, count);
    }

    /// Bytes left the connection: the window may open.
    #[inline]
    pub(super) fn was_read<M: Memory<Queue = Q>>(&mut self, context: &Context<M>, count: usize) {
        let is_open = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        if !is_open || count == 0 {
            return;
        }
        if self.receive.next - self.receive.readable >= self.receive.mark
            && !self.receive.facts.has(Facts::FIN)
        {
            self.tune_receive_buffer(context);
        }
        let waits = self.deadlines.acknowledge.is_set();
        let is_drained = self.receive.readable == 0 && self.receive.delayed.ends_write();
        if (waits && (is_drained || self.is_acknowledgment_overdue()))
            || self.receive.is_update_due()
        {
            self.due.set(Due::ACKNOWLEDGE);
        }
    }

    /// The connection as operators see it.
    pub(crate) fn row(
        &self,
        bounds: &TimeoutBounds,
        records: &SendRecordPool,
        pool: &CongestionPool,
        extensions: &Extensions,
    ) -> ConnectionRow {
        ConnectionRow {
            flow: self.flow,
            state: self.state,
            receive_queue_bytes: self.receive.readable,
            send_queue_bytes: self.send.queued,
            congestion_window_bytes: self.congestion.window(),
            slow_start_threshold_bytes: self.congestion.slow_start_threshold(),
            algorithm: Some(self.congestion.algorithm()),
            algorithm_info: self.congestion.info(pool),
            pacing_rate: self
                .congestion
                .pacing_rate(pool, self.round_trip.smoothed()),
            send_window_bytes: self.send.window,
            receive_window_bytes: self.receive.window(),
            maximum_segment_bytes: self.full_payload(),
            receive_segment_bytes: self.receive.mss,
            round_trip: self.round_trip.smoothed(),
            round_trip_variation: self.round_trip.variation(),
            retransmission_timeout: super::spread::timeout(
                &self.round_trip,
                &self.extension,
                bounds,
                extensions,
            ),
            retransmissions: self.send.retransmissions,
            outstanding: self.outstanding(records),
            hold: self.hold(records).map_or("ready", Hold::word),
            orphan: self.user.has(User::ORPHAN),
            ecn: EcnKind::of(self.receive.ecn.is_on(), self.receive.ecn.is_accurate()),
            // Whoever has keys and memory knows.
            signed_by: None,
            memory: None,
            statistics: None,
        }
    }
}

/// Bytes moved by one step of a splice: a stack buffer that stays in the first-level cache.
const SPLICE_BYTES: usize = 2_048;
/// The same for a short message, whose buffer costs less to make ready.
const SPLICE_BYTES_FEW: usize = 256;
/// The share of free memory that one queue may have is one of so many.
const SHARES: usize = 8;
