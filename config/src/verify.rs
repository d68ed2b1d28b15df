//! Checks a configuration tree against the table of keys: unknown keys, types, ranges, forms.

use toml::{Table, Value};

use crate::error::Problem;
use crate::keys::{Allowed, Default, Key, Section, sections};
use crate::load::Sources;
use crate::{duration, size};

/// Every value that its key does not allow, every unknown and every missing key.
pub fn verify(tree: &Table, sources: &Sources) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in tree {
        match (sections().find(|section| section.name == name), value) {
            (None, _) => {
                let known = sections().map(|section| section.name);
                problems.push(unknown(
                    sources,
                    name.clone(),
                    value,
                    "section",
                    name,
                    known,
                ));
            }
            (Some(section), Value::Table(table)) if !section.repeated => {
                keys(section, name, table, sources, &mut problems);
            }
            (Some(section), Value::Array(items)) if section.repeated => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{name}[{index}]");
                    match item {
                        Value::Table(table) => repeated(&path, name, table, sources, &mut problems),
                        other => problems.push(misshapen(sources, path, other, section)),
                    }
                }
            }
            (Some(section), other) => {
                problems.push(misshapen(sources, name.clone(), other, section));
            }
        }
    }
    problems
}

/// Whether `value` is of the type and in the range that `allowed` says; else what is wrong.
pub fn complaint(allowed: &Allowed, value: &Value) -> Option<&'static str> {
    match (allowed, value) {
        (Allowed::Flag, Value::Boolean(_)) => None,
        (Allowed::Integer(min, max, _), Value::Integer(number)) => {
            (!(min..=max).contains(&number)).then_some("out of range")
        }
        (Allowed::Time(min, max), Value::String(text)) => match duration::parse(text) {
            None => Some("not a duration"),
            Some(time) => (!(min..=max).contains(&&time)).then_some("out of range"),
        },
        (Allowed::Size(min, max), Value::String(text)) => match size::parse(text) {
            None => Some("not a size"),
            Some(bytes) => (!(min..=max).contains(&&bytes)).then_some("out of range"),
        },
        (Allowed::Word(words), Value::String(text)) => {
            (!words.contains(&text.as_str())).then_some("not one of the words known")
        }
        (Allowed::Text(_, fits), Value::String(text)) => {
            (!fits(text)).then_some("not of the form asked for")
        }
        (Allowed::List(of), Value::Array(items)) => {
            items.iter().find_map(|item| complaint(of, item))
        }
        _ => Some("of the wrong type"),
    }
}

fn repeated(path: &str, name: &str, table: &Table, sources: &Sources, problems: &mut Vec<Problem>) {
    let kind = table.get("kind").and_then(Value::as_str);
    let fits = |section: &&Section| {
        section.name == name && (section.kind.is_none() || section.kind == kind)
    };
    match sections().find(fits) {
        Some(section) => keys(section, path, table, sources, problems),
        // The section of any kind knows what `kind` may be.
        None => {
            let any = sections().find(|section| section.name == name);
            let rule = any.and_then(|section| section.keys.iter().find(|key| key.name == "kind"));
            if let Some(rule) = rule {
                match table.get("kind") {
                    Some(value) => check(rule, path, value, sources, problems),
                    None => problems.push(missing(sources, path, rule)),
                }
            }
        }
    }
}

fn keys(
    section: &Section,
    path: &str,
    table: &Table,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in table {
        match section.keys.iter().find(|key| key.name == name) {
            Some(rule) => check(rule, path, value, sources, problems),
            None => {
                let known = section.keys.iter().map(|key| key.name);
                let key = format!("{path}.{name}");
                problems.push(unknown(sources, key, value, "key", name, known));
            }
        }
    }
    for rule in section.keys {
        if matches!(rule.default, Default::Required(_)) && !table.contains_key(rule.name) {
            problems.push(missing(sources, path, rule));
        }
    }
}

fn check(rule: &Key, path: &str, value: &Value, sources: &Sources, problems: &mut Vec<Problem>) {
    if let Some(complaint) = complaint(&rule.allowed, value) {
        let key = format!("{path}.{}", rule.name);
        problems.push(Problem {
            origin: sources.origin(&key),
            key,
            value: Some(written(value)),
            complaint: complaint.into(),
            allowed: rule.allowed.describe(),
        });
    }
}

fn missing(sources: &Sources, path: &str, rule: &Key) -> Problem {
    let key = format!("{path}.{}", rule.name);
    Problem {
        origin: sources.origin(&key),
        key,
        value: None,
        complaint: "missing".into(),
        allowed: rule.allowed.describe(),
    }
}

fn misshapen(sources: &Sources, key: String, value: &Value, section: &Section) -> Problem {
    let name = section.name;
    let allowed = if section.repeated {
        format!("tables written [[{name}]]")
    } else {
        format!("a table written [{name}]")
    };
    Problem {
        origin: sources.origin(&key),
        key,
        value: Some(written(value)),
        complaint: "of the wrong type".into(),
        allowed,
    }
}

fn unknown(
    sources: &Sources,
    key: String,
    value: &Value,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'static str>,
) -> Problem {
    let mut known: Vec<&str> = known.collect();
    known.dedup();
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(candidate, name), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min();
    let complaint = match nearest {
        Some((_, candidate)) => format!("unknown {what}; did you mean `{candidate}`?"),
        None => format!("unknown {what}"),
    };
    Problem {
        origin: sources.origin(&key),
        key,
        value: (!value.is_table()).then(|| written(value)),
        complaint,
        allowed: known.join(", "),
    }
}

fn written(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > VALUE_BYTES_MAX {
        let cut = (0..=VALUE_BYTES_MAX)
            .rev()
            .find(|at| text.is_char_boundary(*at));
        text.truncate(cut.unwrap_or(0));
        text.push_str("...");
    }
    text
}

/// A message repeats no more than this of a value.
const VALUE_BYTES_MAX: usize = 80;
