//! The algorithms and their names.

/// An algorithm of congestion control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// RFC 9438.
    #[default]
    Cubic = 1,
    /// RFC 5681 and RFC 6582.
    NewReno = 2,
    /// BBR version 1, as Linux.
    Bbr = 3,
    /// RFC 8257, for networks that mark early.
    Dctcp = 4,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cubic, Self::NewReno, Self::Bbr, Self::Dctcp];

    /// The name that users choose by and operators see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::NewReno => "newreno",
            Self::Bbr => "bbr",
            Self::Dctcp => "dctcp",
        }
    }

    /// It lives on marks: they are asked for, and echoed one by one (RFC 8257, section 3).
    pub const fn needs_marks(self) -> bool {
        matches!(self, Self::Dctcp)
    }

    /// The number that names it where numbers are handed over.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The algorithm that a number names.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.number() == number)
    }
}

impl std::str::FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// By name; `reno` is Linux's for `newreno`.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        let name = if name == "reno" { "newreno" } else { name };
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(UnknownAlgorithm)
    }
}

/// No algorithm has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such congestion control: there are cubic, newreno (or reno), bbr and dctcp")]
pub struct UnknownAlgorithm;
