//! Words of `[tcp]` about congestion control.

use serde::Deserialize;

/// `tcp.congestion`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    Cubic,
    Newreno,
    Bbr,
    Dctcp,
}

impl Algorithm {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Cubic, Self::Newreno, Self::Bbr, Self::Dctcp];
}

/// `tcp.byte_counting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByteCounting {
    Unlimited,
    Off,
    One,
    Two,
}

/// `tcp.hystart`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hystart {
    Linux,
    Plusplus,
    Off,
}

/// `tcp.window_validation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowValidation {
    Linux,
    Rfc7661,
}
