//! When a connection wants to be woken. One timer of the wheel serves all of its deadlines.

use crate::time::Deadline;

/// The deadlines of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// Retransmission (RFC 6298), SYN and persist timer: only one of them runs at a time.
    pub(crate) retransmit: Deadline,
    /// Delayed acknowledgement.
    pub(crate) acknowledge: Deadline,
    /// Keepalive; for an orphan, its end: of sending what is queued, then of FIN-WAIT-2.
    pub(crate) patience: Deadline,
    /// What the wheel is armed for. It may be earlier than any deadline: then nothing is done.
    pub(crate) armed: Deadline,
}

impl Deadlines {
    /// Something is due before what the wheel is armed for.
    #[inline(always)]
    pub(crate) fn is_any_before_armed(&self) -> bool {
        self.is_retransmission_before_armed()
            || self.acknowledge.is_before(self.armed)
            || self.patience.is_before(self.armed)
    }

    /// The same where no other one has moved.
    #[inline(always)]
    pub(crate) fn is_retransmission_before_armed(&self) -> bool {
        self.retransmit.is_before(self.armed)
    }

    /// The earliest of them.
    pub(crate) fn earliest(&self) -> Deadline {
        self.retransmit
            .earlier(self.acknowledge)
            .earlier(self.patience)
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
            retransmit: Deadline::NEVER,
            acknowledge: Deadline::NEVER,
            patience: Deadline::NEVER,
            armed: Deadline::NEVER,
        }
    }
}
