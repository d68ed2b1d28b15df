//! ICMP errors about a connection: soft, hard, and too big (RFC 1122, 4.2.3.9; RFC 5927).

use super::{Connection, Context};
use crate::drop_reason::DropReason;
use crate::error::ConnectionError;
use crate::memory::Memory;
use crate::packet::{Quoted, Unreachable};
use crate::state::State;

impl<Q: Default> Connection<Q> {
    /// Takes an error, if it quotes what is outstanding: anybody could have sent any other.
    /// RFC 9293, MUST-54, MUST-56, SHLD-25, SHLD-26.
    pub(crate) fn unreachable<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        quoted: &Quoted,
    ) -> Result<bool, DropReason> {
        let sequence = crate::sequence::SequenceNumber::new(quoted.sequence);
        if !sequence.is_within(self.send.unacknowledged, self.send.outstanding()) {
            context.counters.out_of_window_icmp.increment();
            return Err(DropReason::IcmpIrrelevant);
        }
        let is_connecting = matches!(self.state, State::SynSent | State::SynReceived);
        match quoted.error {
            Unreachable::TooBig { mtu } => {
                if context
                    .option_sets
                    .get(&self.user.options)
                    .ip
                    .path_mtu_discovery
                    .believes_routers()
                {
                    self.path_narrows(context, mtu);
                }
            }
            Unreachable::Port | Unreachable::Protocol if is_connecting => {
                self.fail(context, ConnectionError::Refused);
            }
            Unreachable::Prohibited | Unreachable::NextHop if is_connecting => {
                self.fail(context, ConnectionError::HostUnreachable);
            }
            Unreachable::Network => {
                self.user.soft_error = Some(ConnectionError::NetworkUnreachable);
            }
            // Hard errors do not end a synchronized connection: they are easily forged.
            _ => self.user.soft_error = Some(ConnectionError::HostUnreachable),
        }
        Ok(false)
    }
}
