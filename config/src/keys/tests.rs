//! The table, the schema's defaults and `reference.toml` say the same.

use std::fmt::Write;
use std::path::Path;

use toml::Value;

use super::{Default, Key, Section, sections};
use crate::schema::{Config, Service, ServiceKind};
use crate::{parse, verify};

/// Writes the file anew with COREMILL_REFERENCE_WRITE=1.
#[test]
fn the_reference_file_follows_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference.toml");
    let expected = reference();
    if std::env::var_os("COREMILL_REFERENCE_WRITE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "reference.toml is stale; rewrite it with COREMILL_REFERENCE_WRITE=1"
    );
}

#[test]
fn the_reference_file_gives_the_defaults() {
    let config = parse(
        &reference(),
        Path::new("reference.toml"),
        std::iter::empty(),
    )
    .unwrap();
    let expected = Config {
        ports: config.ports.clone(),
        routes: config.routes.clone(),
        services: config.services.clone(),
        ..Config::default()
    };
    assert_eq!(config, expected);
    assert_eq!(
        (
            config.ports.len(),
            config.routes.len(),
            config.services.len()
        ),
        (1, 1, 5)
    );
}

#[test]
fn a_repeated_section_without_optional_keys_gives_the_documented_defaults() {
    let full = parse(&reference(), Path::new("full"), std::iter::empty()).unwrap();
    let bare = r#"
        ports = [{ name = "tap0", device = "net_tap0,iface=cm0", addresses = ["192.0.2.2/24"] }]
        routes = [{ network = "0.0.0.0/0", gateway = "192.0.2.1", port = "tap0", source = "192.0.2.2" }]
        services = [
            { name = "echo", kind = "echo", listen = "0.0.0.0:7" },
            { name = "discard", kind = "discard", listen = "0.0.0.0:9" },
            { name = "chargen", kind = "chargen", listen = "0.0.0.0:19" },
            { name = "http", kind = "http", listen = "0.0.0.0:80" },
            { name = "rpc", kind = "rpc", target = "192.0.2.1:7" },
        ]"#;
    let bare = parse(bare, Path::new("bare"), std::iter::empty()).unwrap();
    assert_eq!(bare.services, full.services);
    assert_eq!(bare.ports, full.ports);
    assert_eq!(bare.routes[0].local, full.routes[0].local);
}

#[test]
fn every_default_and_example_is_allowed() {
    for section in sections() {
        for key in section.keys.iter().filter(|key| key.name != "kind") {
            let text = match key.default {
                Default::Is(text) | Default::Absent(_, text) | Default::Required(text) => text,
            };
            let value: Value = format!("x = {text}").parse::<toml::Table>().unwrap()["x"].clone();
            assert_eq!(
                verify::complaint(&key.allowed, &value),
                None,
                "{}.{}",
                section.name,
                key.name
            );
        }
    }
}

/// Each key that the schema's derived reader knows is in the table: reading an unknown key makes
/// serde list what it expects.
#[test]
fn every_schema_key_is_in_the_table() {
    for section in sections().filter(|section| section.kind.is_none()) {
        let body = if section.repeated {
            let required: String = section
                .keys
                .iter()
                .filter_map(|key| match key.default {
                    Default::Required(text) => Some(format!("{} = {text}\n", key.name)),
                    _ => None,
                })
                .collect();
            format!("[[{}]]\n{required}zzz = 1", section.name)
        } else {
            format!("[{}]\nzzz = 1", section.name)
        };
        let message = toml::from_str::<Config>(&body)
            .unwrap_err()
            .message()
            .to_owned();
        let (_, listed) = message
            .split_once("expected")
            .unwrap_or_else(|| panic!("{message}"));
        let mut schema: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
        let mut table: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
        schema.sort_unstable();
        table.sort_unstable();
        assert_eq!(schema, table, "[{}]", section.name);
    }
}

#[test]
fn every_kind_of_service_is_in_the_table() {
    let kinds: Vec<_> = sections().filter_map(|section| section.kind).collect();
    for service in parse(&reference(), Path::new("x"), std::iter::empty())
        .unwrap()
        .services
    {
        let Service { name, kind } = service;
        let word = match kind {
            ServiceKind::Echo { .. } => "echo",
            ServiceKind::Discard { .. } => "discard",
            ServiceKind::Chargen { .. } => "chargen",
            ServiceKind::Http { .. } => "http",
            ServiceKind::Rpc { .. } => "rpc",
        };
        assert_eq!(name, word);
        assert!(kinds.contains(&word));
    }
}

fn reference() -> String {
    let mut text = String::from(
        "# Every key of coremilld's configuration, with its default: copy what you change.\n\
         # Durations: 50us, 200ms, 30s, 2m, 1h. Sizes: 512B, 64KiB, 256MiB, 1GiB.\n\
         # Any key outside [[...]] can be set by the environment: COREMILL_TCP__TTL=32 sets tcp.ttl.\n",
    );
    for section in sections() {
        let (open, close) = if section.repeated {
            ("[[", "]]")
        } else {
            ("[", "]")
        };
        writeln!(text, "\n# {}\n{open}{}{close}", section.help, section.name).unwrap();
        for key in section.keys {
            describe(&mut text, section, key);
        }
    }
    text
}

fn describe(text: &mut String, section: &Section, key: &Key) {
    let (default, line) = match key.default {
        Default::Is(value) => (
            format!("default: {value}"),
            format!("{} = {value}", key.name),
        ),
        Default::Absent(meaning, example) => {
            let shown = if section.repeated && key.name != "mtu" {
                ""
            } else {
                "# "
            };
            (
                format!("default: {meaning}"),
                format!("{shown}{} = {example}", key.name),
            )
        }
        Default::Required(example) => {
            let example = match (section.kind, key.name) {
                (Some(kind), "name" | "kind") => format!("\"{kind}\""),
                (Some("discard"), "listen") => "\"0.0.0.0:9\"".into(),
                (Some("chargen"), "listen") => "\"0.0.0.0:19\"".into(),
                (Some("http"), "listen") => "\"0.0.0.0:80\"".into(),
                _ => example.to_owned(),
            };
            ("required".into(), format!("{} = {example}", key.name))
        }
    };
    writeln!(
        text,
        "# {}\n#   {}; {default}",
        key.help,
        key.allowed.describe()
    )
    .unwrap();
    writeln!(text, "{line}").unwrap();
}
