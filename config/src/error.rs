//! What can be wrong with a configuration, said so that the operator can repair it at once.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a configuration was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not there.
    #[error("{}: no such file; name another with --config, or start from config/reference.toml", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: cannot read it: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{}: not valid TOML: {message}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Line, column and cause.
        message: String,
    },
    /// Values that are not allowed; all that were found.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

/// One value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value came from.
    pub origin: Origin,
    /// Path of the key, such as `ports[0].mtu`.
    pub key: String,
    /// The value as written, where there is one.
    pub value: Option<String>,
    /// What is wrong.
    pub complaint: String,
    /// What would be right.
    pub allowed: String,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File(PathBuf),
    /// This environment variable.
    Environment(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        write!(f, ": {}; allowed: {}", self.complaint, self.allowed)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(file) => write!(f, "{}", file.display()),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
