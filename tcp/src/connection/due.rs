//! What is to be sent besides data.

/// What is due: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due(u8);

impl Due {
    /// An acknowledgement at once.
    pub(crate) const ACKNOWLEDGE: Self = Self(1);
    /// Our SYN or SYN-ACK, for the first time or again.
    pub(crate) const SYN: Self = Self(2);
    /// A RST, the last thing this connection sends.
    pub(crate) const RESET: Self = Self(4);
    /// A segment that provokes an acknowledgement: keepalive or zero-window probe.
    pub(crate) const PROBE: Self = Self(8);
    /// A tail loss probe (RFC 8985, section 7.3).
    pub(crate) const TAIL: Self = Self(16);
    /// New data before what is to be sent again, until the next acknowledgement (RFC 5682).
    pub(crate) const NEW_FIRST: Self = Self(32);
    /// One segment in spite of silly-window avoidance: the persist timer ran out.
    pub(crate) const FORCE: Self = Self(64);
    /// What is queued now leaves in spite of Nagle's algorithm and cork: one of them was just switched off.
    pub(crate) const FLUSH: Self = Self(128);

    /// With [`Self::RESET`], where nothing can be forced any more: it answers a segment that finds nobody, and is like
    /// that of a closed port.
    pub(crate) const BARE: Self = Self::FORCE;

    /// True when it is due.
    #[inline]
    pub(crate) fn has(self, what: Self) -> bool {
        self.0 & what.0 != 0
    }

    /// It is due from now on.
    #[inline]
    pub(crate) fn set(&mut self, what: Self) {
        self.0 |= what.0;
    }

    /// The same, if `is_due`; else it stays as it is.
    #[inline]
    pub(crate) fn set_if(&mut self, what: Self, is_due: bool) {
        self.0 |= what.0 * u8::from(is_due);
    }

    /// It is not due any more.
    #[inline]
    pub(crate) fn unset(&mut self, what: Self) {
        self.0 &= !what.0;
    }

    /// True when nothing but data and acknowledgements is to be sent, each when it may.
    #[inline]
    pub(crate) fn is_usual(self) -> bool {
        self.0 & !(Self::ACKNOWLEDGE.0 | Self::FLUSH.0) == 0
    }

    /// True when something goes before data.
    #[inline]
    pub(crate) fn any(self) -> bool {
        let before_data = Self::ACKNOWLEDGE.0 | Self::SYN.0 | Self::RESET.0 | Self::PROBE.0;
        self.0 & (before_data | Self::TAIL.0) != 0
    }
}
