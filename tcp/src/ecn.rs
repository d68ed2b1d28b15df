//! Whether connections agree on explicit congestion notification (RFC 3168), or on the accurate kind of it (RFC 9768),
//! as Linux's tcp_ecn, tcp_ecn_option and tcp_ecn_option_beacon.

/// When connections use it. What our SYNs ask for, and the most that a peer who asks gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EcnMode {
    /// Never.
    Off,
    /// Our SYNs ask for it, and peers that ask get it.
    Ask,
    /// Peers that ask get it; our SYNs do not ask.
    #[default]
    Answer,
    /// Our SYNs ask for AccECN, and peers that ask get it.
    AskAccurate,
    /// Peers that ask for AccECN get it; our SYNs ask for the classic kind.
    AnswerAccurateAsk,
    /// Peers that ask for AccECN get it; our SYNs do not ask.
    AnswerAccurate,
}

impl EcnMode {
    /// The mode that Linux's setting of this number means.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Off),
            1 => Some(Self::Ask),
            2 => Some(Self::Answer),
            3 => Some(Self::AskAccurate),
            4 => Some(Self::AnswerAccurateAsk),
            5 => Some(Self::AnswerAccurate),
            _ => None,
        }
    }

    /// Our SYNs ask for the classic kind.
    pub(crate) const fn asks(self) -> bool {
        matches!(self, Self::Ask | Self::AnswerAccurateAsk)
    }

    /// Our SYNs ask for AccECN.
    pub(crate) const fn asks_accurate(self) -> bool {
        matches!(self, Self::AskAccurate)
    }

    /// A peer that asks for the classic kind gets it.
    pub(crate) const fn answers(self) -> bool {
        !matches!(self, Self::Off)
    }

    /// A peer that asks for AccECN gets it.
    pub(crate) const fn answers_accurate(self) -> bool {
        matches!(
            self,
            Self::AskAccurate | Self::AnswerAccurateAsk | Self::AnswerAccurate
        )
    }
}

/// When the AccECN option goes with a segment of a connection that has agreed on AccECN, where it fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum EcnOption {
    /// Never.
    Never,
    /// When it has news, and now and then (RFC 9768, section 3.2.3.3).
    Sparing,
    /// Always, until the path seems to swallow segments that have it.
    #[default]
    Always,
    /// Always.
    Persistent,
}

impl EcnOption {
    /// What Linux's setting of this number means.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Never),
            1 => Some(Self::Sparing),
            2 => Some(Self::Always),
            3 => Some(Self::Persistent),
            _ => None,
        }
    }
}

/// The ECN field of the IP header.
pub(crate) const NOT_ECT: u8 = 0;
/// A segment that may be marked, of the kind that nobody but experiments sends.
pub(crate) const ECT_1: u8 = 1;
/// A segment that may be marked.
pub(crate) const ECT_0: u8 = 2;
/// A segment that was marked.
pub(crate) const CE: u8 = 3;
