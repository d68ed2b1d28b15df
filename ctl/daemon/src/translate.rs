//! From configuration to the engine's options. The configuration was checked; what is checked
//! again here could only fail by a bug in those checks, and is then an error, not a panic.

mod congestion;

use coremill_config::schema::{
    self, Config, EalMemory as Memory, Ecn, Idle, Local, LossDetection as Detection, Port, Route,
    Service, ServiceKind as Kind,
};
use coremill_engine::options::{
    Device, EalMemory, EalOptions, EngineOptions, IdlePolicy, Listening, NeighborOptions,
    PortOptions, RouteOptions, ServiceKind, ServiceOptions, TurnOptions, WorkerOptions,
};
use coremill_tcp::ecn::{EcnMode, EcnOption};
use coremill_tcp::fast_open::{FastOpenKey, FastOpenSettings};
use coremill_tcp::limits::{
    Limits, LossDetection, MtuProbing, MtuProbingMode, OpeningLimits, Secrets, SynCookies,
    TimeWaitReuse,
};

use crate::failure::Failure;

/// The engine's options, with fresh secrets.
pub fn engine_options(config: &Config) -> Result<EngineOptions, Failure> {
    let routes: Result<Vec<_>, _> = config
        .routes
        .iter()
        .map(|route| self::route(config, route))
        .collect();
    Ok(EngineOptions {
        eal: eal(config),
        ports: config.ports.iter().map(port).collect(),
        workers: workers(config),
        routes: routes?,
        neighbors: neighbors(config),
        icmp_per_second: config.icmp.per_second,
        tcp: limits(config),
        secrets: Secrets {
            initial_sequence: random()?,
            timestamp_offset: random()?,
            ephemeral_port: random()?,
            table: random()?,
            syn_cookie: random()?,
            fast_open: random()?,
        },
        steering_key: random()?,
        services: config.services.iter().map(service).collect(),
        stray_ring_length: config.workers.stray_ring_length,
        turn: TurnOptions {
            receive_max: config.turn.receive_max,
            strays_max: config.turn.strays_max,
            timers_max: config.turn.timers_max,
            transmit_max: config.turn.transmit_max,
            events_max: config.turn.events_max,
            commands_max: config.turn.commands_max,
        },
    })
}

fn eal(config: &Config) -> EalOptions {
    let megabytes = u32::try_from(config.eal.memory_size >> 20).unwrap_or(u32::MAX);
    EalOptions {
        memory: match config.eal.memory {
            Memory::Ordinary => EalMemory::Ordinary { megabytes },
            Memory::HugeInMemory => EalMemory::HugeInMemory,
            Memory::Huge => EalMemory::Huge,
        },
        file_prefix: config.eal.file_prefix.clone(),
        runtime_directory: config.eal.runtime_directory.clone(),
        log_level: config.eal.log_level,
        extra_arguments: config.eal.extra_arguments.clone(),
        packets: config.eal.packets,
    }
}

fn port(port: &Port) -> PortOptions {
    PortOptions {
        name: port.name.clone(),
        device: match port.device.as_str() {
            "ring-loopback" => Device::RingLoopback,
            pci if coremill_config::is_pci(pci) => Device::Pci(pci.into()),
            other => Device::Virtual(other.into()),
        },
        addresses: port
            .addresses
            .iter()
            .map(|own| (own.address, own.prefix_length))
            .collect(),
        mtu: port.mtu,
        receive_descriptors: port.receive_descriptors,
        transmit_descriptors: port.transmit_descriptors,
        segmentation: port.segmentation,
    }
}

fn workers(config: &Config) -> Vec<WorkerOptions> {
    let workers = &config.workers;
    let idle = match workers.idle {
        Idle::Spin => IdlePolicy::Spin,
        Idle::Adaptive => IdlePolicy::Adaptive {
            spin: workers.spin,
            nap_max: workers.nap_max,
        },
    };
    if workers.cores.is_empty() {
        return vec![WorkerOptions { core: None, idle }; workers.count.unwrap_or(1)];
    }
    workers
        .cores
        .iter()
        .map(|core| WorkerOptions {
            core: Some(*core),
            idle,
        })
        .collect()
}

fn route(config: &Config, route: &Route) -> Result<RouteOptions, Failure> {
    let port = config.ports.iter().position(|port| port.name == route.port);
    Ok(RouteOptions {
        network: route.network.address,
        prefix_length: route.network.prefix_length,
        gateway: route.gateway,
        port: port.ok_or_else(|| {
            Failure::Host(format!(
                "route to {}: no port {}",
                route.network, route.port
            ))
        })?,
        source: route.source,
        local_through_port: route.local == Local::Port,
    })
}

fn neighbors(config: &Config) -> NeighborOptions {
    let neighbors = &config.neighbors;
    NeighborOptions {
        entries_max: neighbors.entries_max,
        pending_max: neighbors.pending_max,
        reachable: neighbors.reachable,
        delay: neighbors.delay,
        retry: neighbors.retry,
        probes_max: neighbors.probes_max,
        expiry: neighbors.expiry,
    }
}

fn ecn(ecn: Ecn) -> EcnMode {
    match ecn {
        Ecn::Off => EcnMode::Off,
        Ecn::Ask => EcnMode::Ask,
        Ecn::Answer => EcnMode::Answer,
        Ecn::AskAccurate => EcnMode::AskAccurate,
        Ecn::AnswerAccurateAsk => EcnMode::AnswerAccurateAsk,
        Ecn::AnswerAccurate => EcnMode::AnswerAccurate,
    }
}

fn ecn_option(option: coremill_config::schema::EcnOption) -> EcnOption {
    match option {
        coremill_config::schema::EcnOption::Never => EcnOption::Never,
        coremill_config::schema::EcnOption::Sparing => EcnOption::Sparing,
        coremill_config::schema::EcnOption::Always => EcnOption::Always,
        coremill_config::schema::EcnOption::Persistent => EcnOption::Persistent,
    }
}

fn mtu_probing(tcp: &schema::Tcp) -> MtuProbing {
    MtuProbing {
        mode: match tcp.mtu_probing {
            schema::MtuProbing::Off => MtuProbingMode::Off,
            schema::MtuProbing::BlackHole => MtuProbingMode::BlackHole,
            schema::MtuProbing::Always => MtuProbingMode::Always,
        },
        base_payload: tcp.base_mss,
        floor_payload: tcp.mtu_probe_floor,
        threshold_bytes: tcp.probe_threshold,
        interval: tcp.probe_interval,
    }
}

fn limits(config: &Config) -> Limits {
    let tcp = &config.tcp;
    Limits {
        connections_max: tcp.connections_max,
        requests_max: tcp.requests_max,
        time_wait_max: tcp.time_wait_max,
        listeners_max: tcp.listeners_max,
        orphans_max: tcp.orphans_max,
        memory_bytes: tcp.memory,
        send_buffer_bytes: tcp.send_buffer,
        send_buffer_first_bytes: tcp.send_buffer_first,
        receive_buffer_bytes: tcp.receive_buffer,
        unsent_low_water: u32::try_from(tcp.unsent_low_water).unwrap_or(u32::MAX),
        extensions_max: tcp.extensions_max,
        keys_max: tcp.keys_max,
        accepts_unknown_ao: tcp.accept_unknown_ao,
        reassembly_ranges_max: tcp.reassembly_ranges_max,
        send_records_max: tcp.send_records_max,
        loss_detection: match tcp.loss_detection {
            Detection::Rack => LossDetection::Rack,
            Detection::Rfc6675 => LossDetection::Rfc6675,
            Detection::Fack => LossDetection::Fack,
            Detection::Newreno => LossDetection::NewReno,
        },
        tail_loss_probe: tcp.tail_loss_probe,
        spurious_timeout_detection: tcp.spurious_timeout_detection,
        reordering: tcp.reordering,
        reordering_max: tcp.reordering_max,
        rto_min: tcp.rto_min,
        rto_initial: tcp.rto_initial,
        rto_max: tcp.rto_max,
        syn_retries: tcp.syn_retries,
        syn_ack_retries: tcp.syn_ack_retries,
        retries1: tcp.retries1,
        retries: tcp.retries,
        orphan_retries: tcp.orphan_retries,
        orphan_timeout: tcp.orphan_timeout,
        orphan_bytes_max: tcp.orphan_memory,
        delayed_ack: tcp.delayed_ack,
        fin_wait_2: tcp.fin_wait_2,
        time_wait: tcp.time_wait,
        keepalive_idle: tcp.keepalive_idle,
        keepalive_interval: tcp.keepalive_interval,
        keepalive_count: tcp.keepalive_count,
        opening: opening(tcp),
        congestion: congestion::settings(tcp),
        window_scaling: tcp.window_scaling,
        timestamps: tcp.timestamps,
        sack: tcp.sack,
        duplicate_sack: tcp.duplicate_sack,
        statistics: tcp.statistics,
        abort_on_overflow: tcp.abort_on_overflow,
        ephemeral_ports: (tcp.ephemeral_port_first, tcp.ephemeral_port_last),
        challenge_acks_per_second: tcp.challenge_acks_per_second,
        destinations_max: tcp.destinations_max,
        saves_metrics: tcp.save_metrics,
        saves_threshold: tcp.save_threshold,
        path_mtu_lifetime: tcp.path_mtu_lifetime,
        path_mtu_least: tcp.path_mtu_least,
        ecn: ecn(tcp.ecn),
        ecn_fallback: tcp.ecn_fallback,
        ecn_option: ecn_option(tcp.ecn_option),
        ecn_option_beacon: tcp.ecn_option_beacon,
        mtu_probing: mtu_probing(tcp),
        standard_urgent_pointer: tcp.standard_urgent_pointer,
        ttl: tcp.ttl,
    }
}

fn opening(tcp: &schema::Tcp) -> OpeningLimits {
    OpeningLimits {
        syn_linear_timeouts: tcp.syn_linear_timeouts,
        syn_cookies: match tcp.syn_cookies {
            schema::SynCookies::Off => SynCookies::Off,
            schema::SynCookies::Auto => SynCookies::Auto,
            schema::SynCookies::Always => SynCookies::Always,
        },
        segment_bytes_min: tcp.segment_min,
        time_wait_reuse: match tcp.time_wait_reuse {
            schema::TimeWaitReuse::Off => TimeWaitReuse::Off,
            schema::TimeWaitReuse::Loopback => TimeWaitReuse::Loopback,
            schema::TimeWaitReuse::On => TimeWaitReuse::On,
        },
        time_wait_reuse_delay: tcp.time_wait_reuse_delay,
        fast_open: fast_open(tcp),
    }
}

/// The check of the configuration has let only keys pass that can be parsed, and two of them at most.
fn fast_open(tcp: &schema::Tcp) -> FastOpenSettings {
    let mut keys = tcp
        .fast_open_keys
        .iter()
        .filter_map(|text| FastOpenKey::parse(text));
    let mut settings = FastOpenSettings::of_bits(tcp.fast_open);
    settings.keys = keys.next().map(|present| (present, keys.next()));
    settings.blackhole_timeout = tcp.fast_open_blackhole_timeout;
    settings
}

fn service(service: &Service) -> ServiceOptions {
    let listening =
        |listen: &std::net::SocketAddr, backlog: &usize, connections_max: &usize| Listening {
            address: *listen,
            backlog: *backlog,
            connections_max: *connections_max,
        };
    let kind = match &service.kind {
        Kind::Echo {
            listen,
            backlog,
            connections_max,
        } => ServiceKind::Echo(listening(listen, backlog, connections_max)),
        Kind::Discard {
            listen,
            backlog,
            connections_max,
            seed,
        } => ServiceKind::Discard {
            listening: listening(listen, backlog, connections_max),
            seed: *seed,
        },
        Kind::Chargen {
            listen,
            backlog,
            connections_max,
            seed,
            bytes,
        } => ServiceKind::Chargen {
            listening: listening(listen, backlog, connections_max),
            seed: *seed,
            bytes: *bytes as u64,
        },
        Kind::Http {
            listen,
            backlog,
            connections_max,
            body,
        } => ServiceKind::Http {
            listening: listening(listen, backlog, connections_max),
            body_bytes: *body,
        },
        Kind::Rpc {
            target,
            connections,
            request,
            requests,
        } => ServiceKind::Rpc {
            target: *target,
            connections: *connections,
            request_bytes: *request,
            requests: *requests,
        },
    };
    ServiceOptions {
        name: service.name.clone(),
        kind,
    }
}

/// Bytes from the system's random number generator.
fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = bytes.get_mut(filled..) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                return Err(Failure::System {
                    what: "asking for random numbers",
                    source: error.into(),
                });
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
