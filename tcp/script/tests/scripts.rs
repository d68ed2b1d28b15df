//! All scripts pass, and each rule in them can fail: with any expected field changed, they do.

mod change;
mod index;

use std::path::{Path, PathBuf};

use coremill_script::language::Script;
use coremill_script::{parse, run, scripts};

#[test]
fn every_script_passes() {
    let mut failed = Vec::new();
    for (path, script) in all() {
        let verdict = run(&script, true);
        if !verdict.is_pass() {
            failed.push(format!("{}: {verdict}", path.display()));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// A script that passes whatever is sent would prove nothing.
#[test]
fn every_script_fails_when_any_of_its_expectations_is_changed() {
    let mut survived = Vec::new();
    let mut count = 0;
    for (path, script) in all() {
        let changes = change::all(&script);
        assert!(!changes.is_empty(), "{} expects nothing", path.display());
        for (what, changed) in changes {
            count += 1;
            let verdict = run(&changed, true);
            if !verdict.is_fail() {
                survived.push(format!("{}: {what}: {verdict}", path.display()));
            }
        }
    }
    assert!(survived.is_empty(), "\n{}", survived.join("\n"));
    println!("{count} changes noticed");
}

/// A script begins with what it proves and where that is written.
#[test]
fn every_script_names_its_rule() {
    for path in scripts(&folder()).expect("the folder of scripts") {
        let text = std::fs::read_to_string(&path).expect("a readable script");
        let first = text.lines().next().unwrap_or_default();
        let names_source = ["RFC", "Linux", "Coremill"]
            .iter()
            .any(|source| first.contains(source));
        assert!(
            first.starts_with("// ") && names_source,
            "{}: its first line tells no rule with an RFC's section or Linux's behaviour",
            path.display()
        );
    }
}

/// Whoever looks for a feature's script finds it: the table of them names what there is, and each folder.
#[test]
fn the_table_of_features_names_scripts_that_are_there() {
    let text = std::fs::read_to_string(folder().join("README.md")).expect("the table");
    let paths = scripts(&folder()).expect("the folder of scripts");
    let there: Vec<String> = paths.iter().map(|path| name_of(path)).collect();
    let mut wrong = index::wrong(&text, &there);
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = index::files(&text).filter(|file| !top.join(file).exists());
    wrong.extend(files.map(|file| format!("{file} is no file")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Folder and script, without its ending.
fn name_of(path: &Path) -> String {
    let short = path.strip_prefix(folder()).unwrap_or(path);
    short.with_extension("").display().to_string()
}

fn all() -> Vec<(PathBuf, Script)> {
    let paths = scripts(&folder()).expect("the folder of scripts");
    assert!(!paths.is_empty());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable script");
        let script = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let short = path.strip_prefix(folder()).unwrap_or(&path).to_owned();
        (short, script)
    };
    paths.into_iter().map(read).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scripts")
}
