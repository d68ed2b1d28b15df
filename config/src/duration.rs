//! Durations as people write them: a whole number and a unit, such as `200ms`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Reads `200ms`; units are ns, us, ms, s, m, h. None for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    match unit.trim_start() {
        "ns" => Some(Duration::from_nanos(number)),
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    }
}

/// Writes a duration so that `parse` reads the same value, in the largest unit that fits.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    for (unit, size) in UNITS {
        if nanos >= size && nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    format!("{nanos}ns")
}

/// For serde's `with`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not {FORM}")))
}

/// What a duration looks like.
pub const FORM: &str = "a whole number with unit ns, us, ms, s, m or h, such as \"200ms\"";

const UNITS: [(&str, u128); 5] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_alike() {
        for text in ["1ns", "50us", "200ms", "30s", "2m", "2h", "90s"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(parse("120s"), parse("2m"));
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in [
            "",
            "5",
            "ms",
            "-1s",
            "1.5s",
            "1d",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
