//! Samples that break one rule each, and some that look like it and do not.

use crate::blanked::blank;
use crate::client;
use crate::repository::File;
use crate::rules;

#[test]
fn each_broken_rule_is_found() {
    let long_file = format!("//! Doc.\n{}", "// line\n".repeat(400));
    let long_test = format!("//! Doc.\n{}", "// line\n".repeat(650));
    let long_function = format!("//! Doc.\nfn long() {{\n{}}}\n", "    step();\n".repeat(69));
    let long_doc = "//! Doc.\n".repeat(11);
    let mark = concat!("//! Doc.\n// FIX", "ME later\n");
    let path_of_machine = concat!("//! Doc.\n// see /tmp", "/cm/x\n");
    for (path, text, expected) in [
        (
            "tcp/src/a.rs",
            "fn a() {}\n",
            "does not begin with a module doc",
        ),
        ("tcp/src/a.rs", long_doc.as_str(), "module doc of 11 lines"),
        ("tcp/src/a.rs", long_file.as_str(), "401 lines, at most 400"),
        (
            "tcp/src/a/tests.rs",
            long_test.as_str(),
            "651 lines, at most 650",
        ),
        (
            "tcp/src/a.rs",
            long_function.as_str(),
            "a.rs:2: fn long has 71 lines",
        ),
        ("tcp/src/utils.rs", "//! Doc.\n", "`utils.rs` does not say"),
        ("tcp/src/common/a.rs", "//! Doc.\n", "`common` does not say"),
        (
            "tcp/src/a.rs",
            "//! Doc.\nfn a() { todo!() }\n",
            "a.rs:2: `todo!`",
        ),
        (
            "tcp/src/a.rs",
            "//! Doc.\nfn a() { dbg!(1); }\n",
            "a.rs:2: `dbg!`",
        ),
        ("tcp/src/a.rs", mark, "a.rs:2: `FIX"),
        (
            "tcp/src/a.rs",
            path_of_machine,
            "a.rs:2: path of somebody's machine",
        ),
        (
            "tcp/src/a.rs",
            "//! Doc.\n#[allow(dead_code)]\nfn a() {}\n",
            "exception from a lint",
        ),
        (
            "tcp/src/a.rs",
            "//! Doc.\n#[test]\n#[ignore]\nfn a() {}\n",
            "test ignored",
        ),
        (
            "tcp/src/a.rs",
            "//! Doc.\nfn a() { unsafe { b() } }\n",
            "unsafe code outside",
        ),
        (
            "tcp/src/a.rs",
            "//! Doc. \n",
            "a.rs:1: blanks at the line's end",
        ),
        ("Makefile", "all:", "no line break at the end"),
    ] {
        let broken = rules::check(&file(path, text));
        assert_eq!(broken.len(), 1, "{path} {expected}: {broken:?}");
        assert!(
            broken[0].contains(expected),
            "want `{expected}`, got {broken:?}"
        );
    }
}

#[test]
fn what_only_looks_like_a_broken_rule_passes() {
    let function = format!("//! Doc.\nfn fits() {{\n{}}}\n", "    step();\n".repeat(68));
    let lines =
        "    // {\n    let brace = '{'; let text = \"todo!() }\"; let raw = r#\"dbg!( \" { \"#;\n";
    let literals = format!("//! Doc.\nfn literals<'a>(x: &'a [u8; 4]) {{\n{lines}}}\n");
    let reason = "//! Doc.\n#[allow(dead_code, reason = \"used on one system only\")]\nfn a() {}\n";
    let two = "//! Doc.\n/* unsafe /* nested */ todo! */\nfn a();\nfn b() {}\n";
    for (path, text) in [
        ("tcp/src/a.rs", function.as_str()),
        ("tcp/src/a.rs", literals.as_str()),
        ("tcp/src/a.rs", reason),
        ("tcp/src/a.rs", two),
        (
            "engine/src/nic/dpdk/port.rs",
            "//! Doc.\nfn a() { unsafe { b() } }\n",
        ),
        ("tcp/src/common_case.rs", "//! Doc.\n"),
    ] {
        assert_eq!(
            rules::check(&file(path, text)),
            Vec::<String>::new(),
            "{text}"
        );
    }
}

#[test]
fn blanking_keeps_lines_and_code() {
    let source = "a /* b\nc */ d \"e\\\"f\" '\\'' 'g' &'h br\"i\" j // k\nl";
    let blanked = blank(source);
    assert_eq!(blanked.len(), source.len());
    let words: Vec<_> = blanked.split_ascii_whitespace().collect();
    assert_eq!(words, ["a", "d", "&'h", "b", "j", "l"]);
}

#[test]
fn manifests_tables_and_references_that_break_rules_are_found() {
    let manifest = file("tcp/Cargo.toml", "[package]\nedition.workspace = true\n");
    assert_eq!(rules::check_manifest(&manifest).len(), 4);
    let table = [
        ("a_b", "What it means."),
        ("a_b", "What it means."),
        ("A-b", "What it means."),
        ("c", "no"),
    ];
    assert_eq!(rules::check_words(&table).len(), 3);
    let reference =
        "# Explained.\n[port]\nname = 1\n# Number, default 2.\ncount = 2\nsize = 3 # bytes\n";
    assert_eq!(rules::check_reference(reference), ["name"]);
}

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn items_without_example_and_calls_not_made_are_found() {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let source = "/// Shown.\n///\n/// ```\n/// let a = shown();\n/// ```\n#[must_use]\npub fn shown() {}\n\
        /// Bare.\npub struct Bare;\npub(crate) fn inner() {}\n/// Said.\npub async fn said(&self) {}\n\
        pub const fn fixed() {}\npub const VALUE: u32 = 1;\n";
    let files = [
        file("ctl/client/src/a.rs", source),
        file("ctl/client/examples/mortal/script/b.rs", "a::shown();"),
    ];
    let items = client::items(&files);
    let named = |lines: &[String], name: &str| lines.iter().any(|line| line.contains(name));
    let bare = client::without_example(&items);
    assert_eq!(bare.len(), 3, "{bare:?}");
    assert!(
        ["`Bare`", "`said`", "`fixed`"]
            .iter()
            .all(|name| named(&bare, name))
    );
    let not_made = client::not_made(&items, &files);
    assert_eq!(not_made.len(), 2, "{not_made:?}");
    assert!(
        ["`said`", "`fixed`"]
            .iter()
            .all(|name| named(&not_made, name))
    );
}
