//! A daemon with some configuration at one end of a path, and an application of it; at the end nothing may be left.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};

use coremill_client::Stack;

use super::path::Path;
use crate::application::CONTROL;
use crate::configuration::{self, DAEMON};
use crate::control::Control;
use crate::daemon::{Daemon, wait_for};

/// It runs until [`World::end`].
pub struct World<'a> {
    /// Between both ends.
    pub path: &'a Path,
    /// Ours.
    pub daemon: Daemon,
    /// Our application.
    pub stack: Stack,
    services: usize,
    ports: AtomicU16,
}

impl<'a> World<'a> {
    /// Starts a daemon with `workers` workers and further lines of its section on TCP.
    pub fn start(path: &'a Path, workers: usize, tcp: &str) -> Self {
        let toml = configuration::toml(workers)
            .replace("[tcp]\n", &format!("[tcp]\n{tcp}\n"))
            .replace("time_wait = \"1s\"", "time_wait = \"100ms\"");
        Self::over(path, Daemon::start_with(&toml))
    }

    /// Around a daemon that runs.
    pub fn over(path: &'a Path, daemon: Daemon) -> Self {
        let services = Control::open().rows("listeners").len();
        let stack = Stack::attach(CONTROL).expect("attach");
        Self {
            path,
            daemon,
            stack,
            services,
            ports: AtomicU16::new(0),
        }
    }

    /// An address of ours that nobody has listened at for long.
    pub fn fresh_address(&self) -> SocketAddr {
        let number = self.ports.fetch_add(1, Ordering::Relaxed);
        let port = FIRST_PORT + number % PORTS;
        SocketAddr::new(DAEMON.parse().expect("an address"), port)
    }

    /// Waits until no record, byte or entry of a pool is left of any connection, then ends the daemon.
    pub fn end(self) {
        let Self {
            mut daemon,
            stack,
            services,
            ..
        } = self;
        let mut control = Control::open();
        wait_for("the last record to go", || {
            control.rows("sockets").is_empty()
        });
        drop(stack);
        control.wait_for_nothing(services);
        control.wait_for_no_entry();
        assert_eq!(daemon.counter("InCsumErrors"), 0, "checksums");
        drop(control);
        daemon.signal("TERM");
        let status = daemon.wait_for_end();
        assert!(status.success(), "coremilld: {status}");
    }
}

const FIRST_PORT: u16 = 10_000;
/// 2^14: the counter wraps around without a step.
const PORTS: u16 = 1 << 14;
