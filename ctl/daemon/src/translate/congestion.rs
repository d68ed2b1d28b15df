//! Congestion control as the TCP machine names it.

use coremill_config::schema::{Algorithm, ByteCounting, Hystart, Tcp, WindowValidation};
use coremill_tcp::congestion as tcp;

/// The settings of each worker's shard.
pub fn settings(config: &Tcp) -> tcp::CongestionSettings {
    let mut settings = tcp::CongestionSettings {
        algorithm: algorithm(&config.congestion),
        initial_window_segments: config.initial_window_segments,
        blocks_max: config.congestion_blocks_max,
        byte_counting: match config.byte_counting {
            ByteCounting::Unlimited => tcp::ByteCounting::Unlimited,
            ByteCounting::Off => tcp::ByteCounting::Off,
            ByteCounting::One => tcp::ByteCounting::One,
            ByteCounting::Two => tcp::ByteCounting::Two,
        },
        hystart: match config.hystart {
            Hystart::Linux => tcp::Hystart::Linux,
            Hystart::Plusplus => tcp::Hystart::PlusPlus,
            Hystart::Off => tcp::Hystart::Off,
        },
        idle_restart: config.idle_restart,
        validation: match config.window_validation {
            WindowValidation::Linux => tcp::Validation::Linux,
            WindowValidation::Rfc7661 => tcp::Validation::Rfc7661,
        },
        pacing: config.pacing,
        ..tcp::CongestionSettings::default()
    };
    let allowed: Vec<_> = config.congestion_allowed.iter().map(algorithm).collect();
    settings.allow(&allowed);
    settings
}

fn algorithm(algorithm: &Algorithm) -> tcp::Algorithm {
    match algorithm {
        Algorithm::Cubic => tcp::Algorithm::Cubic,
        Algorithm::Newreno => tcp::Algorithm::NewReno,
        Algorithm::Bbr => tcp::Algorithm::Bbr,
        Algorithm::Dctcp => tcp::Algorithm::Dctcp,
    }
}
