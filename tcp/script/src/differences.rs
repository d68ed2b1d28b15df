//! What a script says of stacks that do otherwise: comment lines `// Linux differs: why` and
//! `// Daemon differs: why`.

use crate::Place;

/// The reason that the script gives why it does not hold at `place`; None when it must hold there.
pub fn declared(text: &str, place: Place) -> Option<String> {
    let opening = match place {
        Place::Daemon => "// Daemon differs: ",
        Place::Kernel => "// Linux differs: ",
    };
    let mut lines = text.lines();
    let reasons: Vec<_> = lines
        .by_ref()
        .filter_map(|line| line.trim_start().strip_prefix(opening))
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// A verdict at a place beside what the script says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It holds there, as it must.
    Holds,
    /// It does not hold there, and the script says why.
    Explained(String),
    /// It does not hold there, and nobody says why.
    Unexplained,
    /// It holds there, though the script says that it does not.
    Stale,
}

impl Judgement {
    /// Of a verdict, as a line of text, where `reason` is declared.
    pub fn of(verdict: &str, reason: Option<&str>) -> Self {
        match (verdict.starts_with("pass"), reason) {
            (true, None) => Self::Holds,
            (true, Some(_)) => Self::Stale,
            (false, Some(reason)) => Self::Explained(reason.to_owned()),
            // What is named like that is not for others.
            (false, None) if verdict.contains("Coremill's own") => {
                Self::Explained("a setting of Coremill's own".to_owned())
            }
            // A newer kernel is not to be had on each machine.
            (false, None) if verdict.contains(NOT_HERE) => {
                Self::Explained("a setting that this kernel does not take".to_owned())
            }
            (false, None) if verdict.contains(TOO_LONG) => Self::Explained(TOO_LONG.to_owned()),
            (false, None) => Self::Unexplained,
        }
    }

    /// True when nobody has to do anything about it.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Holds | Self::Explained(_))
    }

    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Holds => "pass",
            Self::Explained(_) => "differs",
            Self::Unexplained => "FAIL",
            Self::Stale => "STALE",
        }
    }
}

/// Of settings that the machine under test knows, and this kernel refuses.
pub const NOT_HERE: &str = "which fails here";
/// Of scripts that are not played in real time.
pub const TOO_LONG: &str = "it lasts longer than is waited for in real time";

#[cfg(test)]
mod tests;
