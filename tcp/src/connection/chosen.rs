//! What follows when an option of a connection is set, beyond that it is set. One line for each option that has more.

use super::{Connection, Context};
use crate::congestion::Algorithm;
use crate::connection::Due;
use crate::memory::Memory;
use crate::options::{OptionError, SocketOption, SocketOptions};
use crate::state::State;

impl<Q: Default> Connection<Q> {
    /// These are its options from now on.
    ///
    /// # Errors
    /// [`OptionError::NoRoom`], and nothing changes.
    pub(crate) fn choose<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        options: &SocketOptions,
    ) -> Result<(), OptionError> {
        context
            .option_sets
            .choose(&mut self.user.options, options)?;
        let standard = context.limits.congestion.algorithm;
        let algorithm = Algorithm::from_number(options.congestion).unwrap_or(standard);
        let (pool, now) = (&mut context.congestion, context.now);
        self.congestion.set_algorithm(pool, now, algorithm);
        self.congestion
            .set_pacing_rate_max(pool, now, options.pacing_rate_max);
        if options.statistics || context.limits.statistics {
            self.begin_statistics(context);
        }
        Ok(())
    }

    /// One of them was set to `value`.
    pub(crate) fn option_was_set<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        option: SocketOption,
        value: i64,
    ) {
        match option {
            SocketOption::Keepalive
            | SocketOption::KeepaliveIdle
            | SocketOption::KeepaliveInterval
            | SocketOption::KeepaliveCount => self.watch_for_silence(context),
            // As Linux: what is queued leaves when one of them no longer asks to wait.
            SocketOption::NoDelay => self.due.set_if(Due::FLUSH, value != 0),
            SocketOption::Cork => self.due.set_if(Due::FLUSH, value == 0),
            SocketOption::ReceiveBuffer | SocketOption::WindowClamp => {
                let is_handshake = matches!(self.state, State::SynSent | State::SynReceived);
                // Before its end there is no buffer yet, but for data beside a SYN, and the mark tells when it began.
                if !is_handshake || self.is_early() {
                    self.fit_receive_buffer(context);
                }
            }
            SocketOption::Statistics if !context.limits.statistics && value == 0 => {
                self.end_statistics(context);
            }
            SocketOption::QuickAck => {
                self.receive.delayed.set_ping_pong(value & 1 == 0);
                // What waits is sent now, if all of it was read or it is more than a segment (as Linux).
                let waits = self.deadlines.acknowledge.is_set();
                let is_due = self.receive.readable == 0 || self.is_acknowledgment_overdue();
                self.due
                    .set_if(Due::ACKNOWLEDGE, value & 1 != 0 && waits && is_due);
            }
            _ => {}
        }
    }

    /// What an option is that is no choice of the user's but a state of the connection; None for all others.
    pub(crate) fn present_option(&self, option: SocketOption) -> Option<i64> {
        match option {
            SocketOption::QuickAck => Some(i64::from(self.receive.delayed.is_quick_mode())),
            SocketOption::ReceiveBuffer => Some(i64::from(self.receive.buffer)),
            _ => None,
        }
    }
}
