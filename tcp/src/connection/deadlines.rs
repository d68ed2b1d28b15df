//! When a connection wants to be woken. One timer of the wheel serves all of its deadlines.

use crate::time::Instant;

/// The deadlines of a connection; [`NEVER`] where one is not set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// Retransmission (RFC 6298), SYN and persist timer: only one of them runs at a time.
    pub(crate) retransmit: Instant,
    /// Delayed acknowledgement.
    pub(crate) acknowledge: Instant,
    /// Keepalive; for an orphan, its end: of sending what is queued, then of FIN-WAIT-2.
    pub(crate) patience: Instant,
    /// What the wheel is armed for. It may be earlier than any deadline: then nothing is done.
    pub(crate) armed: Instant,
}

impl Deadlines {
    /// The earliest of them.
    #[inline]
    pub(crate) fn earliest(&self) -> Instant {
        self.retransmit.min(self.acknowledge).min(self.patience)
    }

    /// Nothing is waited for any more; the wheel finds out by itself.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            armed: self.armed,
            ..Self::default()
        };
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            retransmit: NEVER,
            acknowledge: NEVER,
            patience: NEVER,
            armed: NEVER,
        }
    }
}

/// No deadline.
pub(crate) const NEVER: Instant = Instant::from_nanos(u64::MAX);
