//! The short way out: what nearly all segments of a connection are, new data as it comes or an acknowledgement alone.
//!
//! It judges by the same `plan_new` and writes by the same `emit_data` as the long way; what it leaves out are the looks
//! at what an untroubled connection does not have.

use super::super::hold::Hold;
use super::super::{Connection, Context};
use crate::connection::Due;
use crate::header::Flags;
use crate::memory::Memory;
use crate::packet::Outgoing;
use crate::state::State;
use crate::table::NONE;

impl<Q: Default> Connection<Q> {
    /// The next segment of a connection of which nothing needs a second look, as `next_segment` would write it.
    #[inline(always)]
    pub(crate) fn next_usual_segment<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        out: &mut [u8],
        is_cut: bool,
    ) -> Option<Outgoing> {
        if !self.is_usual() {
            return None;
        }
        let stamp_bytes = self.stamp_bytes() as u32;
        let full = u32::from(self.send.mss).max(stamp_bytes + 1) - stamp_bytes;
        if is_cut && self.send.unsent() > full {
            return None;
        }
        match self.plan_new(&context.records, full, false) {
            Ok(plan) => self.emit_data(context, plan, (None, true), out),
            Err(Hold::Idle | Hold::Congestion | Hold::Nagle) if self.due.has(Due::ACKNOWLEDGE) => {
                self.send.is_burst = false;
                self.emit_empty(context, (self.send.next, Flags::ACK), (None, true), out)
            }
            Err(_) => None,
        }
    }

    /// Nothing is due but data and acknowledgements, nothing is to be sent again or said by more than the usual options.
    #[inline]
    fn is_usual(&self) -> bool {
        let ranges = &self.receive.ranges;
        matches!(self.state, State::Established | State::CloseWait)
            && self.due.is_usual()
            && self.send.resend == NONE
            && !self.extension.is_held()
            && ranges.is_silent()
    }
}
