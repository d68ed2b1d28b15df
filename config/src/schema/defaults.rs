//! Values of keys that are not given. `config/reference.toml` says the same; a test compares.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{
    Control, Eal, EalMemory, Icmp, Idle, Local, Log, LogFormat, LogLevel, Metrics, Neighbors,
    Shutdown, Turn, Workers,
};

impl Default for Eal {
    fn default() -> Self {
        Self {
            memory: EalMemory::Ordinary,
            memory_size: 256 << 20,
            file_prefix: "coremill".into(),
            runtime_directory: None,
            log_level: 4,
            extra_arguments: Vec::new(),
            packets: 16_384,
        }
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            count: None,
            cores: Vec::new(),
            idle: Idle::Adaptive,
            spin: Duration::from_micros(50),
            nap_max: Duration::from_millis(1),
            stray_ring_length: 1_024,
        }
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            receive_max: 32,
            strays_max: 32,
            timers_max: 64,
            transmit_max: 64,
            events_max: 64,
            commands_max: 4,
        }
    }
}

impl Default for Neighbors {
    fn default() -> Self {
        Self {
            entries_max: 1_024,
            pending_max: 16,
            reachable: Duration::from_secs(30),
            delay: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            probes_max: 3,
            expiry: Duration::from_secs(60),
        }
    }
}

impl Default for Icmp {
    fn default() -> Self {
        Self { per_second: 1_000 }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/coremill/control.sock"),
            mode: "0660".into(),
            group: None,
            allowed_uids: Vec::new(),
            sessions_max: 16,
            idle_timeout: Duration::from_secs(300),
            answer_timeout: Duration::from_secs(2),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            enabled: true,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9_178)),
            connections_max: 16,
            refresh: Duration::from_secs(1),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Text,
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain_timeout: Duration::from_secs(30),
        }
    }
}

pub fn descriptors() -> u16 {
    512
}

pub fn segmentation() -> bool {
    true
}

pub fn local() -> Local {
    Local::Inside
}
