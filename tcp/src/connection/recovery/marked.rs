//! What acknowledgements tell of marks under AccECN (RFC 9768), and what follows: the window shrinks as after a loss, once
//! in a window of data (RFC 3168, section 6.1.2).

use super::super::{Connection, Context};
use super::Findings;
use crate::accurate_ecn::Progress;
use crate::congestion::Phase;
use crate::header::Header;
use crate::header_options::Options;
use crate::memory::Memory;
use crate::scoreboard::Scoreboard;

impl<Q: Default> Connection<Q> {
    /// Of an acknowledgement that was taken apart.
    /// RFC 9768, section 3.1.5: a host responds to what it hears, whether it sends ECT or not.
    pub(super) fn hear_marks_found<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        board: &mut Scoreboard,
        found: &mut Findings,
        header: &Header,
        options: &Options,
    ) {
        let is_sure = self.uses_sack(&context.limits)
            || matches!(self.send.phase, Phase::Open | Phase::Reducing);
        let progress = (found.advances || found.sacks).then_some(Progress {
            segments: found.segments,
            bytes: found.delivered,
            segment: self.congestion.segment(),
            is_sure,
        });
        let (count, bytes) = self.hear_marks(context, header, options, progress);
        found.marked = bytes;
        if count > 0 && (found.delivered > 0 || self.send.outstanding() > 0) {
            self.begin_reducing(context, board, found.delivered);
        }
    }

    /// Of one that acknowledges nothing new.
    pub(crate) fn hear_bare_marks<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        header: &Header,
        options: &Options,
    ) {
        let (count, _) = self.hear_marks(context, header, options, None);
        if count > 0 && self.send.outstanding() > 0 {
            self.enter_reducing(context);
        }
    }
}
