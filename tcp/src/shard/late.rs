//! TIME-WAIT: entering it, and what late segments get (RFC 9293, section 3.10.7.4; RFC 1337,
//! RFC 6191).

use super::Shard;
use super::segment::Arrival;
use crate::address::Flow;
use crate::connection::Due;
use crate::connection::is_before;
use crate::drop_reason::DropReason;
use crate::extension::ExtensionHandle;
use crate::header::Flags;
use crate::header_options::Timestamps;
use crate::memory::Memory;
use crate::packet::Verdict;
use crate::reply::Reply;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::time_wait::Remains;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// A segment of a flow in TIME-WAIT. An error when it reopens the flow: the record is gone
    /// then, and the new connection's numbers must not be below the one given.
    pub(super) fn time_wait_receives(
        &mut self,
        arrival: &Arrival<'_>,
        key: u32,
    ) -> Result<Verdict, SequenceNumber> {
        let (now, hash, flow) = (arrival.now, arrival.hash, &arrival.flow);
        let (segment, options) = (arrival.segment, arrival.options);
        let rejected = Ok(Verdict::Dropped(DropReason::TimeWaitRejected));
        let Some(remains) = self.time_waits.get_mut(key).copied() else {
            return rejected;
        };
        let header = &segment.header;
        // RFC 1337: no RST ends TIME-WAIT.
        if header.flags.contains(Flags::RST) {
            return rejected;
        }
        if header.flags.contains(Flags::SYN) && !header.flags.contains(Flags::ACK) {
            let is_newer = match (remains.timestamp, options.timestamps) {
                (Some(recent), Some(stamp)) => {
                    is_before(recent, stamp.value)
                        || (stamp.value == recent && header.sequence > remains.receive_next)
                }
                _ => header.sequence > remains.receive_next,
            };
            if is_newer && let Some(listener) = self.listeners.find(flow.local) {
                if self.refuses_overflow(listener) {
                    return Ok(Verdict::Dropped(DropReason::ListenOverflow));
                }
                self.forget_time_wait(hash, key);
                self.context.counters.time_wait_recycled.increment();
                return Err(remains.send_next + REOPENED_ABOVE);
            }
        }
        let is_old = match (remains.timestamp, options.timestamps) {
            (Some(recent), Some(stamp)) => is_before(stamp.value, recent),
            _ => false,
        };
        let is_again = header.flags.contains(Flags::FIN)
            && header.sequence + segment.sequence_length() == remains.receive_next;
        if is_again && !is_old {
            self.time_waits
                .restart(key, now + self.context.limits.time_wait);
        }
        let is_pure = segment.sequence_length() == 0;
        if !is_pure || is_old || header.sequence != remains.receive_next {
            self.acknowledge_late(now, flow, &remains, Some(key));
        }
        if is_pure || is_again {
            return Ok(Verdict::Accepted { progress: false });
        }
        rejected
    }

    /// A connection has entered TIME-WAIT: a compact record takes its place in the flow's way. The
    /// connection itself stays, closed, for as long as its user holds it.
    pub(super) fn enter_time_wait(&mut self, now: Instant, hash: u64, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        let flow = connection.flow;
        let scale = connection.receive.scale;
        let remains = Remains {
            send_next: connection.send.next,
            receive_next: connection.receive.next,
            timestamp: connection.stamps.is_on.then_some(connection.stamps.recent),
            window: connection.receive.offer(scale),
            flags: Flags::ACK | connection.last_marks(&self.context.extensions),
        };
        let is_due = std::mem::take(&mut connection.due).has(Due::ACKNOWLEDGE);
        let mut extension = ExtensionHandle::default();
        if connection.extension.signature_bytes() > 0 {
            extension = std::mem::take(&mut connection.extension);
        }
        connection.state = State::Closed;
        self.connections.detach(hash, slot);
        let expires = now + self.context.limits.time_wait;
        let states = &self.context.counters.states;
        states[State::Closed as usize].increment();
        let key = self.time_waits.insert(hash, &flow, remains, expires);
        if let Some(place) = key.and_then(|key| self.time_waits.extension_mut(key)) {
            // The connection's place in the gauge goes over to the record, and its keys do.
            *place = extension;
        } else {
            states[State::TimeWait as usize].decrement();
            self.context.counters.time_wait_overflow.increment();
            self.release_extension(&mut extension);
        }
        if is_due {
            self.acknowledge_late(now, &flow, &remains, key);
        }
    }

    /// Takes a record out.
    pub(super) fn forget_time_wait(&mut self, hash: u64, key: u32) {
        if let Some(place) = self.time_waits.extension_mut(key) {
            let mut extension = std::mem::take(place);
            self.release_extension(&mut extension);
        }
        if self.time_waits.remove(hash, key).is_some() {
            self.context.counters.states[State::TimeWait as usize].decrement();
        }
    }

    fn acknowledge_late(&mut self, now: Instant, flow: &Flow, remains: &Remains, key: Option<u32>) {
        let offset = self.timestamp_offsets.offset(flow);
        let clock = (now.as_millis() as u32).wrapping_add(offset);
        let reply = Reply {
            flow: *flow,
            sequence: remains.send_next,
            acknowledgment: remains.receive_next,
            flags: remains.flags,
            window: remains.window,
            timestamps: remains
                .timestamp
                .map(|echo| Timestamps { value: clock, echo }),
            syn: None,
            signature: None,
        };
        self.reply_late(key, reply);
    }
}

/// Beyond anything that the former connection may still have under way (as Linux).
pub(super) const REOPENED_ABOVE: u32 = 65_537;
