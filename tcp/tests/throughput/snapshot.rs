//! The file that holds what was measured last: one line for each figure, and under it why it is as it
//! is, where that has to be said. `COREMILL_WRITE=1` writes it anew and keeps the reasons.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A figure: what was measured, as its name, and how much it was.
#[derive(Clone, Debug)]
pub struct Figure {
    pub name: String,
    /// What is compared.
    pub value: f64,
    /// What a reader wants to see besides.
    pub beside: String,
    /// How far from the file's value it may be.
    pub tolerance: f64,
    /// Outside of this, the file has to say why.
    pub explained_outside: RangeInclusive<f64>,
}

/// Names, their values and reasons as they stand in the file.
#[derive(Debug, Default)]
pub struct Snapshot {
    entries: BTreeMap<String, (f64, Vec<String>)>,
}

impl Snapshot {
    pub fn read() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_default();
        Self::parse(&text)
    }

    pub fn parse(text: &str) -> Self {
        let mut snapshot = Self::default();
        let mut last = None;
        for line in text.lines() {
            if let Some(reason) = line.trim_start().strip_prefix("because ") {
                let entry = last
                    .as_ref()
                    .and_then(|name| snapshot.entries.get_mut(name));
                if let Some((_, reasons)) = entry {
                    reasons.push(reason.to_owned());
                }
            } else if !line.starts_with('#')
                && let Some((name, rest)) = line.split_once(" = ")
            {
                let value = rest.split_whitespace().next().unwrap_or_default();
                let value = value.trim_end_matches('%').parse().unwrap_or(f64::NAN);
                let name = name.trim().to_owned();
                snapshot.entries.insert(name.clone(), (value, Vec::new()));
                last = Some(name);
            }
        }
        snapshot
    }

    /// What is wrong with `figures`, a line each.
    pub fn differences(&self, figures: &[Figure]) -> Vec<String> {
        let mut wrong = Vec::new();
        for figure in figures {
            let Some((value, reasons)) = self.entries.get(&figure.name) else {
                wrong.push(format!("{}: not in the file", figure.name));
                continue;
            };
            // A value that is no number differs from each.
            let is_close = (value - figure.value).abs() <= figure.tolerance;
            if !is_close {
                wrong.push(format!(
                    "{}: now {} {}, {value} in the file",
                    figure.name,
                    rounded(figure.value),
                    figure.beside
                ));
            }
            if !figure.explained_outside.contains(&figure.value) && reasons.is_empty() {
                wrong.push(format!(
                    "{}: {} is outside of {:?} and nothing says why",
                    figure.name,
                    rounded(figure.value),
                    figure.explained_outside
                ));
            }
        }
        wrong
    }

    /// Writes `figures`, each with the reasons that it had and still needs.
    pub fn write(&self, figures: &[Figure]) {
        let mut text = HEAD.to_owned();
        for figure in figures {
            let value = rounded(figure.value);
            let line = format!("{} = {value} {}", figure.name, figure.beside);
            let _ = writeln!(text, "{}", line.trim_end());
            let is_odd = !figure.explained_outside.contains(&figure.value);
            let entry = self.entries.get(&figure.name).filter(|_| is_odd);
            for reason in entry.iter().flat_map(|(_, reasons)| reasons) {
                let _ = writeln!(text, "    because {reason}");
            }
        }
        std::fs::write(path(), text).expect("the repository can be written");
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/throughput/snapshot.txt")
}

const HEAD: &str = "\
# What bulk transfers reach on virtual time (tests/throughput). Written by COREMILL_WRITE=1; the reasons are kept.
# grid: algorithm, round trip, loss by chance, buffer of the bottleneck in round trips' worth = per cent of the limit,
# which is the link's rate or what the algorithm's response function allows (model.rs).
# threshold: the same over a link that marks what finds more waiting than so many round trips' worth (DCTCP's K).
# marks: the same over a link that marks so many packets by chance.
# fairness: Jain's index of flows with the same round trip. rtt: what a flow of the one round trip gets for each byte of
# one of the other, and what the algorithm's law allows. DCTCP's links mark above a seventh of the longest round trip.
";
