//! What became of a script: pass, fail with the first difference, or unsupported with its reason.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// Why an event could not be carried out as written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// The script asks for something that the machine or this runner lacks.
    #[error("{0}")]
    Unsupported(String),
    /// Something else happened than the script says.
    #[error("{0}")]
    Difference(String),
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every event was as written.
    Pass {
        /// How many events there were.
        events: usize,
    },
    /// The first difference.
    Fail {
        /// Line of the event.
        line: usize,
        /// Time since the script's start when it was noticed.
        at: Duration,
        /// What was expected and what happened, perhaps over several lines.
        what: String,
    },
    /// The script cannot be judged.
    Unsupported {
        /// Line that asks for it.
        line: usize,
        /// What it asks for.
        what: String,
    },
}

impl Verdict {
    /// The verdict of an event that met trouble.
    pub fn of(line: usize, at: Duration, trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unsupported(what) => Self::Unsupported { line, what },
            Trouble::Difference(what) => Self::Fail { line, at, what },
        }
    }

    /// True for a pass.
    pub fn is_pass(&self) -> bool {
        matches!(self, Self::Pass { .. })
    }

    /// True for a failure.
    pub fn is_fail(&self) -> bool {
        matches!(self, Self::Fail { .. })
    }

    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "pass",
            Self::Fail { .. } => "FAIL",
            Self::Unsupported { .. } => "unsupported",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass { events } => write!(f, "pass ({events} events)"),
            Self::Fail { line, at, what } => {
                write!(f, "FAIL at line {line}, {:.6} s: {what}", at.as_secs_f64())
            }
            Self::Unsupported { line, what } => write!(f, "unsupported: {what} (line {line})"),
        }
    }
}
