//! Runs scripts written for packetdrill against the TCP machine of Coremill, on virtual time.
//!
//! A script says what the user calls, which segments come in and which must go out when: start at
//! `run.rs`. `language` reads scripts; `shard`, `daemon` and `kernel` are the machines under test; `wire`
//! maps numbers, `compare` and `verdict` say what was different.
#![forbid(unsafe_code)]

mod amounts;
mod assertions;
mod call_address;
mod call_key;
mod compare;
pub mod daemon;
mod differences;
mod error_names;
mod info;
pub mod kernel;
pub mod language;
pub mod namespace;
mod packets;
mod place;
mod polling;
pub mod record;
mod run;
mod settings;
mod shard;
mod subject;
mod symbols;
pub mod verdict;
pub mod verdict_table;
mod wanted;
mod wire;

pub use language::parse;
pub use place::Place;
pub use run::{run, run_against};
pub use settings::Settings;
pub use verdict::Verdict;

use std::io;
use std::path::{Path, PathBuf};

/// Reads and plays the script in a text.
pub fn run_text(text: &str, is_strict: bool) -> Verdict {
    match parse(text) {
        Ok(script) => run(&script, is_strict),
        Err(error) => Verdict::Unsupported {
            line: error.line,
            what: format!("cannot be read: column {}: {}", error.column, error.message),
        },
    }
}

/// The scripts at `path`: itself, or all in a folder and below it, in order.
///
/// # Errors
/// When a folder cannot be read.
pub fn scripts(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in path.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(scripts(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
