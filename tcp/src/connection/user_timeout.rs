//! TCP_USER_TIMEOUT (RFC 9293, section 3.8.3; tcp(7)): how long what was sent may stay unacknowledged, a window closed,
//! or probes of silence unanswered. The wire option of RFC 5482 is declined: the limit is ours alone, as on Linux.

use std::time::Duration;

use super::{Connection, Context};
use crate::memory::Memory;
use crate::time::Instant;

impl<Q> Connection<Q> {
    /// In trouble, no timer runs longer than the user waits.
    #[cold]
    pub(super) fn user_bounds<M>(&self, context: &Context<M>, deadline: Instant) -> Instant {
        let extension = context.extensions.get(&self.extension);
        let since = extension.and_then(|extension| extension.trouble_since);
        match (since, self.user_timeout(context)) {
            (Some(since), Some(limit)) => deadline.min((since + limit).max(context.now)),
            _ => deadline,
        }
    }

    /// What the user set, if anything.
    pub(super) fn user_timeout<M>(&self, context: &Context<M>) -> Option<Duration> {
        let millis = context
            .option_sets
            .get(&self.user.options)
            .user_timeout_millis;
        (millis > 0).then(|| Duration::from_millis(u64::from(millis)))
    }
}

impl<Q: Default> Connection<Q> {
    /// The retransmission or persist timer has run out: when the connection is to be given up. None without such a limit.
    pub(super) fn gives_up_at<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
    ) -> Option<Instant> {
        let limit = self.user_timeout(context)?;
        // What runs out now was sent a timeout ago; a closed window counts from its first probe (as Linux).
        let began = if self.send.window == 0 && self.send.outstanding() == 0 {
            context.now
        } else {
            let timeout = self.timeout(context);
            Instant::from_nanos(
                context
                    .now
                    .as_nanos()
                    .saturating_sub(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)),
            )
        };
        // Without a block left, the limit is found out of by each timeout as if it were the first.
        let extension = context.extensions.ensure(&mut self.extension);
        let since = match extension {
            Some(extension) => *extension.trouble_since.get_or_insert(began),
            None => began,
        };
        Some(since + limit)
    }

    /// The peer has acknowledged something new, or opened its window.
    #[inline]
    pub(super) fn trouble_ends<M>(&mut self, context: &mut Context<M>) {
        if let Some(extension) = context.extensions.get_mut(&self.extension) {
            extension.trouble_since = None;
            if extension.search.is_some() {
                self.hear_of_size_probe(context);
            }
        }
    }
}
