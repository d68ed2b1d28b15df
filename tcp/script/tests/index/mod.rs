//! The table that tells which script shows a feature, beside the scripts that there are.

use std::collections::BTreeSet;

/// What is wrong with it: names of no script, and folders that it does not name.
pub fn wrong(text: &str, there: &[String]) -> Vec<String> {
    let folders: BTreeSet<&str> = there.iter().map(|name| folder_of(name)).collect();
    let named: Vec<&str> = quoted(text)
        .filter(|name| folders.contains(folder_of(name)) || is_script(name))
        .collect();
    let missing = named
        .iter()
        .filter(|name| !there.iter().any(|there| matches(name, there)))
        .map(|name| format!("{name} is no script"));
    let seen: BTreeSet<&str> = named.iter().map(|name| folder_of(name)).collect();
    let unnamed = folders
        .difference(&seen)
        .map(|folder| format!("{folder} is not named"));
    missing.chain(unnamed).collect()
}

/// The files of the repository that it names.
pub fn files(text: &str) -> impl Iterator<Item = &str> {
    quoted(text).filter(|name| name.starts_with("tcp/") && name.ends_with(".rs"))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// A folder and a name in it, and nothing that only a path of this repository or a word of Rust has.
fn is_script(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_*/".contains(c);
    name.matches('/').count() == 1 && name.chars().all(is_plain)
}

/// A name that ends in `*` is that of each script that begins so.
fn matches(name: &str, script: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => script.starts_with(beginning),
        None => script == name,
    }
}

fn folder_of(name: &str) -> &str {
    name.split_once('/').map_or("", |(folder, _)| folder)
}

#[test]
fn names_of_nothing_and_folders_without_a_name_are_noticed() {
    let there = ["a/one", "a/other", "b/one"].map(str::to_owned);
    let table = "| x | `a/one`, `b/*` and `tcp/src/x.rs` | `cargo test` |";
    assert!(wrong(table, &there).is_empty());
    assert_eq!(files(table).collect::<Vec<_>>(), ["tcp/src/x.rs"]);
    assert_eq!(wrong("`a/o*`", &there), ["b is not named"]);
    assert_eq!(wrong("`a/three` `b/one`", &there), ["a/three is no script"]);
    assert_eq!(wrong("`a/*` `b/*` `c/one`", &there), ["c/one is no script"]);
}
