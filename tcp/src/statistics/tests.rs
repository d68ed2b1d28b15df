//! Times and extremes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Extremes, Limit, OBJECTS, Statistics};
use crate::congestion::RateSample;
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
fn a_rate_that_the_user_held_back_counts_only_if_it_is_as_high_as_the_last() {
    let mut statistics = Statistics::new(Instant::from_millis(1_000));
    let mut delivered = |delivered, is_app_limited| {
        let sample = RateSample {
            delivered,
            interval_micros: 1_000_000,
            is_app_limited,
            ..RateSample::default()
        };
        statistics.delivered(1, Some(sample));
        statistics.rate.and_then(|rate| rate.bytes_per_second())
    };
    assert_eq!(delivered(500, true), Some(500), "better than nothing");
    assert_eq!(delivered(400, true), Some(500));
    assert_eq!(delivered(600, true), Some(600));
    assert_eq!(
        delivered(300, false),
        Some(300),
        "the path has become slower"
    );
    statistics.delivered(2, Some(RateSample::default()));
    assert_eq!(statistics.segments_delivered, 6);
    let rate = statistics.rate.and_then(|rate| rate.bytes_per_second());
    assert_eq!(rate, Some(300), "no interval, no rate");
}

#[test]
fn nothing_seen_is_zero_not_the_largest_number() {
    let mut extremes = Extremes::NONE;
    assert_eq!(extremes.smallest(), 0);
    extremes.see(7);
    extremes.see(5);
    assert_eq!((extremes.smallest(), extremes.most), (5, 7));
}
