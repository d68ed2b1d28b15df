//! Linux's settings by their names, as the shard's limits.

use std::str::FromStr;
use std::time::Duration;

use coremill_tcp::Limits;
use coremill_tcp::ecn::{EcnMode, EcnOption};
use coremill_tcp::fast_open::{FastOpenKey, FastOpenSettings};
use coremill_tcp::limits::{LossDetection, MtuProbingMode, SynCookies, TimeWaitReuse};

use super::congestion;
use crate::verdict::Trouble;

/// Sets `name` to `value`; true when the shard has a limit for it.
///
/// # Errors
/// [`Trouble::Unsupported`] when the value asks for what the machine lacks.
pub fn set(limits: &mut Limits, name: &str, value: &str) -> Result<bool, Trouble> {
    let unsupported = || Trouble::Unsupported(format!("sysctl {name}={value}"));
    let short = name.strip_prefix("net.ipv4.").unwrap_or(name);
    if sets_switch(limits, short, value)
        || sets_opening(limits, short, value)
        || sets_mtu_probing(limits, short, value)
        || is_without_effect(short, value)
    {
        return Ok(true);
    }
    match short {
        "tcp_syn_retries" => limits.syn_retries = number(value).ok_or_else(unsupported)?,
        "tcp_synack_retries" => limits.syn_ack_retries = number(value).ok_or_else(unsupported)?,
        "tcp_retries2" => limits.retries = number(value).ok_or_else(unsupported)?,
        "tcp_orphan_retries" => limits.orphan_retries = number(value).ok_or_else(unsupported)?,
        "tcp_fin_timeout" => limits.fin_wait_2 = seconds(value).ok_or_else(unsupported)?,
        "tcp_keepalive_time" => limits.keepalive_idle = seconds(value).ok_or_else(unsupported)?,
        "tcp_keepalive_intvl" => {
            limits.keepalive_interval = seconds(value).ok_or_else(unsupported)?;
        }
        "tcp_keepalive_probes" => limits.keepalive_count = number(value).ok_or_else(unsupported)?,
        "tcp_challenge_ack_limit" => {
            limits.challenge_acks_per_second = number(value).ok_or_else(unsupported)?;
        }
        "tcp_max_syn_backlog" => limits.requests_max = number(value).ok_or_else(unsupported)?,
        "tcp_max_tw_buckets" => limits.time_wait_max = number(value).ok_or_else(unsupported)?,
        "tcp_max_orphans" => limits.orphans_max = number(value).ok_or_else(unsupported)?,
        "route.mtu_expires" => limits.path_mtu_lifetime = seconds(value).ok_or_else(unsupported)?,
        "route.min_pmtu" => limits.path_mtu_least = number(value).ok_or_else(unsupported)?,
        "tcp_ecn" => {
            let mode = number(value).and_then(EcnMode::from_number);
            limits.ecn = mode.ok_or_else(unsupported)?;
        }
        "tcp_ecn_option" => {
            let policy = number(value).and_then(EcnOption::from_number);
            limits.ecn_option = policy.ok_or_else(unsupported)?;
        }
        "tcp_ecn_option_beacon" => {
            limits.ecn_option_beacon = number(value).ok_or_else(unsupported)?;
        }
        "ip_default_ttl" => limits.ttl = number(value).ok_or_else(unsupported)?,
        "coremill.memory" => limits.memory_bytes = number(value).ok_or_else(unsupported)?,
        "coremill.statistics" => {
            let on: u8 = number(value).ok_or_else(unsupported)?;
            limits.statistics = on != 0;
        }
        "coremill.reassembly_ranges" => {
            limits.reassembly_ranges_max = number(value).ok_or_else(unsupported)?;
        }
        "tcp_rmem" => limits.receive_buffer_bytes = last(value).ok_or_else(unsupported)?,
        "tcp_wmem" => {
            limits.send_buffer_bytes = last(value).ok_or_else(unsupported)?;
            if let Some(first) = second(value) {
                limits.send_buffer_first_bytes = first;
            }
        }
        "ip_local_port_range" => {
            limits.ephemeral_ports = ports(value).ok_or_else(unsupported)?;
        }
        _ => {
            return (sets_recovery(limits, short, value)
                || congestion::set(&mut limits.congestion, short, value))
            .then_some(true)
            .ok_or_else(unsupported);
        }
    }
    Ok(true)
}

/// A first and a last port.
fn ports(value: &str) -> Option<(u16, u16)> {
    let mut ports = value.split_whitespace().map(str::parse);
    match (ports.next(), ports.next()) {
        (Some(Ok(first)), Some(Ok(last))) if first <= last => Some((first, last)),
        _ => None,
    }
}

/// Settings of the retransmission timer, of loss recovery, and of what may wait unsent.
fn sets_recovery(limits: &mut Limits, name: &str, value: &str) -> bool {
    if let ("tcp_notsent_lowat", Some(bytes)) = (name, number(value)) {
        limits.unsent_low_water = bytes;
        return true;
    }
    if name == "coremill.loss_detection" {
        let mut all = LossDetection::ALL.into_iter();
        let named = all.find(|detection| detection.word() == value);
        limits.loss_detection = named.unwrap_or(limits.loss_detection);
        return named.is_some();
    }
    let Some(value) = number::<u32>(value) else {
        return false;
    };
    match name {
        "tcp_rto_min_us" => limits.rto_min = Duration::from_micros(value.into()),
        "tcp_rto_max_ms" => limits.rto_max = Duration::from_millis(value.into()),
        "tcp_retries1" => limits.retries1 = value,
        "tcp_reordering" => limits.reordering = u16::try_from(value).unwrap_or(u16::MAX),
        "tcp_max_reordering" => {
            limits.reordering_max = u16::try_from(value).unwrap_or(u16::MAX);
        }
        "tcp_early_retrans" => limits.tail_loss_probe = value >= 3,
        "tcp_frto" => limits.spurious_timeout_detection = value > 0,
        "tcp_recovery" => {
            limits.loss_detection = match value {
                0 => LossDetection::Rfc6675,
                1 => LossDetection::Rack,
                _ => return false,
            };
        }
        _ => return false,
    }
    true
}

/// Settings of SYNs and cookies.
fn sets_opening(limits: &mut Limits, name: &str, value: &str) -> bool {
    let opening = &mut limits.opening;
    match (name, value) {
        ("tcp_syncookies", "0") => opening.syn_cookies = SynCookies::Off,
        ("tcp_syncookies", "1") => opening.syn_cookies = SynCookies::Auto,
        ("tcp_syncookies", "2") => opening.syn_cookies = SynCookies::Always,
        ("tcp_tw_reuse", "0") => opening.time_wait_reuse = TimeWaitReuse::Off,
        ("tcp_tw_reuse", "1") => opening.time_wait_reuse = TimeWaitReuse::On,
        ("tcp_tw_reuse", "2") => opening.time_wait_reuse = TimeWaitReuse::Loopback,
        ("tcp_tw_reuse_delay", value) => match number(value) {
            Some(millis) => opening.time_wait_reuse_delay = Duration::from_millis(millis),
            None => return false,
        },
        ("tcp_syn_linear_timeouts", value) => match number(value) {
            Some(count) => opening.syn_linear_timeouts = count,
            None => return false,
        },
        ("tcp_min_snd_mss", value) => match number(value) {
            Some(bytes) => opening.segment_bytes_min = bytes,
            None => return false,
        },
        ("tcp_fastopen", value) => match number(value) {
            Some(bits) => {
                let keys = opening.fast_open.keys;
                let blackhole_timeout = opening.fast_open.blackhole_timeout;
                opening.fast_open = FastOpenSettings::of_bits(bits);
                opening.fast_open.keys = keys;
                opening.fast_open.blackhole_timeout = blackhole_timeout;
            }
            None => return false,
        },
        ("tcp_fastopen_key", value) => {
            let mut keys = value.split(',').map(FastOpenKey::parse);
            let Some(Some(present)) = keys.next() else {
                return false;
            };
            opening.fast_open.keys = Some((present, keys.next().flatten()));
        }
        ("tcp_fastopen_blackhole_timeout_sec", value) => match number(value) {
            Some(seconds) => {
                opening.fast_open.blackhole_timeout = Duration::from_secs(seconds);
            }
            None => return false,
        },
        _ => return false,
    }
    true
}

/// Settings of packetization layer path MTU discovery.
fn sets_mtu_probing(limits: &mut Limits, name: &str, value: &str) -> bool {
    let probing = &mut limits.mtu_probing;
    let Some(value) = number::<u16>(value) else {
        return false;
    };
    match name {
        "tcp_mtu_probing" => match MtuProbingMode::ALL.get(usize::from(value)) {
            Some(mode) => probing.mode = *mode,
            None => return false,
        },
        "tcp_base_mss" => probing.base_payload = value,
        "tcp_mtu_probe_floor" => probing.floor_payload = value,
        "tcp_probe_threshold" => probing.threshold_bytes = value,
        "tcp_probe_interval" => probing.interval = Duration::from_secs(value.into()),
        _ => return false,
    }
    true
}

/// Settings that are on or off.
fn sets_switch(limits: &mut Limits, name: &str, value: &str) -> bool {
    let is_refusal = name.starts_with("tcp_no_");
    let switch = match name {
        "tcp_no_metrics_save" => &mut limits.saves_metrics,
        "tcp_no_ssthresh_metrics_save" => &mut limits.saves_threshold,
        "tcp_timestamps" => &mut limits.timestamps,
        "tcp_sack" => &mut limits.sack,
        "tcp_dsack" => &mut limits.duplicate_sack,
        "tcp_window_scaling" => &mut limits.window_scaling,
        "tcp_ecn_fallback" => &mut limits.ecn_fallback,
        "tcp_stdurg" => &mut limits.standard_urgent_pointer,
        "tcp_abort_on_overflow" => &mut limits.abort_on_overflow,
        _ => return false,
    };
    match value {
        "0" => *switch = is_refusal,
        "1" | "2" => *switch = !is_refusal,
        _ => return false,
    }
    true
}

/// What asks for nothing else than the machine does anyway.
fn is_without_effect(name: &str, value: &str) -> bool {
    match name {
        "tcp_l3mdev_accept" | "tcp_low_latency" | "tcp_migrate_req" => value == "0",
        "tcp_moderate_rcvbuf" => value == "1",
        _ => false,
    }
}

fn number<T: FromStr>(value: &str) -> Option<T> {
    value.trim().parse().ok()
}

fn seconds(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_secs)
}

/// The last of several numbers: the largest size of a buffer.
fn second(value: &str) -> Option<usize> {
    value.split_whitespace().nth(1).and_then(number)
}

fn last(value: &str) -> Option<usize> {
    value.split_whitespace().last().and_then(number)
}
