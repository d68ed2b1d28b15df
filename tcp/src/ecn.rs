//! Whether connections agree on explicit congestion notification (RFC 3168), as Linux's tcp_ecn.

/// When connections use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EcnMode {
    /// Never.
    Off,
    /// Our SYNs ask for it, and peers that ask get it.
    Ask,
    /// Peers that ask get it; our SYNs do not ask.
    #[default]
    Answer,
}

impl EcnMode {
    /// The mode that Linux's setting of this number means.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Off),
            1 => Some(Self::Ask),
            2 => Some(Self::Answer),
            _ => None,
        }
    }
}
