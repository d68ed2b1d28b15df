//! Whether a segment is its sender's, judged before anything of it is believed (RFC 2385, section 2.0).
//!
//! A connection has keys of its own, and so has what remains of it in TIME-WAIT. Requests and segments of no connection are
//! judged by the keys of the listener.

use super::Shard;
use super::segment::Arrival;
use crate::address::{Endpoint, Flow};
use crate::authentication::{self, Covered, KeyRing, Refusal};
use crate::drop_reason::DropReason;
use crate::event::ListenerId;
use crate::header::{HEADER_BYTES, Segment};
use crate::header_options::{Options, Signature};
use crate::memory::Memory;
use crate::packet::Inbound;
use crate::reply::Reply;

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
        let extension = match self.connections.get(slot) {
            Some(connection) => self.extensions.get_mut(&connection.extension),
            None => None,
        };
        let judged = match extension.and_then(|found| found.authentication.as_mut()) {
            Some(authentication) => authentication.check(&self.keys, &covered, options.signature),
            None => {
                authentication::check(&self.keys, &KeyRing::default(), &covered, options.signature)
            }
        };
        judged.map_err(|refusal| self.refused(refusal))
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
        let extension = extension.and_then(|handle| self.extensions.get_mut(handle));
        let judged = match extension.and_then(|found| found.authentication.as_mut()) {
            Some(authentication) => authentication.check(&self.keys, &covered, signature),
            None if signature.is_none() => Ok(()),
            None => authentication::check(&self.keys, &KeyRing::default(), &covered, signature),
        };
        judged.map_err(|refusal| self.refused(refusal))
    }

    /// Judges a segment of a half-open request.
    pub(super) fn authenticate_request(
        &mut self,
        arrival: &Arrival<'_>,
        key: u32,
    ) -> Result<(), DropReason> {
        let listener = self.requests.get(key).map(|(_, pending)| pending.listener);
        self.authenticate_arrival(arrival, listener.map(|id| id.slot))
    }

    /// Judges a segment of no connection by the keys of a listener. Without one, a signed segment is believed when a
    /// listener at the peer's port has the key: our end has perhaps forgotten an active open (as Linux).
    pub(super) fn authenticate_arrival(
        &mut self,
        arrival: &Arrival<'_>,
        listener: Option<u32>,
    ) -> Result<(), DropReason> {
        let signature = arrival.options.signature;
        let known = listener.and_then(|slot| self.listeners.get(slot));
        if known.is_some_and(|listener| listener.lacks_keys) {
            self.counters.keys_exhausted.increment();
            return Err(DropReason::SignatureMissing);
        }
        if signature.is_none() && self.keys.live() == 0 {
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
        authentication::check(&self.keys, ring, &covered, signature)
            .map_err(|refusal| self.refused(refusal))
    }

    /// Sends a segment of no connection, signed where a listener has a key for the peer.
    pub(super) fn reply(&mut self, mut reply: Reply) {
        if self.keys.live() > 0
            && let Some(slot) = self.listener_with_keys(&reply.flow)
            && let Some(listener) = self.listeners.get(slot)
            && let peer = reply.flow.remote.address
            && let Some(signature) = authentication::signature_for(&self.keys, &listener.keys, peer)
        {
            let (keys, ring) = (&self.keys, &listener.keys);
            reply.sign(signature, |covered| {
                authentication::code_for(keys, ring, covered)
            });
        }
        self.replies.push(reply);
    }

    /// The option of a SYN-ACK.
    pub(super) fn signature_of_request(
        &mut self,
        id: ListenerId,
        flow: &Flow,
    ) -> Option<Signature> {
        if self.keys.live() == 0 {
            return None;
        }
        let listener = self.listeners.by_id(id)?;
        authentication::signature_for(&self.keys, &listener.keys, flow.remote.address)
    }

    /// Signs a SYN-ACK that was written into `out`, all of it.
    pub(super) fn sign_for_request(
        &mut self,
        id: ListenerId,
        flow: &Flow,
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
            let code = authentication::code_for(&self.keys, &listener.keys, &covered);
            crate::reply::write_code(signature, &code, out);
        }
    }

    /// Sends what TIME-WAIT has to say.
    pub(super) fn reply_late(&mut self, key: Option<u32>, mut reply: Reply) {
        let extension = key.and_then(|key| self.time_waits.extension(key));
        let extension = extension.and_then(|handle| self.extensions.get_mut(handle));
        if let Some(authentication) = extension.and_then(|found| found.authentication.as_mut())
            && let Some(signature) = authentication.signature(&self.keys)
        {
            let keys = &self.keys;
            reply.sign(signature, |covered| authentication.code(keys, covered));
        }
        self.replies.push(reply);
    }

    fn listener_with_keys(&self, flow: &Flow) -> Option<u32> {
        let lost = Endpoint::new(flow.local.address, flow.remote.port);
        self.listeners
            .find(flow.local)
            .or_else(|| self.listeners.find(lost))
    }

    /// Counts it.
    #[cold]
    fn refused(&self, refusal: Refusal) -> DropReason {
        let counters = &self.counters;
        let (counter, reason) = match refusal {
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
