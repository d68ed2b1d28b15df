//! One worker plays 64-byte requests against its own echo service over a looped-back `net_ring`, so
//! that the whole stack is passed twice each way, and prints rate and latency.
//!
//! `rpc_over_ring [CONNECTIONS] [SECONDS] [REQUEST_BYTES]`, by default 1, 5 and 64.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coremill_engine::command::Command;
use coremill_engine::options::{
    Device, EalMemory, EalOptions, EngineOptions, IdlePolicy, Listening, NeighborOptions,
    PortOptions, RouteOptions, ServiceKind, ServiceOptions, TurnOptions, WorkerOptions,
};
use coremill_engine::snapshot::ServiceRow;
use coremill_engine::{Engine, WorkerHandle};
use coremill_tcp::limits::{Limits, Secrets};

fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<usize>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (Ok(connections), Ok(seconds), Ok(request_bytes)) = (next(1), next(5), next(64)) else {
        eprintln!("usage: rpc_over_ring [CONNECTIONS] [SECONDS] [REQUEST_BYTES]");
        return ExitCode::FAILURE;
    };
    let engine = match Engine::start(options(connections, request_bytes)) {
        Ok(engine) => engine,
        Err(error) => {
            eprintln!("rpc_over_ring: {error}");
            return ExitCode::FAILURE;
        }
    };
    let worker = &engine.workers()[0];
    std::thread::sleep(Duration::from_millis(500));
    let (first, began) = (rpc_row(worker), Instant::now());
    let turns = worker.counters().engine.busy_turns.get();
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let (last, elapsed) = (rpc_row(worker), began.elapsed().as_secs_f64());
    let turns = worker.counters().engine.busy_turns.get() - turns;
    let (Some(first), Some(last)) = (first, last) else {
        eprintln!(
            "rpc_over_ring: {}",
            engine.failure().unwrap_or("no answer".to_string())
        );
        return ExitCode::FAILURE;
    };
    let requests = last.requests - first.requests;
    println!(
        "connections={connections} bytes={request_bytes} requests={requests} rate={:.0}/s \
         p50_ns={} p99_ns={} errors={} mismatches={} busy_turns={turns}",
        requests as f64 / elapsed,
        last.latency_p50_nanoseconds,
        last.latency_p99_nanoseconds,
        last.errors,
        last.mismatches,
    );
    engine.stop();
    ExitCode::SUCCESS
}

/// The client's row as the worker shows it now.
fn rpc_row(worker: &WorkerHandle) -> Option<ServiceRow> {
    let rows = Vec::with_capacity(4);
    worker.submit(Command::Services { rows }).ok()?;
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline {
        if let Some(Command::Services { rows }) = worker.take_answer() {
            return rows.into_iter().find(|row| row.kind == "rpc");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

fn options(connections: usize, request_bytes: usize) -> EngineOptions {
    let own = Ipv4Addr::new(10, 99, 0, 1);
    let echo = SocketAddr::new(own.into(), 7);
    let service = |name: &str, kind| ServiceOptions {
        name: name.to_string(),
        kind,
    };
    EngineOptions {
        eal: EalOptions {
            memory: EalMemory::Ordinary { megabytes: 128 },
            file_prefix: format!("rpc{}", std::process::id()),
            runtime_directory: Some(std::env::temp_dir()),
            log_level: 4,
            extra_arguments: Vec::new(),
            packets: 8_191,
        },
        ports: vec![PortOptions {
            name: "ring0".to_string(),
            device: Device::RingLoopback,
            addresses: vec![(own.into(), 24)],
            mtu: Some(1_500),
            receive_descriptors: 1_024,
            transmit_descriptors: 1_024,
        }],
        workers: vec![WorkerOptions {
            core: None,
            idle: IdlePolicy::Spin,
        }],
        routes: vec![RouteOptions {
            network: own.into(),
            prefix_length: 32,
            gateway: None,
            port: 0,
            source: None,
            local_through_port: true,
        }],
        neighbors: NeighborOptions::default(),
        icmp_per_second: 100,
        tcp: Limits {
            memory_bytes: 64 << 20,
            ..Limits::default()
        },
        secrets: Secrets {
            initial_sequence: [1; 16],
            timestamp_offset: [2; 16],
            ephemeral_port: [3; 16],
            table: [4; 16],
        },
        steering_key: [9; 40],
        services: vec![
            service(
                "echo",
                ServiceKind::Echo(Listening {
                    address: echo,
                    backlog: 1_024,
                    connections_max: 0,
                }),
            ),
            service(
                "rpc",
                ServiceKind::Rpc {
                    target: echo,
                    connections,
                    request_bytes,
                    requests: 0,
                },
            ),
        ],
        stray_ring_length: 64,
        turn: TurnOptions::default(),
    }
}
