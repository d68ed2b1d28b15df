//! The rules. Each takes a file and gives one line for each place that breaks it.

use std::collections::BTreeSet;

use crate::blanked::blank;
use crate::repository::File;

/// Everything that holds for one file.
pub fn check(file: &File) -> Vec<String> {
    let mut broken = whitespace(file);
    broken.extend(names(file));
    broken.extend(machine_paths(file));
    if file.path.ends_with(".rs") {
        let code = blank(&file.text);
        broken.extend(module_doc(file));
        broken.extend(file_length(file));
        broken.extend(function_lengths(file, &code));
        broken.extend(unfinished(file, &code));
        broken.extend(exceptions_without_reason(file));
        broken.extend(unsafe_outside_its_place(file, &code));
    }
    broken
}

/// A package's manifest.
pub fn check_manifest(manifest: &File) -> Vec<String> {
    [
        "license.workspace = true",
        "edition.workspace = true",
        "publish.workspace = true",
        "description = ",
    ]
    .into_iter()
    .filter(|line| !manifest.text.contains(line))
    .map(|line| format!("{}: lacks `{line}`", manifest.path))
    .chain((!manifest.text.contains("[lints")).then(|| format!("{}: has no lints", manifest.path)))
    .collect()
}

/// Words and help of a table: unique, lower case with underscores, whole sentences.
pub fn check_words(table: &[(&str, &str)]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut broken = Vec::new();
    for (word, help) in table {
        if !seen.insert(*word) {
            broken.push(format!("{word}: used twice"));
        }
        if word.is_empty()
            || !word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            broken.push(format!("{word}: not lower case with underscores"));
        }
        if !help.ends_with('.') || help.len() < 10 {
            broken.push(format!("{word}: help `{help}` is no sentence"));
        }
    }
    broken
}

/// Keys of the reference configuration that no comment precedes.
pub fn check_reference(text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut explained = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') {
            explained = true;
        } else if line.is_empty() || line.starts_with('[') {
            explained = false;
        } else if let Some((key, _)) = line.split_once('=') {
            let is_key = key
                .trim()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            if is_key && !explained && !line.contains('#') {
                broken.push(key.trim().to_owned());
            }
            explained = false;
        }
    }
    broken
}

fn whitespace(file: &File) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, line) in numbered(&file.text) {
        if line.ends_with([' ', '\t', '\r']) && !file.path.starts_with("LICENSE") {
            broken.push(format!("{}:{number}: blanks at the line's end", file.path));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        broken.push(format!("{}: no line break at the end", file.path));
    }
    broken
}

fn names(file: &File) -> Vec<String> {
    file.path
        .split('/')
        .filter(|part| {
            let stem = part.split('.').next().unwrap_or_default();
            ["utils", "util", "common", "helpers", "helper", "misc"].contains(&stem)
        })
        .map(|part| format!("{}: `{part}` does not say what is inside", file.path))
        .collect()
}

fn machine_paths(file: &File) -> Vec<String> {
    // Put together here, so that this file does not break its own rule.
    let paths = [
        concat!("/tmp", "/cm"),
        concat!("/work", "/shared"),
        concat!("/work", "/main"),
    ];
    let found = |line: &str| paths.iter().any(|path| line.contains(path));
    numbered(&file.text)
        .filter(|(_, line)| found(line))
        .map(|(number, _)| format!("{}:{number}: path of somebody's machine", file.path))
        .collect()
}

fn module_doc(file: &File) -> Vec<String> {
    let length = file
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .count();
    // A crate's own page may explain at length, a protocol with its examples for one.
    let root = file.path.ends_with("src/lib.rs");
    match length {
        // A module's own tests are explained by the module.
        0 if file.path.ends_with("/tests.rs") => Vec::new(),
        0 => vec![format!(
            "{}: does not begin with a module doc (//!)",
            file.path
        )],
        1..=MODULE_DOC_LINES_MAX => Vec::new(),
        1..=CRATE_DOC_LINES_MAX if root => Vec::new(),
        _ => vec![format!(
            "{}: module doc of {length} lines, at most {MODULE_DOC_LINES_MAX}",
            file.path
        )],
    }
}

fn file_length(file: &File) -> Vec<String> {
    let max = if is_test(&file.path) {
        TEST_LINES_MAX
    } else {
        SOURCE_LINES_MAX
    };
    let length = file.text.lines().count();
    let broken = (length > max).then(|| format!("{}: {length} lines, at most {max}", file.path));
    broken.into_iter().collect()
}

/// Finds `fn name`, then its body's braces; declarations without a body end at `;`.
fn function_lengths(file: &File, code: &str) -> Vec<String> {
    let max = if is_test(&file.path) {
        TEST_FUNCTION_LINES_MAX
    } else {
        FUNCTION_LINES_MAX
    };
    let mut broken = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let before = code[..start].chars().next_back();
        let name = code[start + 3..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_');
        let name: String = name.collect();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') || name.is_empty() {
            continue;
        }
        let Some(end) = body_end(&code[start..]).map(|length| start + length) else {
            continue;
        };
        let lines = code[start..end].matches('\n').count() + 1;
        if lines > max {
            let number = code[..start].matches('\n').count() + 1;
            broken.push(format!(
                "{}:{number}: fn {name} has {lines} lines, at most {max}",
                file.path
            ));
        }
    }
    broken
}

fn body_end(code: &str) -> Option<usize> {
    let (mut depth, mut brackets) = (0_usize, 0_usize);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            // `[u8; 4]` in a signature holds a semicolon that ends nothing.
            b'[' | b'(' => brackets += 1,
            b']' | b')' => brackets = brackets.saturating_sub(1),
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn unfinished(file: &File, code: &str) -> Vec<String> {
    let macros = ["todo!", "dbg!", "unimplemented!"];
    let marks = [concat!("FIX", "ME"), concat!("XX", "X")];
    let in_code = numbered(code).flat_map(|(number, line)| {
        macros
            .into_iter()
            .filter(|word| line.contains(word))
            .map(move |word| (number, word))
            .collect::<Vec<_>>()
    });
    let in_text = numbered(&file.text).flat_map(|(number, line)| {
        marks
            .into_iter()
            .filter(|word| line.contains(word))
            .map(move |word| (number, word))
            .collect::<Vec<_>>()
    });
    in_code
        .chain(in_text)
        .map(|(number, word)| format!("{}:{number}: `{word}`", file.path))
        .collect()
}

/// An exception from a lint, or a test that does not run, says why.
fn exceptions_without_reason(file: &File) -> Vec<String> {
    let code = &file.text;
    let mut broken = Vec::new();
    for opening in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
        for (at, _) in code.match_indices(opening) {
            let line_start = code[..at].rfind('\n').map_or(0, |end| end + 1);
            let attribute = code[at..].split(']').next().unwrap_or_default();
            if code[line_start..at].trim().is_empty() && !attribute.contains("reason") {
                let number = code[..at].matches('\n').count() + 1;
                broken.push(format!(
                    "{}:{number}: exception from a lint without a reason",
                    file.path
                ));
            }
        }
    }
    for (number, line) in numbered(code) {
        if line.trim() == "#[ignore]" {
            broken.push(format!(
                "{}:{number}: test ignored without a reason",
                file.path
            ));
        }
    }
    broken
}

fn unsafe_outside_its_place(file: &File, code: &str) -> Vec<String> {
    if UNSAFE_PLACES
        .iter()
        .any(|place| file.path.starts_with(place))
    {
        return Vec::new();
    }
    numbered(code)
        .filter(|(_, line)| {
            line.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == "unsafe")
        })
        .map(|(number, _)| {
            format!(
                "{}:{number}: unsafe code outside {UNSAFE_PLACES:?}",
                file.path
            )
        })
        .collect()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs")
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

/// Where unsafe code may stand: the bindings and their one user, memory shared with other processes, and allocators
/// of tests that count.
const UNSAFE_PLACES: [&str; 7] = [
    "dpdk-sys/",
    "engine/src/nic/dpdk",
    "ctl/ring/src/memory",
    "ctl/ring/src/words/cells.rs",
    "engine/tests/",
    "engine/benches/",
    "tcp/tests/simulation/allocations.rs",
];
const MODULE_DOC_LINES_MAX: usize = 10;
const CRATE_DOC_LINES_MAX: usize = 80;
const SOURCE_LINES_MAX: usize = 400;
/// A model or an adversary and the tests that need it.
const TEST_LINES_MAX: usize = 650;
const FUNCTION_LINES_MAX: usize = 70;
const TEST_FUNCTION_LINES_MAX: usize = 120;
