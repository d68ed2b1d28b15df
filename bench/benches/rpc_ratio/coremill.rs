//! Coremill's side: one worker plays both ends, and every packet crosses a looped-back `net_ring`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use coremill_engine::Engine;
use coremill_engine::command::Command;
use coremill_engine::options::{
    Device, EalMemory, EalOptions, EngineOptions, IdlePolicy, Listening, NeighborOptions,
    PortOptions, RouteOptions, ServiceKind, ServiceOptions, TurnOptions, WorkerOptions,
};
use coremill_engine::snapshot::ServiceRow;
use coremill_tcp::limits::{Limits, Secrets};

use crate::{Measured, REQUEST_BYTES};

/// A running engine with `echo` and `rpc`.
pub struct Stack {
    engine: Engine,
}

impl Stack {
    /// Starts it and waits until the connections are at work.
    pub fn start(connections: usize) -> anyhow::Result<Self> {
        let engine = Engine::start(options(connections)).context("cannot start the engine")?;
        let stack = Self { engine };
        let patience = Instant::now() + Duration::from_secs(5);
        while stack.rpc()?.requests < 1_000 {
            anyhow::ensure!(
                Instant::now() < patience,
                "the rpc service makes no progress"
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(stack)
    }

    /// Lets it run for `duration`. Latencies are those since the start.
    pub fn measure(&self, duration: Duration) -> anyhow::Result<Measured> {
        let before = self.rpc()?;
        let started = Instant::now();
        thread::sleep(duration);
        let after = self.rpc()?;
        let seconds = started.elapsed().as_secs_f64();
        anyhow::ensure!(after.errors == 0, "{} connections failed", after.errors);
        Ok(Measured {
            requests_per_second: (after.requests - before.requests) as f64 / seconds,
            p50_nanoseconds: after.latency_p50_nanoseconds,
            p99_nanoseconds: after.latency_p99_nanoseconds,
        })
    }

    /// Stops it.
    pub fn stop(self) {
        self.engine.stop();
    }

    fn rpc(&self) -> anyhow::Result<ServiceRow> {
        let worker = self.engine.workers().first().context("no worker")?;
        let question = Command::Services {
            rows: Vec::with_capacity(8),
        };
        worker
            .submit(question)
            .map_err(|_| anyhow::anyhow!("the worker takes no command"))?;
        let patience = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(Command::Services { rows }) = worker.take_answer() {
                return rows
                    .into_iter()
                    .find(|row| row.kind == "rpc")
                    .context("no rpc service");
            }
            let failure = self.engine.failure().unwrap_or_else(|| "no answer".into());
            anyhow::ensure!(Instant::now() < patience, "worker 0: {failure}");
            thread::sleep(Duration::from_micros(100));
        }
    }
}

fn options(connections: usize) -> EngineOptions {
    let own = IpAddr::from(Ipv4Addr::new(10, 99, 0, 1));
    let echo = SocketAddr::new(own, 7);
    let listening = Listening {
        address: echo,
        backlog: 4_096,
        connections_max: 0,
    };
    let rpc = ServiceKind::Rpc {
        target: echo,
        connections,
        request_bytes: REQUEST_BYTES,
        requests: 0,
    };
    EngineOptions {
        eal: EalOptions {
            memory: EalMemory::Ordinary { megabytes: 256 },
            file_prefix: format!("coremill-bench-{}", std::process::id()),
            runtime_directory: None,
            log_level: 4,
            extra_arguments: Vec::new(),
            packets: 16_384,
        },
        ports: vec![PortOptions {
            name: "ring0".into(),
            device: Device::RingLoopback,
            addresses: vec![(own, 24)],
            mtu: None,
            receive_descriptors: 1_024,
            transmit_descriptors: 1_024,
            segmentation: true,
        }],
        workers: vec![WorkerOptions {
            core: None,
            idle: IdlePolicy::Spin,
        }],
        routes: vec![RouteOptions {
            network: Ipv4Addr::new(10, 99, 0, 0).into(),
            prefix_length: 24,
            gateway: None,
            port: 0,
            source: None,
            local_through_port: true,
        }],
        neighbors: NeighborOptions::default(),
        icmp_per_second: 1_000,
        tcp: Limits::default(),
        // A benchmark talks to itself: its keys guard nothing.
        secrets: Secrets {
            initial_sequence: [1; 16],
            timestamp_offset: [2; 16],
            ephemeral_port: [3; 16],
            table: [4; 16],
            syn_cookie: [5; 16],
            fast_open: [6; 16],
        },
        steering_key: [0x6d; 40],
        services: [("echo", ServiceKind::Echo(listening)), ("rpc", rpc)]
            .map(|(name, kind)| ServiceOptions {
                name: name.into(),
                kind,
            })
            .into(),
        stray_ring_length: 1_024,
        turn: TurnOptions::default(),
    }
}
