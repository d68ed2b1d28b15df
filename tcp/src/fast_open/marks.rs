//! What stays of Fast Open in a connection's record: one byte, for TCP_INFO and for who looks for black holes.

/// Marks of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

/// Why data did not go with the SYN, or to no use (Linux: tcpi_fastopen_client_fail).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No cookie was known.
    NoCookie = 1,
    /// The peer acknowledged the SYN alone.
    NotAcknowledged = 2,
    /// The SYN timed out.
    SynTimedOut = 3,
}

impl Marks {
    /// Its handshake is in [`super::Openings`].
    pub(crate) const PENDING: Self = Self(4);
    /// Its user may write before the handshake is over.
    pub(crate) const EARLY: Self = Self(64);
    /// Its SYN carried the option.
    pub(crate) const ASKED: Self = Self(8);
    /// Data went with the SYN and was acknowledged, or came with it and was taken.
    pub(crate) const SYN_DATA: Self = Self(16);
    /// It shows whether a black hole is gone.
    pub(crate) const PROBES: Self = Self(32);

    pub(crate) fn any(self, marks: Self) -> bool {
        self.0 & marks.0 != 0
    }

    pub(crate) fn set(&mut self, marks: Self) {
        self.0 |= marks.0;
    }

    pub(crate) fn unset(&mut self, marks: Self) {
        self.0 &= !marks.0;
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        self.0 = (self.0 & !FAILURE) | failure as u8;
    }

    /// The failure's number, 0 for none.
    pub(crate) fn failure(self) -> u8 {
        self.0 & FAILURE
    }
}

const FAILURE: u8 = 3;
