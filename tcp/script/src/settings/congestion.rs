//! Settings of congestion control: Linux's names, one of Linux as it once was, and Coremill's own.

use coremill_tcp::congestion::{Algorithm, ByteCounting, CongestionSettings, Hystart, Validation};

/// Sets `name` to `value`; false when there is no such setting or value.
pub fn set(settings: &mut CongestionSettings, name: &str, value: &str) -> bool {
    match name {
        "tcp_congestion_control" => put(&mut settings.algorithm, value.parse().ok()),
        "tcp_allowed_congestion_control" => {
            let names: Result<Vec<Algorithm>, _> =
                value.split_whitespace().map(str::parse).collect();
            names.is_ok_and(|names| {
                settings.allow(&names);
                true
            })
        }
        "tcp_slow_start_after_idle" => put(&mut settings.idle_restart, switch(value)),
        "coremill.pacing" => put(&mut settings.pacing, switch(value)),
        // RFC 3465's L.
        "tcp_abc" => put(
            &mut settings.byte_counting,
            match value {
                "0" => Some(ByteCounting::Off),
                "1" => Some(ByteCounting::One),
                "2" => Some(ByteCounting::Two),
                _ => None,
            },
        ),
        "coremill.hystart" => put(
            &mut settings.hystart,
            match value {
                "linux" => Some(Hystart::Linux),
                "plusplus" => Some(Hystart::PlusPlus),
                "off" => Some(Hystart::Off),
                _ => None,
            },
        ),
        "coremill.window_validation" => put(
            &mut settings.validation,
            match value {
                "linux" => Some(Validation::Linux),
                "rfc7661" => Some(Validation::Rfc7661),
                _ => None,
            },
        ),
        _ => false,
    }
}

/// True when there is a value, which is in its place then.
fn put<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}
