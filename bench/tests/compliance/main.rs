//! Holds `tcp/requirements/*.toml`, the requirements of the RFCs, to the code: each is met and tested at a
//! place that exists and cites its RFC, or declined with a reason; what code cites exists in the table.
//! `tcp/COMPLIANCE.md` is made of it: `COREMILL_WRITE=1` (`make compliance`) writes it anew.

mod anchor;
mod citation;
mod report;
mod requirement;

use requirement::Document;

#[test]
fn every_requirement_is_met_and_tested_or_declined() {
    let documents = Document::all();
    let mut broken = Vec::new();
    for document in &documents {
        broken.extend(document.broken());
        for requirement in &document.requirement {
            broken.extend(anchor::broken(document, requirement));
        }
    }
    assert!(
        broken.is_empty(),
        "{} rows are broken:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

#[test]
fn what_code_and_tests_cite_exists() {
    let broken = citation::broken(&Document::all());
    assert!(
        broken.is_empty(),
        "citations point nowhere:\n{}",
        broken.join("\n")
    );
}

#[test]
fn all_numbers_of_rfc_9293_are_there() {
    let documents = Document::all();
    let document = documents.iter().find(|document| document.rfc == 9293);
    let ids: Vec<_> = document
        .expect("RFC 9293 is in the table")
        .requirement
        .iter()
        .map(|requirement| requirement.id.as_str())
        .collect();
    for (kind, count) in [("MUST", 69), ("SHLD", 31), ("REC", 1), ("MAY", 18)] {
        for number in 1..=count {
            let id = format!("{kind}-{number}");
            let found = ids.iter().filter(|other| **other == id).count();
            assert_eq!(found, 1, "{id}");
        }
    }
}

#[test]
fn the_report_is_that_of_the_table() {
    let text = report::text(&Document::all());
    let path = requirement::top().join("tcp/COMPLIANCE.md");
    if std::env::var_os("COREMILL_WRITE").is_some() {
        std::fs::write(path, text).expect("the repository can be written");
        return;
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == text,
        "tcp/COMPLIANCE.md is not what the table says: make compliance"
    );
}

#[test]
fn broken_rows_are_found() {
    let row = |text: &str| -> Vec<String> {
        let text = format!(
            "rfc = 9293\ntitle = \"t\"\nsections = [\"3\"]\n[[requirement]]\nid = \"MUST-1\"\nsection = \"3\"\ntext = \"t\"\n{text}"
        );
        let document: Document = toml::from_str(&text).expect("a table");
        let mut broken = document.broken();
        broken.extend(anchor::broken(&document, &document.requirement[0]));
        broken
    };
    let header = "tcp/src/header.rs";
    let test = "tcp/src/header/tests.rs: what_is_emitted_is_parsed_again";
    assert_eq!(
        row(&format!(
            "met = [\"{header}: parse\"]\ntested = [\"{test}\"]"
        )),
        Vec::<String>::new()
    );
    assert_eq!(
        row("declined = \"nobody needs it any more\""),
        Vec::<String>::new()
    );
    for (text, word) in [
        ("", "neither"),
        ("met = [\"tcp/src/header.rs\"]", "neither"),
        ("declined = \"\"", "reason"),
        (
            "met = [\"tcp/src/nothing.rs\"]\ntested = [\"tcp/src/header/tests.rs\"]",
            "no file",
        ),
        (
            "met = [\"tcp/src/header.rs: nothing\"]\ntested = [\"tcp/src/header/tests.rs\"]",
            "no item",
        ),
        (
            "met = [\"tcp/src/table.rs\"]\ntested = [\"tcp/src/header/tests.rs\"]",
            "does not mention",
        ),
    ] {
        let broken = row(text);
        assert!(
            broken.iter().any(|line| line.contains(word)),
            "{text}: {broken:?}"
        );
    }
}
