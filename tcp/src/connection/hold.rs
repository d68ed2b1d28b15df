//! What may be sent next, or the one word why nothing may: a single judgement for both.

use super::Connection;
use crate::connection::Due;
use crate::header::HEADER_BYTES;
use crate::options::sets::Flags;
use crate::send_records::SendRecordPool;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::NONE;

/// The next data segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) sequence: SequenceNumber,
    pub(crate) payload: u32,
    pub(crate) fin: bool,
    /// Payload of a full segment: what the port cuts `payload` into where that is more.
    pub(crate) segment: u32,
    /// The record that is sent again; `NONE` for new data.
    pub(crate) record: u32,
}

/// Why no data is sent: the tests of `plan` in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The handshake is not complete.
    Handshake,
    /// The connection is closed.
    Closed,
    /// Nothing to send.
    Idle,
    /// The congestion window is full.
    Congestion,
    /// It is too early: segments leave at a rate.
    Pacing,
    /// More will leave together after an acknowledgement, which comes soon (TSO deferral).
    Deferral,
    /// The peer's window is full.
    Window,
    /// The peer's window is so small that filling it would be silly (RFC 9293, section 3.8.6.2.1).
    Silly,
    /// The user corked it, or said that more follows.
    Cork,
    /// Nagle's algorithm waits for an acknowledgement.
    Nagle,
    /// The shard has no record left to remember another segment by.
    Records,
}

impl Hold {
    /// The word that operators see.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Hold::Idle => "idle",
            Hold::Handshake => "handshake",
            Hold::Closed => "closed",
            Hold::Congestion => "cwnd",
            Hold::Pacing => "pacing",
            Hold::Deferral => "deferral",
            Hold::Window => "window",
            Hold::Silly => "silly",
            Hold::Cork => "cork",
            Hold::Nagle => "nagle",
            Hold::Records => "records",
        }
    }
}

impl<Q> Connection<Q> {
    /// The next data segment, with at most `option_bytes` of options; of new data as many whole ones as `most` bytes
    /// hold, where that is more than one.
    /// RFC 9293, SHLD-28.
    pub(crate) fn plan(
        &self,
        records: &SendRecordPool,
        option_bytes: usize,
        most: u32,
    ) -> Result<Plan, Hold> {
        match self.state {
            // Fast Open: the answer need not wait for the handshake's ACK (RFC 7413, section 4.2.2).
            State::SynReceived if self.is_early() => {}
            State::SynSent | State::SynReceived | State::Listen => return Err(Hold::Handshake),
            State::Closed | State::TimeWait => return Err(Hold::Closed),
            _ => {}
        }
        let full = u32::from(self.send.mss)
            .saturating_sub(option_bytes as u32)
            .max(1);
        if self.send.resend != NONE || self.due.has(Due::TAIL) {
            return self.plan_troubled(records, full);
        }
        let plan = self.plan_new(records, full, self.fin_waits())?;
        Ok(if most > full {
            self.lengthened(records, plan, most)
        } else {
            plan
        })
    }

    /// What is sent again goes before new data, but where a timeout is doubted (RFC 5682, section 3.1, step 2).
    /// RFC 6675, section 4.
    #[cold]
    fn plan_troubled(&self, records: &SendRecordPool, full: u32) -> Result<Plan, Hold> {
        if self.due.has(Due::TAIL) {
            let new = self.plan_new_in_trouble(records, full);
            // Where nothing is outstanding any more, what holds back new data is the answer, and its timer is needed.
            return new.or_else(|hold| self.plan_tail(records, full).map_err(|_| hold));
        }
        if self.due.has(Due::NEW_FIRST) {
            let new = self.plan_new_in_trouble(records, full);
            if matches!(new, Ok(_) | Err(Hold::Congestion)) {
                return new;
            }
        }
        match self.plan_resend(records, full) {
            Some(resend) => resend,
            None => self.plan_new_in_trouble(records, full),
        }
    }

    #[inline(never)]
    fn plan_new_in_trouble(&self, records: &SendRecordPool, full: u32) -> Result<Plan, Hold> {
        self.plan_new(records, full, self.fin_waits())
    }

    /// Data that was never sent.
    /// RFC 9293, SHLD-15; RFC 5681, section 2; RFC 7323, section 2.4.
    /// `fin_waits` behind it.
    #[inline(always)]
    pub(super) fn plan_new(
        &self,
        records: &SendRecordPool,
        full: u32,
        fin_waits: bool,
    ) -> Result<Plan, Hold> {
        let send = &self.send;
        let offset = send.next.since(send.unacknowledged);
        // Beyond the queue lies only the FIN, which is sent then.
        let Some(available) = send.queued.checked_sub(offset) else {
            return Err(Hold::Idle);
        };
        if available == 0 && !fin_waits {
            return Err(Hold::Idle);
        }
        let in_window = send.window.saturating_sub(offset);
        let payload = available.min(full).min(in_window);
        let in_flight = send.in_flight();
        if in_flight != 0
            && in_flight.saturating_add(payload) > self.congestion.window()
            && !self.due.has(Due::TAIL)
        {
            return Err(Hold::Congestion);
        }
        if self.congestion.is_waiting() {
            if self.congestion.is_holding() {
                return Err(Hold::Pacing);
            }
            if !self.due.has(Due::TAIL) {
                return Err(Hold::Deferral);
            }
        }
        if in_window == 0 {
            return Err(Hold::Window);
        }
        let fin = payload == available && fin_waits && in_window > payload;
        if payload < full {
            self.may_be_small((payload, available, offset), fin_waits)?;
        }
        if !records.has_room_for(&send.records) {
            return Err(Hold::Records);
        }
        Ok(Plan {
            sequence: send.next,
            payload,
            fin,
            segment: full,
            record: NONE,
        })
    }

    /// The same with more whole segments behind a whole one, as far as windows and records go.
    #[cold]
    fn lengthened(&self, records: &SendRecordPool, plan: Plan, most: u32) -> Plan {
        if plan.payload != plan.segment || plan.fin {
            return plan;
        }
        let send = &self.send;
        let offset = plan.sequence.since(send.unacknowledged);
        let available = send.queued.saturating_sub(offset);
        let by_window = send.window.saturating_sub(offset);
        let by_congestion = self.congestion.window().saturating_sub(send.in_flight());
        let by_records = u32::try_from(records.room())
            .unwrap_or(u32::MAX)
            .saturating_mul(plan.segment);
        let bytes = [most, available, by_window, by_congestion, by_records]
            .into_iter()
            .fold(u32::MAX, u32::min);
        let payload = bytes - bytes % plan.segment;
        if payload <= plan.segment {
            return plan;
        }
        let fin = payload == available && self.fin_waits() && by_window > payload;
        Plan {
            payload,
            fin,
            ..plan
        }
    }

    /// Whether a segment may leave that is less than a full one.
    /// RFC 9293, MAY-16.
    #[inline(always)]
    fn may_be_small(
        &self,
        (payload, available, offset): (u32, u32, u32),
        fin_waits: bool,
    ) -> Result<(), Hold> {
        let send = &self.send;
        if self.due.has(Due::FORCE) {
            return Ok(());
        }
        if payload < available {
            // RFC 9293, section 3.8.6.2.1, (3): not less than half of the largest window.
            return if payload < send.window_largest / 2 {
                Err(Hold::Silly)
            } else {
                Ok(())
            };
        }
        let flags = self.user.options.flags;
        if self.due.has(Due::FLUSH) || fin_waits {
            Ok(())
        } else if flags.contains(Flags::CORK) || send.has_more {
            Err(Hold::Cork)
        } else if offset != 0 && send.is_small_outstanding() && !flags.contains(Flags::NO_DELAY) {
            // RFC 9293, section 3.7.4, as Minshall has it (and Linux): only behind another small one.
            Err(Hold::Nagle)
        } else {
            Ok(())
        }
    }

    /// Bytes beyond SND.UNA that the windows let out.
    #[inline]
    pub(super) fn room(&self) -> u32 {
        let send = &self.send;
        let left = send.outstanding().saturating_sub(send.in_flight());
        send.window
            .min(self.congestion.window().saturating_add(left))
    }

    /// True when something in the queue, or the FIN after it, has not been sent, or is to be sent
    /// again. Whether it may be is `plan`'s judgement.
    #[inline]
    pub(crate) fn has_unsent(&self) -> bool {
        self.has_new_data() || self.send.resend != NONE
    }

    /// The same of what was never sent.
    #[inline]
    pub(crate) fn has_new_data(&self) -> bool {
        let offset = self.send.next.since(self.send.unacknowledged);
        offset < self.send.queued || (offset == self.send.queued && self.fin_waits())
    }

    /// Our FIN is to be sent or acknowledged: once it is, the state has moved on.
    #[inline]
    fn fin_waits(&self) -> bool {
        matches!(
            self.state,
            State::FinWait1 | State::Closing | State::LastAck
        )
    }

    /// Why nothing more is sent now; None when something may be.
    /// RFC 9293, MUST-60.
    pub(crate) fn hold(&self, records: &SendRecordPool) -> Option<Hold> {
        self.plan(records, self.usual_option_bytes(), 0).err()
    }

    /// Options of a segment while nothing is out of order.
    #[inline]
    pub(crate) fn usual_option_bytes(&self) -> usize {
        self.stamp_bytes() + self.extension.signature_bytes() + self.receive.ecn.option_bytes()
    }

    /// Of these, the timestamps.
    #[inline]
    pub(super) fn stamp_bytes(&self) -> usize {
        usize::from(self.stamps.is_on) * TIMESTAMP_BYTES
    }

    /// Payload of a full segment.
    /// RFC 9293, MUST-16.
    pub(crate) fn full_payload(&self) -> u16 {
        self.send
            .mss
            .saturating_sub(self.usual_option_bytes() as u16)
    }
}

/// Length of the timestamps option with its padding.
const TIMESTAMP_BYTES: usize = 12;
const _: () = assert!(
    HEADER_BYTES == 20,
    "mss counts payload and options, not the fixed header"
);
