//! TCP Fast Open (RFC 7413) in a connection: `active.rs` for who opens, `passive.rs` for who listens.
//!
//! While such a handshake is not over, the retransmission deadline is that of the SYN or SYN-ACK, which the timer's
//! kind says; what else there is to know stands in the shard's `Openings`, found by flow.

mod active;
mod passive;

pub(crate) use active::EarlyData;

use super::recovery::Timer;
use super::{Connection, Context, Facts, User};
use crate::error::ConnectionError;
use crate::fast_open::{Marks, Opening};
use crate::memory::Memory;
use crate::state::State;

impl<Q> Connection<Q> {
    /// The user may write before the handshake is over: Fast Open, either end.
    #[inline]
    pub(crate) fn is_early(&self) -> bool {
        self.user.fast_open.any(Marks::EARLY)
    }
}

impl<Q: Default> Connection<Q> {
    /// From now on, as long as the handshake lasts.
    fn be_early(&mut self) {
        self.user.fast_open.set(Marks::EARLY);
        self.send.timer = Timer::FastOpen;
    }

    /// What the handshake is to remember, while it lasts.
    pub(super) fn pending_opening<'a, M>(&self, context: &'a Context<M>) -> Option<&'a Opening> {
        let is_pending = self.user.fast_open.any(Marks::PENDING);
        let openings = &context.fast_opens.openings;
        is_pending.then(|| openings.get(&self.flow)).flatten()
    }

    /// The handshake is over, well or not.
    pub(super) fn close_opening<M>(&mut self, context: &mut Context<M>) -> Option<Opening> {
        if self.is_early() {
            self.send.timer = Timer::Timeout;
        }
        self.user.fast_open.unset(Marks::PENDING);
        self.user.fast_open.unset(Marks::EARLY);
        context.fast_opens.openings.remove(&self.flow)
    }

    /// The connection failed while its handshake was not over.
    #[cold]
    pub(super) fn abandon_opening<M>(&mut self, context: &mut Context<M>, error: ConnectionError) {
        let opening = self.close_opening(context);
        if let Some(listener) = opening.and_then(|opening| opening.listener) {
            // As Linux: one that nobody has accepted yet still has its place in the accept queue.
            let is_suspect = error == ConnectionError::Reset && !self.user.has(User::WAITING);
            context.fast_opens.ended(context.now, listener, is_suspect);
        }
    }

    /// A timeout, the `attempts`th in a row. As Linux: a third one, or one that ends a connection that was opened so, may
    /// be a network that swallows such connections.
    #[cold]
    pub(super) fn suspect_black_hole<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        is_over: bool,
    ) {
        let marks = self.user.fast_open;
        let is_active = marks.any(Marks::ASKED);
        if is_active && (self.send.attempts == 3 || (self.send.attempts < 3 && is_over)) {
            self.meet_black_hole(context);
        }
    }

    fn meet_black_hole<M>(&mut self, context: &mut Context<M>) {
        let timeout = context.limits.opening.fast_open.blackhole_timeout;
        if context.fast_opens.blackhole.met(context.now, timeout) {
            context.counters.fast_open_blackhole.increment();
        }
    }

    /// The connection ends. As Linux: one that got the peer's FIN, but nothing before it, fell into a black hole; one that
    /// got data shows that there is none any more.
    #[cold]
    pub(super) fn judge_black_hole<M>(&mut self, context: &mut Context<M>) {
        if !self.user.fast_open.any(Marks::ASKED) {
            return;
        }
        let has_heard_data = !self.receive.delayed.timeout().is_zero();
        let has_stray_fin =
            self.receive.facts.has(Facts::FIN) && !self.receive.facts.has(Facts::FINISHED);
        if has_heard_data {
            if self.user.fast_open.any(Marks::PROBES) {
                context.fast_opens.blackhole.is_gone();
            }
        } else if has_stray_fin && self.state != State::SynSent {
            self.meet_black_hole(context);
        }
    }
}
