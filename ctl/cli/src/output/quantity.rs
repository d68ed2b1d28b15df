//! Numbers for people: thousands, times, bytes, missing values.

use std::fmt::Display;

/// A value, or a dash.
pub fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

/// Nanoseconds in a unit that leaves at most four digits before the point.
pub fn nanos(nanos: u64) -> String {
    scaled(
        nanos as f64,
        &[
            ("ns", 1_000.0),
            ("us", 1_000.0),
            ("ms", 1_000.0),
            ("s", f64::INFINITY),
        ],
    )
}

/// Bytes in binary units.
pub fn bytes(bytes: u64) -> String {
    let units = [
        ("B", 1_024.0),
        ("KiB", 1_024.0),
        ("MiB", 1_024.0),
        ("GiB", 1_024.0),
        ("TiB", f64::INFINITY),
    ];
    scaled(bytes as f64, &units)
}

/// Milliseconds as days, hours, minutes and seconds.
pub fn uptime(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{}.{} s", seconds, ms % 1_000 / 100),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h {minutes} min"),
    }
}

fn scaled(value: f64, units: &[(&str, f64)]) -> String {
    let mut value = value;
    for (place, (unit, step)) in units.iter().enumerate() {
        if value < *step {
            let digits = if place == 0 || value >= 100.0 { 0 } else { 1 };
            return format!("{value:.digits$} {unit}");
        }
        value /= step;
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_well() {
        assert_eq!(nanos(0), "0 ns");
        assert_eq!(nanos(1_500), "1.5 us");
        assert_eq!(nanos(250_000_000), "250 ms");
        assert_eq!(nanos(7_200_000_000_000), "7200 s");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1 << 20), "1.0 MiB");
        assert_eq!(uptime(1_250), "1.2 s");
        assert_eq!(uptime(65_000), "1 min 5 s");
        assert_eq!(uptime(90_000_000), "1 d 1 h 0 min");
        assert_eq!(or_dash(None::<u8>), "-");
    }
}
