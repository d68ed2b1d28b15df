//! The keys of a connection: taken when it opens, or given later; and the signatures of what it sends.

use super::{Connection, Context};
use crate::address::Flow;
use crate::authentication::key_pool::KeyPool;
use crate::authentication::{AoState, Authentication, Covered, KeyError, KeyRing};
use crate::header::Segment;
use crate::header_options::Signature;
use crate::memory::Memory;
use crate::packet::Outgoing;
use crate::reply::{Reply, write_code};
use crate::state::State;
use crate::table::request::Handshake;

impl<Q: Default> Connection<Q> {
    /// A new connection has these keys, all of them for its peer.
    ///
    /// # Errors
    /// [`KeyError::NoRoom`] when there is no block for them; they are given back then.
    pub(crate) fn begin_with_keys<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        mut ring: KeyRing,
        handshake: Option<&Handshake>,
    ) -> Result<(), KeyError> {
        if ring.is_empty() {
            return Ok(());
        }
        let Some(extension) = context.extensions.ensure(&mut self.extension) else {
            context.counters.extensions_exhausted.increment();
            context.keys.release(&mut ring);
            return Err(KeyError::NoRoom);
        };
        let (keys, flow) = (&mut context.keys, &self.flow);
        let ao = match handshake {
            None => AoState::opening(keys, &ring, flow, self.send.unacknowledged),
            Some(handshake) => {
                let numbers = (handshake.ours, handshake.theirs);
                AoState::accepted(keys, &ring, flow, numbers, handshake.ao())
            }
        };
        extension.authentication = Some(Authentication { ring, ao });
        self.keys_changed(context);
        if self.state == State::SynSent && self.find_signature(context) == Some(Signature::Md5) {
            // They would not fit beside it and SACK blocks (as Linux).
            self.stamps.is_on = false;
        }
        Ok(())
    }

    /// Adds, changes or removes a key.
    ///
    /// # Errors
    /// As `change` says, or when there is no block for them.
    pub(crate) fn change_keys<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        change: impl FnOnce(&mut KeyPool, &mut Authentication, &Flow) -> Result<(), KeyError>,
    ) -> Result<(), KeyError> {
        let Some(extension) = context.extensions.ensure(&mut self.extension) else {
            context.counters.extensions_exhausted.increment();
            return Err(KeyError::NoRoom);
        };
        // Taken out, so that it is borrowed no longer than the context.
        let mut authentication = extension.authentication.take().unwrap_or_default();
        let done = change(&mut context.keys, &mut authentication, &self.flow);
        let kept = (!authentication.ring.is_empty()).then_some(authentication);
        if let Some(extension) = context.extensions.get_mut(&self.extension) {
            extension.authentication = kept;
        }
        self.keys_changed(context);
        done
    }

    /// What a signature takes of each segment is no room for data.
    pub(crate) fn keys_changed<M>(&mut self, context: &mut Context<M>) {
        let signature = self.find_signature(context);
        let bytes = signature.map_or(0, Signature::padded_bytes);
        if self.extension.signature_bytes() != bytes {
            self.extension.set_signature_bytes(bytes);
            let segment = u32::from(self.full_payload());
            self.congestion
                .set_segment_size(&mut context.congestion, segment);
        }
    }

    /// The option that authenticates what is sent.
    #[inline]
    pub(super) fn signature<M>(&self, context: &Context<M>) -> Option<Signature> {
        if self.extension.signature_bytes() == 0 {
            return None;
        }
        self.find_signature(context)
    }

    #[cold]
    fn find_signature<M>(&self, context: &Context<M>) -> Option<Signature> {
        let extension = context.extensions.get(&self.extension)?;
        let authentication = extension.authentication.as_ref()?;
        authentication.signature(&context.keys)
    }

    /// Signs a segment that was written into `out`.
    #[cold]
    pub(crate) fn sign<M>(&self, context: &mut Context<M>, outgoing: &Outgoing, out: &mut [u8]) {
        let Some(signature) = self.signature(context) else {
            return;
        };
        let covered = Covered {
            source: outgoing.source,
            destination: outgoing.destination,
            bytes: out.get(..outgoing.length).unwrap_or_default(),
            header_length: outgoing.header_length,
        };
        let extension = context.extensions.get_mut(&self.extension);
        if let Some(authentication) = extension.and_then(|found| found.authentication.as_mut()) {
            let code = authentication.code(&context.keys, &covered);
            write_code(signature, &code, out);
        }
    }

    /// Sends a segment that is none of the stream, signed where the connection has keys.
    pub(super) fn reply<M>(&self, context: &mut Context<M>, mut reply: Reply) {
        if let Some(signature) = self.signature(context)
            && let Some(extension) = context.extensions.get_mut(&self.extension)
            && let Some(authentication) = extension.authentication.as_mut()
        {
            let keys = &context.keys;
            reply.sign(signature, |covered| authentication.code(keys, covered));
        }
        context.replies.push(reply);
    }

    /// The RST that `segment` provokes.
    pub(super) fn refuse<M>(&self, context: &mut Context<M>, segment: &Segment<'_>) {
        self.reply(context, Reply::reset_for(self.flow, segment));
    }
}
