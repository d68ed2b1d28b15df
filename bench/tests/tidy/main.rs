//! Holds the repository to those of its rules of style that a machine can check; see STYLE.md.
//! Every rule is also tried on samples that break it, so that none is blind.

mod blanked;
mod client;
mod repository;
mod rules;
mod samples;

use coremill_engine::counters::EngineCounters;
use coremill_engine::drop_reason::DropReason;
use coremill_tcp::TcpCounters;

use repository::File;

#[test]
fn sources_follow_the_rules() {
    let files = repository::files();
    assert!(
        files.len() > 30,
        "only {} files found: looked in the wrong place?",
        files.len()
    );
    let broken: Vec<String> = files.iter().flat_map(rules::check).collect();
    assert!(
        broken.is_empty(),
        "{} broken rules:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

#[test]
fn what_the_client_offers_has_an_example_and_is_killed_at_each_step() {
    let files = repository::files();
    let items = client::items(&files);
    assert!(items.len() > 150, "only {} items found", items.len());
    let mut broken = client::without_example(&items);
    broken.extend(client::not_made(&items, &files));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_top_level_holds_the_known_rooms_only() {
    let known = [
        "dpdk-sys", "engine", "tcp", "ctl", "config", "deploy", "bench", "target", ".git", ".ci",
        ".cargo",
    ];
    let unknown: Vec<_> = repository::top_level_folders()
        .into_iter()
        .filter(|folder| !known.contains(&folder.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "{unknown:?}: say why in ARCHITECTURE.md and add it here"
    );
}

#[test]
fn plain_files_are_there_and_say_how_to_begin() {
    let text = |name: &str| {
        repository::read(name).unwrap_or_else(|| panic!("{name} is missing from the top level"))
    };
    assert!(text("LICENSE-MIT").contains("MIT License"));
    assert!(text("LICENSE-APACHE").contains("Apache License"));
    for name in [
        "ARCHITECTURE.md",
        "STYLE.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "Cargo.lock",
    ] {
        assert!(!text(name).trim().is_empty(), "{name} is empty");
    }
    let readme = text("README.md");
    for command in ["make demo", "make test"] {
        assert!(
            readme.contains(command),
            "README.md does not mention `{command}`"
        );
    }
    assert!(
        text(".ci/run").contains("make test"),
        ".ci/run does not call make test"
    );
}

#[test]
fn every_package_inherits_licence_edition_and_lints() {
    let manifests: Vec<File> = repository::files()
        .into_iter()
        // The fuzzer's package is outside of the workspace and inherits nothing.
        .filter(|file| file.path.ends_with("/Cargo.toml") && file.path != "tcp/fuzz/Cargo.toml")
        .collect();
    assert!(
        manifests.len() >= 8,
        "only {} manifests found",
        manifests.len()
    );
    for manifest in manifests {
        let broken = rules::check_manifest(&manifest);
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}

#[test]
fn packages_that_need_no_unsafe_code_forbid_it() {
    for root in [
        "tcp/src/lib.rs",
        "config/src/lib.rs",
        "tcp/script/src/lib.rs",
        "ctl/protocol/src/lib.rs",
        "ctl/client/src/lib.rs",
        "ctl/stand-in/src/lib.rs",
        "ctl/daemon/src/main.rs",
        "ctl/cli/src/main.rs",
        "bench/src/main.rs",
    ] {
        let text = repository::read(root).unwrap_or_default();
        assert!(
            text.contains("#![forbid(unsafe_code)]"),
            "{root} does not forbid unsafe code"
        );
    }
}

#[test]
fn drop_reasons_have_unique_words_and_help() {
    let reasons: Vec<_> = DropReason::all()
        .map(|reason| (reason.word(), reason.help()))
        .collect();
    assert!(reasons.len() > 40);
    assert_eq!(rules::check_words(&reasons), Vec::<String>::new());
}

#[test]
fn counters_have_unique_names_and_help() {
    for table in [EngineCounters::TABLE, TcpCounters::TABLE] {
        let names: std::collections::BTreeSet<_> = table.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), table.len(), "a counter's name is used twice");
        for (name, help) in table {
            assert!(help.ends_with('.'), "{name}: help `{help}` is no sentence");
        }
    }
}

#[test]
fn reference_configuration_explains_every_key() {
    let path = "config/reference.toml";
    let text = repository::read(path).unwrap_or_else(|| panic!("{path} is missing"));
    let broken = rules::check_reference(&text);
    assert!(
        broken.is_empty(),
        "{path}: keys without a comment above:\n{}",
        broken.join("\n")
    );
}
