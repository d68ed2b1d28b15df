//! A segment arrives: checked, and brought to the connection, record or listener it is for.

use std::net::IpAddr;

use super::Shard;
use super::authenticate::AoAnswer;
use crate::address::{Endpoint, Flow};
use crate::checksum;
use crate::connection::{Connection, Predicted};
use crate::drop_reason::DropReason;
use crate::header::{Flags, HEADER_BYTES, Segment, ports};
use crate::header_options::{Options, code_within};
use crate::memory::Memory;
use crate::options::sets::Flags as OptionFlags;
use crate::packet::{Inbound, Quoted, Reader, Verdict};
use crate::reply::Reply;
use crate::time::Instant;

/// A segment of a flow that has no connection.
pub(super) struct Arrival<'a> {
    pub(super) now: Instant,
    /// Of the flow.
    pub(super) hash: u64,
    pub(super) flow: Flow,
    /// MTU of the link towards the peer.
    pub(super) mtu: u16,
    pub(super) ttl: u8,
    pub(super) segment: &'a Segment<'a>,
    pub(super) options: &'a Options,
    pub(super) inbound: &'a Inbound<'a>,
}

impl<M: Memory> Shard<M> {
    /// Takes a segment from the IP layer. What it provokes waits in `next_segment` and `next_event`.
    pub fn receive(&mut self, now: Instant, inbound: &Inbound<'_>) -> Verdict {
        self.take_in(now, inbound, None)
    }

    /// The same, and `reader` is asked whether it takes what is next in order at once.
    pub fn receive_for(
        &mut self,
        now: Instant,
        inbound: &Inbound<'_>,
        reader: &mut dyn Reader,
    ) -> Verdict {
        self.take_in(now, inbound, Some(reader))
    }

    #[inline]
    fn take_in(
        &mut self,
        now: Instant,
        inbound: &Inbound<'_>,
        reader: Option<&mut dyn Reader>,
    ) -> Verdict {
        self.context.counters.in_segs.increment();
        match self.take_in_predicted(now, inbound, reader) {
            Some(verdict) => verdict,
            None => self.take_in_any(now, inbound),
        }
    }

    /// The short way in, for nearly all segments of established connections; None, and nothing has changed, for one that
    /// needs a second look. What is looked at here stays in registers: the long way begins anew.
    #[inline(always)]
    fn take_in_predicted(
        &mut self,
        now: Instant,
        inbound: &Inbound<'_>,
        reader: Option<&mut dyn Reader>,
    ) -> Option<Verdict> {
        let fixed = inbound.bytes.first_chunk::<HEADER_BYTES>()?;
        if !inbound.checksum_verified && !is_checksum_right(inbound) {
            return None;
        }
        let slot = self.slot_of(inbound, ports(fixed))?;
        let connection = self.connections.get_mut(slot)?;
        let context = &mut self.context;
        let segment = Predicted::read(inbound.bytes, connection.stamps.is_on)?;
        let options = &connection.user.options;
        if !connection.is_predicted(&segment)
            || (options.flags.contains(OptionFlags::IP_FIELDS)
                && context.option_sets.get(options).ip.rejects(inbound.ttl))
        {
            return None;
        }
        context.now = now;
        connection.take_header(context, &segment);
        let arrived = (segment.acknowledgment, segment.payload);
        let marks = (segment.flags, inbound.ecn & 3);
        let verdict = connection.arrives_as_predicted(context, arrived, marks, reader);
        // It is established, and has a user, as before.
        if connection.congestion.is_holding() {
            self.look_after(now, slot, Connection::has_unsent);
        } else {
            self.turns.settle_open(now, slot, connection);
        }
        Some(verdict)
    }

    /// The connection that a segment is for, with its peer's port and ours. One with port 0 is for none.
    #[inline(always)]
    fn slot_of(&self, inbound: &Inbound<'_>, ports: (u16, u16)) -> Option<u32> {
        let (IpAddr::V4(ours), IpAddr::V4(theirs)) = (inbound.destination, inbound.source) else {
            return self.slot_of_any(inbound, ports);
        };
        let flow = flow_of((ours.into(), theirs.into()), ports);
        let hash = self.hash_of(&flow);
        let first = self.connections.find_first(hash, &flow);
        if first.is_some() {
            return first;
        }
        self.slot_with(hash, inbound, ports)
    }

    #[inline(never)]
    fn slot_of_any(&self, inbound: &Inbound<'_>, ports: (u16, u16)) -> Option<u32> {
        let flow = flow_of((inbound.destination, inbound.source), ports);
        self.connections.find(self.hash_of(&flow), &flow)
    }

    /// The same where it is perhaps not the first with that hash.
    #[inline(never)]
    fn slot_with(&self, hash: u64, inbound: &Inbound<'_>, ports: (u16, u16)) -> Option<u32> {
        let flow = flow_of((inbound.destination, inbound.source), ports);
        self.connections.find(hash, &flow)
    }

    /// The long way, for any segment.
    #[inline(never)]
    fn take_in_any(&mut self, now: Instant, inbound: &Inbound<'_>) -> Verdict {
        let mut segment = match Segment::parse(inbound.bytes) {
            Ok(segment) => segment,
            Err(reason) => return self.malformed(reason),
        };
        segment.ecn = inbound.ecn & 3;
        if let Err(reason) = self.check(inbound, &segment) {
            return self.malformed(reason);
        }
        let options = match Options::parse(segment.options) {
            Ok(options) => options,
            Err(reason) => return self.malformed(reason),
        };
        let flow = Flow {
            local: Endpoint::new(inbound.destination, segment.header.destination_port),
            remote: Endpoint::new(inbound.source, segment.header.source_port),
        };
        let hash = self.hash_of(&flow);
        if let Some(slot) = self.connections.find(hash, &flow) {
            if let Some(connection) = self.connections.get(slot) {
                let chosen = self.context.option_sets.get(&connection.user.options);
                if chosen.ip.rejects(inbound.ttl) {
                    return self.too_far();
                }
                let is_signed = connection.extension.signature_bytes() > 0;
                if (is_signed || options.signature.is_some())
                    && let Err(reason) = self.authenticate(slot, inbound, (&segment, &options))
                {
                    return Verdict::Dropped(reason);
                }
            }
            return self.connection_receives(now, slot, (&segment, &options));
        }
        self.arrives_without_connection(&Arrival {
            now,
            hash,
            flow,
            mtu: inbound.mtu,
            ttl: inbound.ttl,
            segment: &segment,
            options: &options,
            inbound,
        })
    }

    fn arrives_without_connection(&mut self, arrival: &Arrival<'_>) -> Verdict {
        let (hash, flow) = (arrival.hash, &arrival.flow);
        if let Some(key) = self.time_waits.find(hash, flow) {
            if let Err(reason) = self.authenticate_late(arrival, key) {
                return Verdict::Dropped(reason);
            }
            return match self.time_wait_receives(arrival, key) {
                Ok(verdict) => verdict,
                // It is gone: a newer SYN opens the flow again.
                Err(floor) => self.listener_receives(arrival, Some(floor)),
            };
        }
        if let Some(key) = self.requests.find(hash, flow) {
            if self.is_listened_for(key) {
                if self.is_too_far_for_request(key, arrival.ttl) {
                    return self.too_far();
                }
                if let Err(reason) = self.authenticate_request(arrival, key) {
                    return Verdict::Dropped(reason);
                }
                return self.request_receives(arrival, key);
            }
            self.drop_request(hash, key);
        }
        self.listener_receives(arrival, None)
    }

    /// An ICMP error about a segment of ours.
    pub fn unreachable(&mut self, now: Instant, quoted: &Quoted) -> Verdict {
        let hash = self.hash_of(&quoted.flow);
        let Some(slot) = self.connections.find(hash, &quoted.flow) else {
            return self.request_unreachable(hash, quoted);
        };
        if self.ignores_icmp(slot, quoted) {
            return Verdict::Dropped(DropReason::IcmpIrrelevant);
        }
        let (connections, context) = self.split(now);
        let result = match connections.get_mut(slot) {
            Some(connection) => connection.unreachable(context, quoted),
            None => Err(DropReason::IcmpIrrelevant),
        };
        self.settle(now, slot);
        match result {
            Ok(progress) => Verdict::Accepted { progress },
            Err(reason) => Verdict::Dropped(reason),
        }
    }

    /// The segment has come a longer way than the user allows (RFC 5082, section 3).
    #[cold]
    pub(super) fn too_far(&self) -> Verdict {
        self.context.counters.min_ttl_drop.increment();
        Verdict::Dropped(DropReason::MinTtl)
    }

    /// The same for a request, whose listener says what is allowed.
    fn is_too_far_for_request(&mut self, key: u32, ttl: u8) -> bool {
        let listener = self.requests.get(key).map(|(_, pending)| pending.listener);
        listener
            .and_then(|id| self.listeners.by_id(id))
            .is_some_and(|listener| listener.options.socket.ip.rejects(ttl))
    }

    #[cold]
    fn malformed(&self, reason: DropReason) -> Verdict {
        self.context.counters.in_errs.increment();
        Verdict::Dropped(reason)
    }

    /// Checksum and flags.
    /// RFC 9293, MUST-3.
    fn check(&self, inbound: &Inbound<'_>, segment: &Segment<'_>) -> Result<(), DropReason> {
        if !inbound.checksum_verified && !is_checksum_right(inbound) {
            self.context.counters.in_csum_errors.increment();
            return Err(DropReason::BadChecksum);
        }
        let flags = segment.header.flags;
        if flags.contains(Flags::SYN) && flags.intersects(Flags::RST | Flags::FIN) {
            return Err(DropReason::BadFlags);
        }
        if !flags.intersects(Flags::SYN | Flags::ACK | Flags::RST) {
            return Err(DropReason::BadFlags);
        }
        Ok(())
    }

    pub(super) fn connection_receives(
        &mut self,
        now: Instant,
        slot: u32,
        (segment, options): (&Segment<'_>, &Options),
    ) -> Verdict {
        let (connections, context) = self.split(now);
        let Some(connection) = connections.get_mut(slot) else {
            return Verdict::Dropped(DropReason::NoSocket);
        };
        let verdict = connection.segment_arrives(context, segment, options);
        self.settle(now, slot);
        verdict
    }

    /// Nobody is there for it (RFC 9293, section 3.10.7.1).
    pub(super) fn refuse(&mut self, flow: &Flow, segment: &Segment<'_>) -> Verdict {
        if !segment.header.flags.contains(Flags::RST) {
            let reset = Reply::reset_for(*flow, segment);
            // Who did not sign would not take a signature.
            if code_within(segment.options).is_some() {
                let options = Options::parse(segment.options).unwrap_or_default();
                self.reply(reset, AoAnswer::to(segment, &options));
            } else {
                self.context.replies.push(reset);
            }
        }
        Verdict::Dropped(DropReason::NoSocket)
    }
}

/// Our address and the peer's; the peer's port and ours.
#[inline(always)]
fn flow_of((ours, theirs): (IpAddr, IpAddr), (remote, local): (u16, u16)) -> Flow {
    Flow {
        local: Endpoint::new(ours, local),
        remote: Endpoint::new(theirs, remote),
    }
}

#[inline(never)]
fn is_checksum_right(inbound: &Inbound<'_>) -> bool {
    let length = inbound.bytes.len();
    let (source, destination) = (inbound.source, inbound.destination);
    let pseudo = checksum::pseudo_header(source, destination, checksum::PROTOCOL_TCP, length);
    checksum::verify(inbound.bytes, pseudo)
}
