//! What code and tests cite, as `RFC 9293, MUST-7` or `RFC 6298, section 5.4` (scripts: `RFC 6298, 5.4`).

use std::path::Path;

use crate::requirement::{Document, top};

/// True when `text` cites the requirement by its number, its section, or one above or below that.
pub fn cites(text: &str, rfc: u32, id: &str, section: &str) -> bool {
    citations(text).any(|citation| {
        citation.rfc == rfc
            && citation.points.iter().any(|point| {
                *point == id
                    || *point == section
                    || is_below(point, section)
                    || is_below(section, point)
            })
    })
}

fn is_below(section: &str, other: &str) -> bool {
    section
        .strip_prefix(other)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// Citations in the tcp crate of numbers or sections that the table's documents do not have.
pub fn broken(documents: &[Document]) -> Vec<String> {
    let mut broken = Vec::new();
    for folder in ["tcp/src", "tcp/tests", "tcp/script/src"] {
        look(&top().join(folder), documents, &mut broken);
    }
    broken
}

fn look(folder: &Path, documents: &[Document], broken: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            look(&path, documents, broken);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            for citation in citations(&text) {
                let Some(document) = documents.iter().find(|other| other.rfc == citation.rfc)
                else {
                    continue;
                };
                let unknown = citation.points.iter().filter(|point| {
                    let mut ids = document.requirement.iter().map(|row| &row.id);
                    !document.sections.iter().any(|section| section == **point)
                        && !ids.any(|id| id == **point)
                });
                for point in unknown {
                    broken.push(format!("{}: RFC {}, {point}", path.display(), citation.rfc));
                }
            }
        }
    }
}

struct Citation<'a> {
    rfc: u32,
    /// Sections and numbers.
    points: Vec<&'a str>,
}

fn citations(text: &str) -> impl Iterator<Item = Citation<'_>> {
    text.split("RFC ").skip(1).filter_map(|after| {
        let digits = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let rfc = after[..digits].parse().ok()?;
        let mut rest = &after[digits..];
        let mut points = Vec::new();
        while let Some(next) = rest
            .strip_prefix(", ")
            .or_else(|| rest.strip_prefix(" and "))
        {
            let next = next.strip_prefix("section ").unwrap_or(next);
            let next = next.strip_prefix("sections ").unwrap_or(next);
            let length = next
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-')
                .unwrap_or(next.len());
            let point = next[..length].trim_end_matches('.');
            if !is_point(point) {
                break;
            }
            points.push(point);
            rest = &next[point.len()..];
        }
        Some(Citation { rfc, points })
    })
}

/// True for `3.8.6.2`, `A.1` and `MUST-7`.
fn is_point(word: &str) -> bool {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    if let Some((kind, number)) = word.split_once('-') {
        return ["MUST", "SHLD", "REC", "MAY"].contains(&kind) && is_number(number);
    }
    let mut parts = word.split('.');
    let is_first = parts.next().is_some_and(|first| {
        is_number(first) || (first.len() == 1 && first < "a" && word.len() > 1)
    });
    is_first && parts.all(is_number)
}
