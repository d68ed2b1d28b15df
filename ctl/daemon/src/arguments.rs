//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};
use coremill_config::Config;
use coremill_config::schema::LogLevel;

/// A TCP/IP stack beside the kernel, on DPDK.
#[derive(Debug, Parser)]
#[command(name = "coremilld", version, after_help = AFTER_HELP)]
pub struct Arguments {
    /// Configuration file
    #[arg(
        long,
        short,
        env = "COREMILL_CONFIG",
        default_value = "/etc/coremill/coremill.toml"
    )]
    pub config: PathBuf,
    /// Check the configuration, say what is wrong, and start nothing
    #[arg(long)]
    pub check: bool,
    /// Control socket, instead of control.socket
    #[arg(long, value_name = "PATH", value_parser = absolute)]
    pub socket: Option<PathBuf>,
    /// Address of the metrics endpoint, or `off`, instead of [metrics]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<MetricsAddress>,
    /// Least severe level that is logged, instead of log.level
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<Level>,
}

/// `--metrics`.
#[derive(Clone, Copy, Debug)]
pub enum MetricsAddress {
    /// No endpoint.
    Off,
    /// Listen here.
    At(SocketAddr),
}

/// `--log-level`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Level {
    /// Errors only.
    Error,
    /// And warnings.
    Warn,
    /// And what an operator wants to know.
    Info,
    /// And what a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl Arguments {
    /// Puts the command line's values over the file's.
    pub fn override_config(&self, config: &mut Config) {
        if let Some(socket) = &self.socket {
            config.control.socket.clone_from(socket);
        }
        match self.metrics {
            Some(MetricsAddress::Off) => config.metrics.enabled = false,
            Some(MetricsAddress::At(address)) => {
                config.metrics.enabled = true;
                config.metrics.address = address;
            }
            None => {}
        }
        if let Some(level) = self.log_level {
            config.log.level = match level {
                Level::Error => LogLevel::Error,
                Level::Warn => LogLevel::Warn,
                Level::Info => LogLevel::Info,
                Level::Debug => LogLevel::Debug,
                Level::Trace => LogLevel::Trace,
            };
        }
    }
}

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(MetricsAddress::Off);
        }
        let wrong = |_| "neither `off` nor an address and port such as 127.0.0.1:9178".to_owned();
        text.parse().map(MetricsAddress::At).map_err(wrong)
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    // A Unix socket's path has room for 107 bytes; the lock file beside it has a longer name.
    if text.starts_with('/') && text.len() <= 100 {
        Ok(text.into())
    } else {
        Err("must be an absolute path of at most 100 bytes".into())
    }
}

const AFTER_HELP: &str = "\
Every key of the file is described in reference.toml. Keys outside [[...]] can also be set by the
environment: COREMILL_TCP__TTL=32 sets tcp.ttl.

Signals:
  SIGTERM, SIGINT  close listeners, wait for open connections up to shutdown.drain_timeout, stop;
                   a second one stops at once
  SIGHUP           ignored: reloading is not supported yet, restart instead

Exit codes:
  0   stopped as asked; with --check: the configuration is right
  1   the system refused something unexpectedly
  2   wrong usage
  3   the configuration is wrong
  4   a privilege or a device is missing
  5   socket or address in use, or a second daemon
  6   the engine did not start
  70  a worker failed (a bug)";
