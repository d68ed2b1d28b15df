//! Both directions end: FIN, half-close, RST (RFC 9293, section 3.6 and 3.10.4 to 3.10.5).

use std::time::Duration;

use super::{Connection, Context, Due};
use crate::connection::User;
use crate::error::{ConnectionError, SendError};
use crate::memory::Memory;
use crate::state::{Cause, State};
use crate::time::Deadline;

impl<Q: Default> Connection<Q> {
    /// Half-close: FIN follows what is queued.
    pub(crate) fn shutdown<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
    ) -> Result<(), SendError> {
        match self.state {
            State::Established | State::CloseWait => self.enter(context, Cause::ShutDown),
            // Fast Open: the FIN does not wait for the handshake's ACK either.
            State::SynReceived if self.is_early() => self.enter(context, Cause::ShutDown),
            // `complete_simultaneous_open` goes on with it: the SYN must be acknowledged first.
            State::SynReceived if !self.send.is_shut => {}
            // Its user took it for connected: data went with the SYN, or was to.
            State::SynSent if self.is_early() && !self.send.is_shut => {
                let has_not_left = self.send.next == self.send.unacknowledged;
                self.due.set_if(Due::SYN, has_not_left);
            }
            State::SynSent => return Err(SendError::NotConnected),
            _ => {
                return Err(self
                    .user
                    .error
                    .map_or(SendError::ShutDown, SendError::Failed));
            }
        }
        self.send.is_shut = true;
        Ok(())
    }

    /// The user lets go. What is queued is still sent; what was received and not read is lost, of
    /// which the peer hears by RST (RFC 1122, section 4.2.2.13; as Linux).
    pub(crate) fn close<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        is_orphan_too_many: bool,
    ) {
        self.user.set(User::ORPHAN);
        let has_unread = self.receive.readable > 0;
        context.memory.clear(&mut self.receive.queue);
        context.ranges.clear(&mut self.receive.ranges);
        self.receive.readable = 0;
        match self.state {
            State::Closed | State::TimeWait => {}
            State::SynSent => self.fail(context, ConnectionError::Aborted),
            _ if has_unread => {
                context.counters.abort_on_close.increment();
                self.reset(context, ConnectionError::Aborted);
            }
            _ if is_orphan_too_many => {
                context.counters.abort_on_memory.increment();
                self.reset(context, ConnectionError::Aborted);
            }
            State::FinWait2 if self.is_fin_not_awaited(context) => {
                context.counters.abort_on_linger.increment();
                self.reset(context, ConnectionError::Aborted);
            }
            State::FinWait2 => self.await_peers_fin(context),
            _ => {
                self.deadlines.patience =
                    Deadline::within(context.now, context.limits.orphan_timeout);
                // Fails only when shut down before, and then the FIN is on its way.
                let _shut = self.shutdown(context);
            }
        }
    }

    /// An orphan does not wait in FIN-WAIT-2 for ever: as long as TCP_LINGER2 says, but some retransmissions of the
    /// peer's at least (as Linux).
    pub(super) fn await_peers_fin<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        if !self.user.has(User::ORPHAN) {
            return;
        }
        if self.is_fin_not_awaited(context) {
            // As Linux, which tells the peer at once.
            context.counters.abort_on_data.increment();
            let acknowledgment = self.send.unacknowledged;
            self.reset_in_answer(context, ConnectionError::Aborted, acknowledgment);
            return;
        }
        let options = context.option_sets.get(&self.user.options);
        let own = u64::try_from(options.fin_wait_2_seconds).unwrap_or(0);
        let time = match own {
            0 => context.limits.fin_wait_2,
            seconds => Duration::from_secs(seconds),
        };
        let least = self.timeout(context) * 7 / 2;
        self.deadlines.patience = Deadline::within(context.now, time.max(least));
    }

    /// TCP_LINGER2 below zero.
    fn is_fin_not_awaited<M>(&self, context: &Context<M>) -> bool {
        context
            .option_sets
            .get(&self.user.options)
            .fin_wait_2_seconds
            < 0
    }

    /// All is said both ways. The shard moves what must be remembered into its TIME-WAIT table.
    pub(super) fn enter_time_wait<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        cause: Cause,
    ) {
        self.remember_destination(context);
        self.judge_black_hole(context);
        self.enter(context, cause);
        self.deadlines.clear();
        self.forget_sent(context);
        context.ranges.clear(&mut self.receive.ranges);
    }
}
