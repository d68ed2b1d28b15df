//! The repository's own files, without what is built or belongs to git.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file.
pub struct File {
    /// Path from the repository's top, with `/` between folders.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All files that people write.
pub fn files() -> Vec<File> {
    let mut found = Vec::new();
    collect(&top(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// One file by its path from the top.
pub fn read(path: &str) -> Option<String> {
    fs::read_to_string(top().join(path)).ok()
}

/// Names of the folders at the top.
pub fn top_level_folders() -> Vec<String> {
    entries(&top())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<File>) {
    for path in entries(folder) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if !["target", ".git", "proptest-regressions", "corpus"].contains(&name) {
                collect(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let relative = path
                .strip_prefix(top())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            found.push(File {
                path: relative,
                text,
            });
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}
