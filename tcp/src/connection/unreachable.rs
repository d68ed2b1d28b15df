//! ICMP errors about a connection: soft, hard, and too big (RFC 1122, 4.2.3.9; RFC 5927).

use super::deadlines::NEVER;
use super::{Connection, Context};
use crate::drop_reason::DropReason;
use crate::error::ConnectionError;
use crate::memory::Memory;
use crate::packet::{Quoted, Unreachable};
use crate::state::State;

impl<Q: Default> Connection<Q> {
    /// Takes an error, if it quotes what is outstanding: anybody could have sent any other.
    pub(crate) fn unreachable<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<'_, M>,
        quoted: &Quoted,
    ) -> Result<bool, DropReason> {
        let sequence = crate::sequence::SequenceNumber::new(quoted.sequence);
        if !sequence.is_within(self.send.unacknowledged, self.send.outstanding()) {
            context.counters.out_of_window_icmp.increment();
            return Err(DropReason::IcmpIrrelevant);
        }
        let is_connecting = matches!(self.state, State::SynSent | State::SynReceived);
        match quoted.error {
            Unreachable::TooBig { mtu } => self.shrink(context, mtu),
            Unreachable::Port | Unreachable::Protocol if is_connecting => {
                self.fail(context, ConnectionError::Refused);
            }
            Unreachable::Prohibited if is_connecting => {
                self.fail(context, ConnectionError::Unreachable);
            }
            // Hard errors do not end a synchronized connection: they are easily forged.
            _ => self.user.soft_error = Some(ConnectionError::Unreachable),
        }
        Ok(false)
    }

    /// The path carries less than the link: smaller segments from the oldest on.
    fn shrink<M: Memory<Queue = Q>>(&mut self, context: &Context<'_, M>, mtu: u16) {
        // RFC 1191, section 3, asks for no less than the protocol's minimum.
        let floor = if self.flow.remote.address.is_ipv4() {
            MTU_LEAST_V4
        } else {
            MTU_LEAST_V6
        };
        let mss = super::own_mss(mtu.max(floor), self.flow.remote.address);
        if mss < self.send.mss {
            self.send.mss = mss;
            let segment = u32::from(self.full_payload());
            self.congestion
                .set_segment_size(segment, context.congestion);
            self.send.next = self.send.unacknowledged;
            self.send.timed_at = NEVER;
        }
    }
}

/// Below this a forged error would do more harm than a broken path (Linux: min_pmtu).
const MTU_LEAST_V4: u16 = 552;
/// RFC 8200, section 5.
const MTU_LEAST_V6: u16 = 1_280;
