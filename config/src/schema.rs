//! The configuration as typed values. What each key means, its unit, default and range: `keys`.
#![allow(
    missing_docs,
    reason = "keys.rs documents each key once, for code, messages and file"
)]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::{Network, duration, size};

mod applications;
mod congestion;
mod defaults;
mod service;
mod tcp;

pub use applications::Applications;
pub use congestion::{Algorithm, ByteCounting, Hystart, WindowValidation};
pub use service::{Service, ServiceKind};
pub use tcp::{Ecn, EcnOption, LossDetection, MtuProbing, SynCookies, Tcp, TimeWaitReuse};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub eal: Eal,
    pub workers: Workers,
    pub turn: Turn,
    pub neighbors: Neighbors,
    pub icmp: Icmp,
    pub tcp: Tcp,
    pub control: Control,
    pub applications: Applications,
    pub metrics: Metrics,
    pub log: Log,
    pub shutdown: Shutdown,
    pub ports: Vec<Port>,
    pub routes: Vec<Route>,
    pub services: Vec<Service>,
}

/// `[eal]`: DPDK's environment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eal {
    pub memory: EalMemory,
    #[serde(with = "size")]
    pub memory_size: usize,
    pub file_prefix: String,
    pub runtime_directory: Option<PathBuf>,
    pub log_level: u8,
    pub extra_arguments: Vec<String>,
    pub packets: u32,
}

/// `eal.memory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EalMemory {
    Ordinary,
    HugeInMemory,
    Huge,
}

/// `[workers]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workers {
    pub count: Option<usize>,
    pub cores: Vec<usize>,
    pub idle: Idle,
    #[serde(with = "duration")]
    pub spin: Duration,
    #[serde(with = "duration")]
    pub nap_max: Duration,
    pub stray_ring_length: usize,
}

/// `workers.idle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idle {
    Spin,
    Adaptive,
}

/// `[turn]`: bounds of one turn of a worker.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    pub receive_max: usize,
    pub strays_max: usize,
    pub timers_max: usize,
    pub transmit_max: usize,
    pub events_max: usize,
    pub commands_max: usize,
}

/// `[neighbors]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Neighbors {
    pub entries_max: usize,
    pub pending_max: usize,
    #[serde(with = "duration")]
    pub reachable: Duration,
    #[serde(with = "duration")]
    pub delay: Duration,
    #[serde(with = "duration")]
    pub retry: Duration,
    pub probes_max: u32,
    #[serde(with = "duration")]
    pub expiry: Duration,
}

/// `[icmp]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Icmp {
    pub per_second: u32,
}

/// `[control]`: the operator's socket.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    pub socket: PathBuf,
    pub mode: String,
    pub group: Option<String>,
    pub allowed_uids: Vec<u32>,
    pub sessions_max: usize,
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    #[serde(with = "duration")]
    pub answer_timeout: Duration,
}

impl Control {
    /// `mode` as permission bits.
    pub fn mode_bits(&self) -> u32 {
        u32::from_str_radix(&self.mode, 8).unwrap_or(0o660)
    }
}

/// `[metrics]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    pub enabled: bool,
    pub address: SocketAddr,
    pub connections_max: usize,
    #[serde(with = "duration")]
    pub refresh: Duration,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
}

/// `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// `log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    Text,
}

/// `[shutdown]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    #[serde(with = "duration")]
    pub drain_timeout: Duration,
}

/// `[[ports]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    pub name: String,
    pub device: String,
    pub addresses: Vec<Network>,
    pub mtu: Option<u16>,
    #[serde(default = "defaults::descriptors")]
    pub receive_descriptors: u16,
    #[serde(default = "defaults::descriptors")]
    pub transmit_descriptors: u16,
    #[serde(default = "defaults::segmentation")]
    pub segmentation: bool,
}

/// `[[routes]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub network: Network,
    pub gateway: Option<IpAddr>,
    pub port: String,
    pub source: Option<IpAddr>,
    #[serde(default = "defaults::local")]
    pub local: Local,
}

/// `routes.local`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Local {
    Inside,
    Port,
}
