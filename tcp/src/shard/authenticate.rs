//! Whether a segment is its sender's, judged before anything of it is believed (RFC 2385, section 2.0).
//!
//! A connection has keys of its own, and so has what remains of it in TIME-WAIT. Requests and segments of no connection are
//! judged by the keys of the listener.

use super::Shard;
use super::segment::Arrival;
use crate::address::{Endpoint, Flow};
use crate::authentication::{self, AoIds, Covered, KeyRing, Numbers, Refusal};
use crate::drop_reason::DropReason;
use crate::event::ListenerId;
use crate::header::{Flags, HEADER_BYTES, Segment};
use crate::header_options::{Options, Signature};
use crate::memory::Memory;
use crate::packet::{Inbound, Quoted, Unreachable};
use crate::reply::Reply;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::table::request::Handshake;
use crate::time::Instant;

/// What a segment of no connection is signed with by TCP-AO.
#[derive(Clone, Copy, Debug)]
pub(super) struct AoAnswer {
    pub(super) ids: AoIds,
    pub(super) numbers: Numbers,
}

impl AoAnswer {
    /// To a segment that nothing is known of: the numbers are those that it brings. A SYN gets the 0 of a RST that
    /// answers it.
    pub(super) fn to(arrival: &Segment<'_>, options: &Options) -> Option<Self> {
        let header = &arrival.header;
        let numbers = if header.flags.contains(Flags::SYN) {
            (SequenceNumber::default(), header.sequence)
        } else {
            (header.acknowledgment - 1, header.sequence - 1)
        };
        AoIds::answering(options.signature).map(|ids| Self { ids, numbers })
    }

    /// In the name of a half-open connection.
    pub(super) fn of(handshake: &Handshake) -> Option<Self> {
        let numbers = (handshake.ours, handshake.theirs);
        handshake.ao().map(|ids| Self { ids, numbers })
    }
}

impl<M: Memory> Shard<M> {
    /// Judges a segment of a connection that has keys, or one that is signed.
    #[cold]
    pub(super) fn authenticate(
        &mut self,
        slot: u32,
        inbound: &Inbound<'_>,
        (segment, options): (&Segment<'_>, &Options),
    ) -> Result<(), DropReason> {
        let covered = covered(inbound, segment);
        let connection = self.connections.get(slot);
        let is_opening = connection.is_some_and(|found| found.state == State::SynSent);
        let extension =
            connection.and_then(|found| self.context.extensions.get_mut(&found.extension));
        let (keys, signature) = (&mut self.context.keys, options.signature);
        let judged = match extension.and_then(|found| found.authentication.as_mut()) {
            Some(found) => found
                .check(keys, &covered, signature, is_opening)
                .map(|()| found.ao.is_some()),
            None => authentication::check(keys, &KeyRing::default(), &covered, signature, None)
                .map(|()| false),
        };
        match judged {
            Ok(has_ao) => {
                if has_ao {
                    self.was_good(slot);
                }
                Ok(())
            }
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    /// The peer may have asked for a key whose code is of another length.
    fn was_good(&mut self, slot: u32) {
        self.context.counters.ao_good.increment();
        let (connections, context) = self.split(Instant::default());
        if let Some(connection) = connections.get_mut(slot) {
            connection.keys_changed(context);
        }
    }

    /// Judges a segment of a flow in TIME-WAIT.
    pub(super) fn authenticate_late(
        &mut self,
        arrival: &Arrival<'_>,
        key: u32,
    ) -> Result<(), DropReason> {
        let (covered, signature) = (
            covered(arrival.inbound, arrival.segment),
            arrival.options.signature,
        );
        let extension = self.time_waits.extension(key);
        let extension = extension.and_then(|handle| self.context.extensions.get_mut(handle));
        let keys = &mut self.context.keys;
        let judged = match extension.and_then(|found| found.authentication.as_mut()) {
            Some(found) => found.check(keys, &covered, signature, false),
            None if signature.is_none() => Ok(()),
            None => authentication::check(keys, &KeyRing::default(), &covered, signature, None),
        };
        judged.map_err(|refusal| self.refused(refusal))
    }

    /// Judges a segment of a half-open request.
    pub(super) fn authenticate_request(
        &mut self,
        arrival: &Arrival<'_>,
        key: u32,
    ) -> Result<(), DropReason> {
        let Some((_, pending)) = self.requests.get(key) else {
            return Ok(());
        };
        let (listener, handshake) = (pending.listener.slot, &pending.handshake);
        let numbers = (handshake.ours, handshake.theirs);
        self.authenticate_arrival(arrival, Some(listener), Some(numbers))
    }

    /// Judges a segment of no connection by the keys of a listener. Without one, a signed segment is believed when a
    /// listener at the peer's port has the key: our end has perhaps forgotten an active open (as Linux).
    pub(super) fn authenticate_arrival(
        &mut self,
        arrival: &Arrival<'_>,
        listener: Option<u32>,
        numbers: Option<Numbers>,
    ) -> Result<(), DropReason> {
        let signature = arrival.options.signature;
        let known = listener.and_then(|slot| self.listeners.get(slot));
        if known.is_some_and(|listener| listener.lacks_keys) {
            self.context.counters.keys_exhausted.increment();
            return Err(DropReason::SignatureMissing);
        }
        let requires = known.is_some_and(|listener| listener.keys.ao.is_required);
        if signature.is_none() && self.context.keys.live() == 0 && !requires {
            return Ok(());
        }
        let listener = match signature {
            Some(_) if listener.is_none() => self.listener_with_keys(&arrival.flow),
            _ => listener,
        };
        let none = KeyRing::default();
        let ring = listener.and_then(|slot| self.listeners.get(slot));
        let ring = ring.map_or(&none, |listener| &listener.keys);
        let covered = covered(arrival.inbound, arrival.segment);
        match authentication::check(&self.context.keys, ring, &covered, signature, numbers) {
            Ok(()) => {
                let is_ao = matches!(signature, Some(Signature::Ao { .. }));
                self.context.counters.ao_good.add(u64::from(is_ao));
                Ok(())
            }
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    /// Sends a segment of no connection, signed where a listener has a key for the peer. `ao` is what it would be signed with
    /// by TCP-AO.
    pub(super) fn reply(&mut self, mut reply: Reply, ao: Option<AoAnswer>) {
        if self.context.keys.live() > 0
            && let Some(slot) = self.listener_with_keys(&reply.flow)
            && let Some(listener) = self.listeners.get(slot)
        {
            let (keys, ring, peer) = (
                &self.context.keys,
                &listener.keys,
                reply.flow.remote.address,
            );
            match authentication::reply(keys, ring, peer, ao.map(|ao| ao.ids)) {
                authentication::Reply::Unsigned => {}
                authentication::Reply::Withheld => return,
                authentication::Reply::Signed(signature) => {
                    let numbers = ao.map_or_else(Numbers::default, |ao| ao.numbers);
                    reply.sign(signature, |covered| {
                        authentication::reply_code(keys, ring, covered, signature, numbers)
                    });
                }
            }
        }
        self.context.replies.push(reply);
    }

    /// How a SYN-ACK is sent.
    pub(super) fn signature_of_request(
        &mut self,
        id: ListenerId,
        flow: &Flow,
        handshake: &Handshake,
    ) -> authentication::Reply {
        match self.listeners.by_id(id) {
            Some(listener) if self.context.keys.live() > 0 => authentication::reply(
                &self.context.keys,
                &listener.keys,
                flow.remote.address,
                handshake.ao(),
            ),
            _ => authentication::Reply::Unsigned,
        }
    }

    /// Signs a SYN-ACK that was written into `out`, all of it.
    pub(super) fn sign_for_request(
        &mut self,
        (id, flow): (ListenerId, &Flow),
        handshake: &Handshake,
        signature: Signature,
        out: &mut [u8],
    ) {
        let covered = Covered {
            source: flow.local.address,
            destination: flow.remote.address,
            bytes: out,
            header_length: out.len(),
        };
        if let Some(listener) = self.listeners.by_id(id) {
            let numbers = (handshake.ours, handshake.theirs);
            let (keys, ring) = (&self.context.keys, &listener.keys);
            let code = authentication::reply_code(keys, ring, &covered, signature, numbers);
            crate::reply::write_code(signature, &code, out);
        }
    }

    /// Sends what TIME-WAIT has to say.
    pub(super) fn reply_late(&mut self, key: Option<u32>, mut reply: Reply) {
        let extension = key.and_then(|key| self.time_waits.extension(key));
        let extension = extension.and_then(|handle| self.context.extensions.get_mut(handle));
        if let Some(authentication) = extension.and_then(|found| found.authentication.as_mut())
            && let Some(signature) = authentication.signature(&self.context.keys)
        {
            let keys = &self.context.keys;
            reply.sign(signature, |covered| authentication.code(keys, covered));
        }
        self.context.replies.push(reply);
    }

    fn listener_with_keys(&self, flow: &Flow) -> Option<u32> {
        let lost = Endpoint::new(flow.local.address, flow.remote.port);
        self.listeners
            .find(flow.local)
            .or_else(|| self.listeners.find(lost))
    }

    /// True, and counted, for an ICMP error that would end or slow a connection with TCP-AO, which nobody but the peer is
    /// to do.
    /// RFC 5925, section 7.8.
    pub(super) fn ignores_icmp(&mut self, slot: u32, quoted: &Quoted) -> bool {
        let Some(connection) = self.connections.get(slot) else {
            return false;
        };
        if connection.extension.signature_bytes() == 0
            || matches!(connection.state, State::SynSent | State::SynReceived)
        {
            return false;
        }
        let is_v4 = quoted.flow.remote.address.is_ipv4();
        let is_harmful = match quoted.error {
            Unreachable::Protocol | Unreachable::TooBig { .. } => is_v4,
            Unreachable::Prohibited => !is_v4,
            Unreachable::Port => true,
            _ => false,
        };
        let extension = self.context.extensions.get_mut(&connection.extension);
        let found = extension.and_then(|found| found.authentication.as_mut());
        match found.and_then(|found| found.ao.as_mut()) {
            Some(ao) if is_harmful && !ao.accepts_icmps => {
                ao.counts.dropped_icmps += 1;
                self.context.counters.ao_dropped_icmps.increment();
                true
            }
            _ => false,
        }
    }

    /// Counts it.
    #[cold]
    fn refused(&self, refusal: Refusal) -> DropReason {
        let counters = &self.context.counters;
        let (counter, reason) = match refusal {
            Refusal::AoRequired => (&counters.ao_required, DropReason::SignatureMissing),
            Refusal::AoKeyNotFound => (&counters.ao_key_not_found, DropReason::SignatureUnexpected),
            Refusal::AoBad => (&counters.ao_bad, DropReason::BadSignature),
            Refusal::Missing => (&counters.md5_not_found, DropReason::SignatureMissing),
            Refusal::Unexpected => (&counters.md5_unexpected, DropReason::SignatureUnexpected),
            Refusal::Wrong => (&counters.md5_failure, DropReason::BadSignature),
        };
        counter.increment();
        reason
    }
}

fn covered<'a>(inbound: &Inbound<'a>, segment: &Segment<'_>) -> Covered<'a> {
    Covered {
        source: inbound.source,
        destination: inbound.destination,
        bytes: inbound.bytes,
        header_length: HEADER_BYTES + segment.options.len(),
    }
}
