//! Rings of applications are powers of two; their chunks have so many classes; each thread can be notified.

use crate::error::Problem;
use crate::load::Sources;
use crate::schema::Applications;

/// What does not fit together in `[applications]`.
pub fn applications(applications: &Applications, sources: &Sources, problems: &mut Vec<Problem>) {
    for (key, slots) in [
        ("applications.command_slots", applications.command_slots),
        ("applications.event_slots", applications.event_slots),
    ] {
        if !slots.is_power_of_two() {
            problems.push(sources.problem(
                key,
                slots,
                "not a power of two",
                "a power of two, such as 256",
            ));
        }
    }
    for (key, chunks) in [
        ("applications.receive_chunks", &applications.receive_chunks),
        ("applications.send_chunks", &applications.send_chunks),
    ] {
        if chunks.len() != CHUNK_CLASSES || chunks.iter().all(|count| *count == 0) {
            problems.push(sources.problem(
                key,
                format!("{chunks:?}"),
                "not a number for each class, or all of them 0",
                "three numbers: chunks of 256 B, of 2 KiB and of 16 KiB, such as [4096, 2048, 512]",
            ));
        }
    }
    if applications.notifiers <= applications.contexts {
        problems.push(sources.problem(
            "applications.notifiers",
            applications.notifiers,
            "not more than applications.contexts",
            "one for each context, and at least one more for pollers",
        ));
    }
}

/// 256 B, 2 KiB, 16 KiB.
const CHUNK_CLASSES: usize = 3;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::parse;

    #[test]
    fn sizes_of_applications_fit_together() {
        let check = |section: &str| {
            let port = "name = \"a\"\ndevice = \"ring-loopback\"\naddresses = [\"192.0.2.2/24\"]\n";
            let text = format!("[applications]\n{section}\n[[ports]]\n{port}");
            parse(&text, Path::new("cm.toml"), std::iter::empty())
                .map_err(|error| error.to_string())
        };
        let config = check("receive_chunks = [8, 0, 2]\nattachments_max = 0").unwrap();
        assert_eq!(config.applications.receive_chunks, [8, 0, 2]);
        for (section, expected) in [
            (
                "command_slots = 100",
                "command_slots = 100: not a power of two",
            ),
            ("event_slots = 4", "event_slots = 4: out of range"),
            (
                "send_chunks = [1, 2]",
                "send_chunks = [1, 2]: not a number for each class",
            ),
            ("receive_chunks = [0, 0, 0]", "receive_chunks = [0, 0, 0]"),
            ("send_chunks = [1, 2, -1]", "out of range"),
            (
                "contexts = 9\nnotifiers = 9",
                "notifiers = 9: not more than applications.contexts",
            ),
            ("context = 3", "did you mean `contexts`?"),
        ] {
            let message = check(section).unwrap_err();
            assert!(message.contains(expected), "{section}: {message}");
        }
    }
}
