//! Which scripts were settled where: a file that a long run adds to, so that it can be stopped and go on.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;

use crate::Place;

/// Lines of place, script and verdict.
#[derive(Debug)]
pub struct Record {
    before: HashMap<(String, String), String>,
    file: Option<Mutex<File>>,
}

impl Record {
    /// Remembers nothing beyond this run.
    pub fn none() -> Self {
        Self {
            before: HashMap::new(),
            file: None,
        }
    }

    /// Goes on with the file at `path`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn at(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        let before = text
            .lines()
            .filter_map(|line| {
                let (place, rest) = line.split_once('\t')?;
                let (script, verdict) = rest.split_once('\t')?;
                Some(((place.to_owned(), script.to_owned()), verdict.to_owned()))
            })
            .collect();
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            before,
            file: Some(Mutex::new(file)),
        })
    }

    /// The verdict that an earlier run came to.
    pub fn known(&self, place: Place, script: &Path) -> Option<&str> {
        let key = (place.to_string(), script.display().to_string());
        self.before.get(&key).map(String::as_str)
    }

    /// Keeps a verdict that needs no other look; only its first line.
    pub fn keep(&self, place: Place, script: &Path, verdict: &str) {
        let first = verdict.lines().next().unwrap_or_default();
        if let Some(mut file) = self.file.as_ref().and_then(|file| file.lock().ok()) {
            // What cannot be kept is played again.
            let _ = writeln!(file, "{place}\t{}\t{first}", script.display());
        }
    }
}

#[cfg(test)]
mod tests;
