//! Places that rows point to: they exist, and cite the RFC that they are named for.

use crate::citation::cites;
use crate::requirement::{Document, Requirement, top};

/// What is wrong with the places of a row.
pub fn broken(document: &Document, row: &Requirement) -> Vec<String> {
    let name = format!("RFC {} {}", document.rfc, row.id);
    let mut broken = Vec::new();
    let mut is_cited = row.met.is_empty() && row.tested.is_empty();
    for (place, is_code) in places(row) {
        let (path, item) = match place.split_once(": ") {
            Some((path, item)) => (path, Some(item)),
            None => (place, None),
        };
        let Ok(text) = std::fs::read_to_string(top().join(path)) else {
            broken.push(format!("{name}: no file {path}"));
            continue;
        };
        if let Some(item) = item
            && !defines(&text, item)
        {
            broken.push(format!("{name}: no item {item} in {path}"));
        }
        if is_code && !text.contains(&format!("RFC {}", document.rfc)) {
            broken.push(format!(
                "{name}: {path} does not mention RFC {}",
                document.rfc
            ));
        }
        is_cited |= cites(&text, document.rfc, &row.id, &row.section);
    }
    if !is_cited {
        broken.push(format!(
            "{name}: no place of it does mention section {} or the number, it does not mention {}",
            row.section, row.id
        ));
    }
    broken
}

fn places(row: &Requirement) -> impl Iterator<Item = (&str, bool)> {
    let met = row.met.iter().map(|place| (place.as_str(), true));
    met.chain(row.tested.iter().map(|place| (place.as_str(), false)))
}

/// True when `text` defines `item`: a function, a type, a constant, a field.
fn defines(text: &str, item: &str) -> bool {
    let after = |before: &str| {
        text.match_indices(&format!("{before}{item}"))
            .any(|(at, found)| {
                let next = text[at + found.len()..].chars().next();
                !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
            })
    };
    let keywords = [
        "fn ", "struct ", "enum ", "trait ", "const ", "type ", "mod ",
    ];
    keywords.into_iter().any(after)
        || text.contains(&format!("pub {item}: "))
        || text.contains(&format!("pub(crate) {item}: "))
}
