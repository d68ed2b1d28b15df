//! A script's settings as the daemon's configuration.

use std::fmt::Write as _;
use std::time::Duration;

use coremill_tcp::Limits;
use coremill_tcp::congestion::{Algorithm, ByteCounting, CongestionSettings, Hystart, Validation};
use coremill_tcp::fast_open::FastOpenSettings;
use coremill_tcp::limits::MtuProbing;

use crate::settings::Settings;
use crate::verdict::Trouble;

/// The daemon's configuration in TOML: one worker on a tap, and every limit that a script can set.
///
/// # Errors
/// [`Trouble::Unsupported`] when the script sets what has no key.
pub fn toml(settings: &Settings) -> Result<String, Trouble> {
    let (local, mtu) = (settings.local, settings.mtu);
    let mut text = format!(
        "[[ports]]\nname = \"tap0\"\ndevice = \"net_tap0,iface={TAP}\"\naddresses = [\"{local}/24\"]\nmtu = {mtu}\n\n\
         [[routes]]\nnetwork = \"0.0.0.0/0\"\ngateway = \"{}\"\nport = \"tap0\"\n\n\
         [workers]\ncount = 1\nspin = \"10us\"\n\n[shutdown]\ndrain_timeout = \"100ms\"\n\n[tcp]\n",
        gateway(settings)
    );
    let rest = put(&mut text, &settings.limits);
    if format!("{rest:?}") != format!("{:?}", Limits::default()) {
        let what = "a setting that is no key of the daemon's configuration";
        return Err(Trouble::Unsupported(what.to_owned()));
    }
    Ok(text)
}

/// The router behind which all peers are.
pub fn gateway(settings: &Settings) -> std::net::Ipv4Addr {
    let [a, b, c, _] = settings.local.octets();
    std::net::Ipv4Addr::new(a, b, c, 254)
}

/// Writes limits of the first under their keys, and sets those of the second back to those of the third.
macro_rules! keys {
    ($text:ident, $limits:ident, $rest:ident, $standard:ident;
     $($($field:ident).+ as $key:literal in $unit:ident;)*) => {$(
        let _ = writeln!($text, "{} = {}", $key, $unit(&$limits.$($field).+));
        $rest.$($field).+ = $standard.$($field).+;
    )*};
}

/// Writes each limit under its key; gives the limits with those set back to their defaults.
fn put(text: &mut String, limits: &Limits) -> Limits {
    let mut rest = limits.clone();
    let standard = Limits::default();
    keys! { text, limits, rest, standard;
        connections_max as "connections_max" in plain;
        requests_max as "requests_max" in plain;
        time_wait_max as "time_wait_max" in plain;
        listeners_max as "listeners_max" in plain;
        orphans_max as "orphans_max" in plain;
        memory_bytes as "memory" in size;
        send_buffer_bytes as "send_buffer" in size;
        send_buffer_first_bytes as "send_buffer_first" in size;
        receive_buffer_bytes as "receive_buffer" in size;
        extensions_max as "extensions_max" in plain;
        keys_max as "keys_max" in plain;
        accepts_unknown_ao as "accept_unknown_ao" in plain;
        reassembly_ranges_max as "reassembly_ranges_max" in plain;
        send_records_max as "send_records_max" in plain;
        loss_detection as "loss_detection" in word;
        tail_loss_probe as "tail_loss_probe" in plain;
        spurious_timeout_detection as "spurious_timeout_detection" in plain;
        reordering as "reordering" in plain;
        reordering_max as "reordering_max" in plain;
        rto_min as "rto_min" in time;
        rto_initial as "rto_initial" in time;
        rto_max as "rto_max" in time;
        retries1 as "retries1" in plain;
        retries as "retries" in plain;
        orphan_retries as "orphan_retries" in plain;
        orphan_timeout as "orphan_timeout" in time;
        orphan_bytes_max as "orphan_memory" in size;
        delayed_ack as "delayed_ack" in time;
        fin_wait_2 as "fin_wait_2" in time;
        time_wait as "time_wait" in time;
        keepalive_idle as "keepalive_idle" in time;
        keepalive_interval as "keepalive_interval" in time;
        keepalive_count as "keepalive_count" in plain;
        congestion.initial_window_segments as "initial_window_segments" in plain;
        window_scaling as "window_scaling" in plain;
        timestamps as "timestamps" in plain;
        sack as "sack" in plain;
        abort_on_overflow as "abort_on_overflow" in plain;
        challenge_acks_per_second as "challenge_acks_per_second" in plain;
        destinations_max as "destinations_max" in plain;
        saves_metrics as "save_metrics" in plain;
        saves_threshold as "save_threshold" in plain;
        path_mtu_lifetime as "path_mtu_lifetime" in time;
        path_mtu_least as "path_mtu_least" in plain;
        duplicate_sack as "duplicate_sack" in plain;
        statistics as "statistics" in plain;
        unsent_low_water as "unsent_low_water" in low_water;
        standard_urgent_pointer as "standard_urgent_pointer" in plain;
        ttl as "ttl" in plain;
    }
    put_rest(text, limits, &mut rest);
    rest.congestion = standard.congestion;
    rest.opening.fast_open = standard.opening.fast_open;
    rest.ephemeral_ports = standard.ephemeral_ports;
    rest.mtu_probing = standard.mtu_probing;
    rest
}

/// Limits that have several keys, or a key of another shape.
fn put_rest(text: &mut String, limits: &Limits, rest: &mut Limits) {
    put_opening(text, limits, rest);
    put_ecn(text, limits, rest);
    put_congestion(text, &limits.congestion);
    put_fast_open(text, &limits.opening.fast_open);
    put_mtu_probing(text, &limits.mtu_probing);
    let (first, last) = limits.ephemeral_ports;
    let _ = writeln!(
        text,
        "ephemeral_port_first = {first}\nephemeral_port_last = {last}"
    );
}

fn put_opening(text: &mut String, limits: &Limits, rest: &mut Limits) {
    let standard = Limits::default();
    keys! { text, limits, rest, standard;
        syn_retries as "syn_retries" in plain;
        opening.syn_linear_timeouts as "syn_linear_timeouts" in plain;
        opening.syn_cookies as "syn_cookies" in word;
        opening.segment_bytes_min as "segment_min" in plain;
        opening.time_wait_reuse as "time_wait_reuse" in word;
        opening.time_wait_reuse_delay as "time_wait_reuse_delay" in time;
        opening.fast_open.blackhole_timeout as "fast_open_blackhole_timeout" in time;
        syn_ack_retries as "syn_ack_retries" in plain;
    }
}

fn put_ecn(text: &mut String, limits: &Limits, rest: &mut Limits) {
    let standard = Limits::default();
    (rest.ecn, rest.ecn_fallback) = (standard.ecn, standard.ecn_fallback);
    (rest.ecn_option, rest.ecn_option_beacon) = (standard.ecn_option, standard.ecn_option_beacon);
    let (mode, option) = (hyphened(&limits.ecn), hyphened(&limits.ecn_option));
    let (fallback, beacon) = (limits.ecn_fallback, limits.ecn_option_beacon);
    let _ = writeln!(
        text,
        "ecn = {mode}\necn_fallback = {fallback}\necn_option = {option}\necn_option_beacon = {beacon}"
    );
}

fn put_mtu_probing(text: &mut String, probing: &MtuProbing) {
    let (mode, interval) = (word(&probing.mode), time(&probing.interval));
    let (base, floor) = (probing.base_payload, probing.floor_payload);
    let threshold = probing.threshold_bytes;
    let _ = writeln!(
        text,
        "mtu_probing = {mode}\nbase_mss = {base}\nmtu_probe_floor = {floor}"
    );
    let _ = writeln!(
        text,
        "probe_threshold = {threshold}\nprobe_interval = {interval}"
    );
}

fn put_fast_open(text: &mut String, settings: &FastOpenSettings) {
    let keys = settings.keys.into_iter();
    let keys = keys.flat_map(|(present, previous)| std::iter::once(present).chain(previous));
    let keys: Vec<String> = keys.map(|key| format!("\"{}\"", key.text())).collect();
    let (bits, keys) = (settings.bits(), keys.join(", "));
    let _ = writeln!(text, "fast_open = {bits}\nfast_open_keys = [{keys}]");
}

fn put_congestion(text: &mut String, settings: &CongestionSettings) {
    let allowed: Vec<String> = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| settings.allows(*algorithm))
        .map(|algorithm| format!("\"{}\"", algorithm.name()))
        .collect();
    let byte_counting = match settings.byte_counting {
        ByteCounting::Unlimited => "unlimited",
        ByteCounting::Off => "off",
        ByteCounting::One => "one",
        ByteCounting::Two => "two",
    };
    let hystart = match settings.hystart {
        Hystart::Linux => "linux",
        Hystart::PlusPlus => "plusplus",
        Hystart::Off => "off",
    };
    let validation = match settings.validation {
        Validation::Linux => "linux",
        Validation::Rfc7661 => "rfc7661",
    };
    let _ = writeln!(
        text,
        "congestion = \"{}\"\ncongestion_allowed = [{}]\nbyte_counting = \"{byte_counting}\"\n\
         hystart = \"{hystart}\"\nwindow_validation = \"{validation}\"\nidle_restart = {}\npacing = {}",
        settings.algorithm.name(),
        allowed.join(", "),
        settings.idle_restart,
        settings.pacing
    );
}

fn plain(value: &impl ToString) -> String {
    value.to_string()
}

/// A choice is called in the configuration as in the code.
fn word(choice: &impl std::fmt::Debug) -> String {
    format!("\"{choice:?}\"").to_lowercase()
}

/// The same for choices of several words.
fn hyphened(choice: &impl std::fmt::Debug) -> String {
    let mut hyphened = String::new();
    for letter in format!("{choice:?}").chars() {
        if letter.is_uppercase() && !hyphened.is_empty() {
            hyphened.push('-');
        }
        hyphened.push(letter.to_ascii_lowercase());
    }
    format!("\"{hyphened}\"")
}

fn size(bytes: &usize) -> String {
    format!("\"{bytes}B\"")
}

/// No bound is the largest that the configuration knows.
fn low_water(bytes: &u32) -> String {
    match *bytes {
        u32::MAX => "\"4GiB\"".to_owned(),
        bytes => format!("\"{bytes}B\""),
    }
}

fn time(time: &Duration) -> String {
    format!("\"{}us\"", time.as_micros())
}

/// The kernel's end of the daemon's device.
pub const TAP: &str = "cm0";
