//! The client library's public items: each has an example of its own, and a program that is killed at each step makes
//! each call.

use crate::repository::File;

/// A public item.
pub struct Item {
    /// Where it is: path and line.
    pub place: String,
    /// Its name.
    pub name: String,
    /// Whether it can be called.
    pub is_function: bool,
    /// Whether its documentation shows how it is used.
    pub has_example: bool,
}

/// All public functions and types of these files.
pub fn items(files: &[File]) -> Vec<Item> {
    let sources = files
        .iter()
        .filter(|file| file.path.starts_with("ctl/client/src/"));
    let items = sources.flat_map(items_of);
    items.filter(|item| item.name != NAMELESS).collect()
}

/// Those that no example explains.
pub fn without_example(items: &[Item]) -> Vec<String> {
    let bare = items.iter().filter(|item| !item.has_example);
    bare.map(|item| format!("{}: `{}` has no example", item.place, item.name))
        .collect()
}

/// Calls that the script does not make: by their names, so that one `connect` stands for all of them.
pub fn not_made(items: &[Item], files: &[File]) -> Vec<String> {
    let script = files.iter().filter(|file| file.path.starts_with(SCRIPT));
    let script: String = script.map(|file| file.text.as_str()).collect();
    let is_made = |name: &str| {
        NOT_MADE.contains(&name)
            || script.contains(&format!(".{name}("))
            || script.contains(&format!("::{name}("))
    };
    let calls = items.iter().filter(|item| item.is_function);
    calls
        .filter(|item| !is_made(&item.name))
        .map(|item| format!("{}: `{}` is not made by {SCRIPT}", item.place, item.name))
        .collect()
}

fn items_of(file: &File) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut has_example, mut number) = (false, 0);
    for line in file.text.lines().map(str::trim) {
        number += 1;
        if line.starts_with("///") {
            has_example |= line.contains("```");
            continue;
        }
        if line.starts_with("#[") {
            continue;
        }
        if let Some((kind, name)) = declared(line) {
            items.push(Item {
                place: format!("{}:{number}", file.path),
                name: name.to_owned(),
                is_function: kind == "fn",
                has_example,
            });
        }
        // The other lines of an attribute come before what it is about.
        if !line.ends_with([',', '"']) && line != ")]" {
            has_example = false;
        }
    }
    items
}

/// What a line declares for everybody: its kind and its name.
fn declared(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let rest = rest.strip_prefix("const fn ").map_or(rest, |_| &rest[6..]);
    let (kind, rest) = rest.split_once(' ')?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &rest[..end.unwrap_or(rest.len())];
    ["fn", "struct", "enum", "trait"]
        .contains(&kind)
        .then_some((kind, name))
}

/// The program that is killed at each step.
const SCRIPT: &str = "ctl/client/examples/mortal/script";
/// Nobody outside can name it.
const NAMELESS: &str = "Sealed";
/// Attaching is made by its other form; the others look at a value and touch no shared memory.
const NOT_MADE: [&str; 3] = ["attach", "refusal", "workers"];
