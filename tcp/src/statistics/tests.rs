//! Times and extremes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Extremes, Limit, OBJECTS, Statistics};
use crate::time::Instant;

#[test]
fn names_are_those_of_the_mib_and_each_is_there_once() {
    let names: BTreeSet<_> = OBJECTS.into_iter().collect();
    assert_eq!(names.len(), OBJECTS.len());
    for name in names {
        let groups = ["Perf", "Path", "Stack", "App", "Info"];
        assert!(groups.iter().any(|group| name.starts_with(group)), "{name}");
    }
}

#[test]
fn each_object_has_its_line_in_the_document() {
    let document = include_str!("../../STATISTICS.md");
    let (told, _) = document.split_once("## Not told").expect("both parts");
    let rows = told.lines().filter_map(|line| line.strip_prefix("| "));
    let names: Vec<_> = rows
        .filter_map(|row| row.split_once(" |"))
        .flat_map(|(names, _)| names.split(", "))
        .filter(|name| !matches!(*name, "object" | "---"))
        .collect();
    assert_eq!(names.len(), OBJECTS.len());
    for name in OBJECTS {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn time_goes_to_what_holds_the_sender_back() {
    let at = |millis| Instant::from_millis(1_000) + Duration::from_millis(millis);
    let mut statistics = Statistics::new(at(0));
    statistics.limited(at(10), Limit::Congestion);
    statistics.limited(at(15), Limit::Congestion);
    statistics.limited(at(30), Limit::Receiver);
    statistics.limited(at(31), Limit::Sender);
    assert_eq!(statistics.limit_micros(at(36)), [1_000, 20_000, 15_000]);
    assert_eq!(statistics.limit_changes, [1, 1, 1]);
}

#[test]
fn nothing_seen_is_zero_not_the_largest_number() {
    let mut extremes = Extremes::NONE;
    assert_eq!(extremes.smallest(), 0);
    extremes.see(7);
    extremes.see(5);
    assert_eq!((extremes.smallest(), extremes.most), (5, 7));
}
