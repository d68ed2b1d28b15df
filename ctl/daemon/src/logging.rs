//! The log: text lines on standard error.

use std::io::IsTerminal;

use coremill_config::schema::{Log, LogLevel};
use tracing::level_filters::LevelFilter;

/// Starts logging as configured.
pub fn start(log: &Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // It fails only when a logger is set already, which then keeps logging.
    let _ = subscriber.try_init();
}
