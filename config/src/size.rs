//! Sizes as people write them: a whole number and B, KiB, MiB or GiB.

use serde::{Deserialize, Deserializer, de};

/// Reads `256MiB` as bytes. None for anything else.
pub fn parse(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let shift = match unit.trim_start() {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// Writes a size so that `parse` reads the same value, in the largest unit that fits.
pub fn format(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes >> shift > 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

/// For serde's `with`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| de::Error::custom(format!("`{text}` is not {FORM}")))
}

/// What a size looks like.
pub const FORM: &str = "a whole number with unit B, KiB, MiB or GiB, such as \"256MiB\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_alike() {
        for text in ["1B", "64KiB", "256MiB", "3GiB", "1025B"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in ["", "5", "KiB", "-1B", "1.5MiB", "1MB", "99999999999GiB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
