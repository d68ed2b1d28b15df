//! From file and environment to a checked [`Config`].

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat};
use toml::{Table, Value};

use crate::error::{ConfigError, Origin, Problem};
use crate::keys::{Allowed, sections};
use crate::relations::relations;
use crate::schema::Config;
use crate::verify::verify;

/// Reads `file`, lays the process's `COREMILL_...` variables over it and checks the result.
///
/// A variable is `COREMILL_`, the section, two underscores, the key: `COREMILL_TCP__TTL=32`.
/// Lists are written with commas. Repeated sections (`[[ports]]`) cannot be set this way. Names
/// without two underscores, such as `COREMILL_CONFIG`, are not configuration.
pub fn load(file: &Path) -> Result<Config, ConfigError> {
    load_with(
        file,
        std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    )
}

/// As [`load`], with these variables instead of the process's.
pub fn load_with(
    file: &Path,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let text = fs::read_to_string(file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ConfigError::Missing { file: file.into() },
        _ => ConfigError::Unreadable {
            file: file.into(),
            source,
        },
    })?;
    parse(&text, file, variables)
}

/// As [`load_with`], from `text` that messages call `file`.
pub fn parse(
    text: &str,
    file: &Path,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let sources = Sources::new(file, variables);
    let tree = sources.merge(text)?;
    let mut problems = verify(&tree, &sources);
    if problems.is_empty() {
        let config: Config = Value::Table(tree)
            .try_into()
            .map_err(|error: toml::de::Error| {
                // The table of keys let it pass, the schema did not: still a message, never a panic.
                ConfigError::Syntax {
                    file: file.into(),
                    message: error.message().into(),
                }
            })?;
        problems = relations(&config, &sources);
        if problems.is_empty() {
            return Ok(config);
        }
    }
    Err(ConfigError::Invalid(problems))
}

/// Where values come from.
pub struct Sources {
    file: PathBuf,
    /// By variable name.
    variables: BTreeMap<String, String>,
}

impl Sources {
    fn new(file: &Path, variables: impl Iterator<Item = (String, String)>) -> Self {
        let ours = |name: &String| {
            name.strip_prefix(PREFIX)
                .is_some_and(|rest| rest.contains(SEPARATOR))
        };
        Self {
            file: file.into(),
            variables: variables.filter(|(name, _)| ours(name)).collect(),
        }
    }

    /// Where the value of `key` (such as `tcp.ttl`) was given.
    pub fn origin(&self, key: &str) -> Origin {
        match self.variables.keys().find(|name| path(name) == key) {
            Some(name) => Origin::Environment(name.clone()),
            None => Origin::File(self.file.clone()),
        }
    }

    /// A problem with the value of `key`.
    pub fn problem(
        &self,
        key: impl Into<String>,
        value: impl std::fmt::Display,
        complaint: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Problem {
        let key = key.into();
        Problem {
            origin: self.origin(&key),
            key,
            value: Some(value.to_string()),
            complaint: complaint.into(),
            allowed: allowed.into(),
        }
    }

    /// The file's tree with the environment's values in it.
    fn merge(&self, text: &str) -> Result<Table, ConfigError> {
        let syntax = |message: String| ConfigError::Syntax {
            file: self.file.clone(),
            message,
        };
        let environment = Environment::with_prefix(PREFIX.trim_end_matches('_'))
            .prefix_separator("_")
            .separator(SEPARATOR)
            .source(Some(self.variables.clone().into_iter().collect()));
        let merged = config::Config::builder()
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(environment)
            .build()
            .map_err(|error| match error {
                config::ConfigError::FileParse { cause, .. } => syntax(cause.to_string()),
                other => syntax(other.to_string()),
            })?;
        let mut tree: Table = merged
            .try_deserialize()
            .map_err(|error| syntax(error.to_string()))?;
        for name in self.variables.keys() {
            give_type(&mut tree, &path(name));
        }
        Ok(tree)
    }
}

/// Values from the environment are text: makes of `path`'s value what its key expects. What does
/// not fit stays text, and checking complains.
fn give_type(tree: &mut Table, path: &str) {
    let Some((section, name)) = path.split_once('.') else {
        return;
    };
    let rule = sections()
        .filter(|known| known.name == section && !known.repeated)
        .flat_map(|known| known.keys)
        .find(|key| key.name == name);
    let value = tree.get_mut(section).and_then(|table| table.get_mut(name));
    if let (Some(rule), Some(value)) = (rule, value)
        && let Some(text) = value.as_str()
    {
        *value = typed(&rule.allowed, text);
    }
}

fn typed(allowed: &Allowed, text: &str) -> Value {
    let as_text = || Value::String(text.into());
    match allowed {
        Allowed::Flag => text.parse().map_or_else(|_| as_text(), Value::Boolean),
        Allowed::Integer(..) => text.parse().map_or_else(|_| as_text(), Value::Integer),
        Allowed::List(of) => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Value::Array(items.map(|item| typed(of, item)).collect())
        }
        _ => as_text(),
    }
}

fn path(variable: &str) -> String {
    variable
        .trim_start_matches(PREFIX)
        .to_lowercase()
        .replace(SEPARATOR, ".")
}

const PREFIX: &str = "COREMILL_";
const SEPARATOR: &str = "__";

#[cfg(test)]
mod tests;
