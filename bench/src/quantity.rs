//! Sizes and durations as people write them on a command line: `64KiB`, `256MiB`, `1500`, `5s`, `250ms`.

use std::time::Duration;

/// Parses a number of bytes: a whole number with an optional unit (KiB, MiB, GiB, kB, MB, GB).
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => {
            return Err(format!(
                "unknown unit `{unit}`: use KiB, MiB, GiB, kB, MB or GB"
            ));
        }
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("`{text}` is too large"))
}

/// Parses a duration above zero: a whole number with a unit (ms, s, m); seconds when it has none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let millis = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => return Err(format!("unknown unit `{unit}`: use ms, s or m")),
    };
    match millis {
        Some(0) => Err("must be above zero".to_owned()),
        Some(millis) if millis <= DURATION_MILLIS_MAX => Ok(Duration::from_millis(millis)),
        _ => Err(format!("`{text}` is longer than a day")),
    }
}

fn split(text: &str) -> Result<(u64, &str), String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let number = digits
        .parse()
        .map_err(|_| format!("`{text}` does not begin with a whole number"))?;
    Ok((number, unit.trim()))
}

const DURATION_MILLIS_MAX: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_with_and_without_units() {
        assert_eq!(bytes("1500"), Ok(1_500));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("256 MiB"), Ok(256 << 20));
        assert_eq!(bytes("2GB"), Ok(2_000_000_000));
        assert!(bytes("MiB").is_err());
        assert!(bytes("12parsecs").is_err());
        assert!(bytes("99999999999GiB").is_err());
        assert!(bytes("-1").is_err());
    }

    #[test]
    fn durations_with_and_without_units() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("0").is_err());
        assert!(duration("1h").is_err());
        assert!(duration("99999999m").is_err());
    }
}
