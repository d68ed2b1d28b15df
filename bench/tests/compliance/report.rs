//! The table for readers.

use std::fmt::Write;

use crate::requirement::{Document, Requirement};

/// `tcp/COMPLIANCE.md`.
pub fn text(documents: &[Document]) -> String {
    let mut text = HEAD.to_owned();
    let count = |is: fn(&Requirement) -> bool| -> usize {
        let rows = documents.iter().flat_map(|document| &document.requirement);
        rows.filter(|row| is(row)).count()
    };
    let _ = writeln!(
        text,
        "{} requirements: {} met and tested, {} declined, {} open.\n",
        count(|_| true),
        count(|row| !row.met.is_empty()),
        count(|row| row.declined.is_some()),
        count(|row| row.open.is_some())
    );
    for document in documents {
        let _ = writeln!(text, "## RFC {}: {}\n", document.rfc, document.title);
        if !document.left_out.is_empty() {
            let _ = writeln!(text, "{}\n", document.left_out);
        }
        text.push_str(
            "| requirement | section | text | met | tested |\n| --- | --- | --- | --- | --- |\n",
        );
        for row in &document.requirement {
            let (met, tested) = match (&row.declined, &row.open) {
                (Some(reason), _) => (format!("declined: {reason}"), String::new()),
                (_, Some(missing)) => (format!("open: {missing}"), String::new()),
                _ => (places(&row.met), places(&row.tested)),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {met} | {tested} |",
                row.id,
                row.section,
                row.text.replace('|', "\\|")
            );
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn places(places: &[String]) -> String {
    let short = places.iter().map(|place| {
        let place = place.strip_prefix("tcp/").unwrap_or(place);
        let place = place.strip_prefix("tests/").unwrap_or(place);
        format!("`{place}`")
    });
    short.collect::<Vec<_>>().join(", ")
}

const HEAD: &str = "\
# What the RFCs require, where it is met, and what tests it

Made of `tcp/requirements/*.toml` by `make compliance`; `bench/tests/compliance` fails where a place does not exist or
does not cite its RFC. Paths start at `tcp/` (tests at `tcp/tests/`, scripts at `scripts/`).

";
