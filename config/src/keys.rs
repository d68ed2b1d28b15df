//! Every key there is, with type, range, default and one line of help: the table that checking,
//! messages and `reference.toml` follow.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::network::{self, Network};
use crate::{duration, size};

mod applications;
mod daemon;
mod engine;
mod fast_open_key;
mod service;
mod tcp;

pub use engine::is_pci;

/// A table of the file, such as `[tcp]` or `[[ports]]`.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// For services: the kind whose keys these are.
    pub kind: Option<&'static str>,
    /// Written `[[name]]`, any number of them.
    pub repeated: bool,
    /// One line of help.
    pub help: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// One key of a section.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub allowed: Allowed,
    /// What holds when it is not given.
    pub default: Default,
    /// One line of help.
    pub help: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Allowed {
    /// true or false.
    Flag,
    /// A whole number in a range (both ends included), in a unit.
    Integer(i64, i64, &'static str),
    /// A duration in a range, such as `200ms`.
    Time(Duration, Duration),
    /// A size in a range, such as `256MiB`.
    Size(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text of a form that the function knows.
    Text(&'static str, fn(&str) -> bool),
    /// A list of such values.
    List(&'static Allowed),
}

/// What holds when a key is not given.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// This value, as TOML.
    Is(&'static str),
    /// Nothing, which means this; with an example as TOML.
    Absent(&'static str, &'static str),
    /// It must be given; an example as TOML.
    Required(&'static str),
}

/// All sections, in the order of `reference.toml`.
pub fn sections() -> impl Iterator<Item = &'static Section> {
    let parts: [&'static [Section]; 5] = [
        engine::SECTIONS,
        tcp::SECTIONS,
        service::SECTIONS,
        applications::SECTIONS,
        daemon::SECTIONS,
    ];
    parts.into_iter().flatten()
}

impl Allowed {
    /// What is allowed, in words.
    pub fn describe(&self) -> String {
        match self {
            Allowed::Flag => "true or false".into(),
            Allowed::Integer(min, max, unit) => {
                format!("a whole number from {min} to {max}, {unit}")
            }
            Allowed::Time(min, max) => {
                let (min, max) = (duration::format(*min), duration::format(*max));
                format!("a duration from {min} to {max}: {}", duration::FORM)
            }
            Allowed::Size(min, max) => {
                let (min, max) = (size::format(*min), size::format(*max));
                format!("a size from {min} to {max}: {}", size::FORM)
            }
            Allowed::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                words.join(" or ")
            }
            Allowed::Text(form, _) => (*form).into(),
            Allowed::List(of) => format!("a list of: {}", of.describe()),
        }
    }
}

const fn key(name: &'static str, allowed: Allowed, default: Default, help: &'static str) -> Key {
    Key {
        name,
        allowed,
        default,
        help,
    }
}

const fn section(name: &'static str, help: &'static str, keys: &'static [Key]) -> Section {
    Section {
        name,
        kind: None,
        repeated: false,
        help,
        keys,
    }
}

/// The keys of a section that several files hold, one after the other; `COUNT` is how many they are together.
const fn joined<const COUNT: usize>(parts: &[&[Key]]) -> [Key; COUNT] {
    let mut keys = [parts[0][0]; COUNT];
    let (mut part, mut at, mut filled) = (0, 0, 0);
    while filled < COUNT {
        if at == parts[part].len() {
            (part, at) = (part + 1, 0);
        } else {
            keys[filled] = parts[part][at];
            (at, filled) = (at + 1, filled + 1);
        }
    }
    keys
}

const fn millis(min: u64, max: u64) -> Allowed {
    Allowed::Time(Duration::from_millis(min), Duration::from_millis(max))
}

const fn count(min: i64, max: i64, unit: &'static str) -> Allowed {
    Allowed::Integer(min, max, unit)
}

const NAME: Allowed = Allowed::Text("1 to 32 letters, digits, - or _", |text| {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=32).contains(&text.len()) && text.chars().all(fits)
});

const ADDRESS: Allowed = Allowed::Text("an IP address, such as \"192.0.2.1\"", |text| {
    text.parse::<IpAddr>().is_ok()
});

const SOCKET_ADDRESS: Allowed = Allowed::Text(
    "an IP address and a port above 0, such as \"192.0.2.1:80\"",
    |text| {
        text.parse::<SocketAddr>()
            .is_ok_and(|address| address.port() > 0)
    },
);

const NETWORK: Allowed = Allowed::Text(network::FORM, |text| text.parse::<Network>().is_ok());

const TEXT: Allowed = Allowed::Text("text that is not empty", |text| !text.is_empty());

const ABSOLUTE_PATH: Allowed = Allowed::Text("an absolute path of at most 100 bytes", |text| {
    text.starts_with('/') && text.len() <= 100
});

#[cfg(test)]
mod tests;
