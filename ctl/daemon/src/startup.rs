//! From the command line to a running daemon, and down again.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use coremill_config::Config;
use coremill_engine::nic::Capabilities;
use coremill_engine::nic::dpdk::EalError;
use coremill_engine::{Engine, StartError};
use coremill_protocol::{Network, PortView};
use rustix::process::{Resource, getrlimit, setrlimit};
use sd_notify::NotifyState;

use crate::applications::{Applications, Options};
use crate::arguments::Arguments;
use crate::control_loop::{ControlLoop, Ends};
use crate::control_socket::ControlSocket;
use crate::failure::{Failure, system};
use crate::metrics::Endpoint;
use crate::signals::Signals;
use crate::stack::{Stack, Worker, mac_text};
use crate::{access, logging, translate};

/// Runs the daemon until it is told to stop.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = coremill_config::load(&arguments.config)?;
    arguments.override_config(&mut config);
    check_host(&config)?;
    let applications = Options::new(&config.applications, worker_count(&config))?;
    if arguments.check {
        let (ports, services) = (config.ports.len(), config.services.len());
        println!(
            "{}: right; ports: {ports}, services: {services}",
            arguments.config.display()
        );
        return Ok(());
    }
    logging::start(&config.log);
    raise_descriptors();
    let signals = Signals::new()?;
    // Before the engine: a second daemon must not touch the first one's devices.
    let socket = ControlSocket::bind(&config.control)?;
    let metrics = Endpoint::bind(&config.metrics)?;
    let options = translate::engine_options(&config)?;
    let engine = Engine::start(options).map_err(|error| engine_failure(&error))?;
    let stack = Arc::new(Stack {
        workers: engine
            .workers()
            .iter()
            .map(|worker| Arc::new(worker.clone()) as Arc<dyn Worker>)
            .collect(),
        ports: ports(&config, &engine),
        link_up: {
            let links = engine.links();
            Box::new(move |port| links.of(port).map(|link| link.up))
        },
        started: Instant::now(),
        metrics_address: metrics.as_ref().map(Endpoint::address),
        config_file: fs::canonicalize(&arguments.config)
            .unwrap_or_else(|_| arguments.config.clone()),
        applications: Arc::default(),
    });
    announce(&stack, &config);
    let metrics = metrics.map(|endpoint| endpoint.serving(&stack));
    let applications = Applications::new(applications, Arc::clone(&stack.applications))
        .map_err(system("making a doorbell"))?;
    let ends = Ends {
        socket,
        signals,
        metrics,
        applications,
    };
    let mut control = ControlLoop::new(&config, Arc::clone(&stack), ends)?;
    let ended = control.run(&|| engine.failure());
    if let Err(failure @ Failure::Worker(_)) = &ended {
        // What the others hold cannot be trusted any more, nor can they be waited for.
        tracing::error!("{failure}");
        std::process::exit(i32::from(failure.exit_code()));
    }
    engine.stop();
    // With it goes the lock: only now may another daemon have the devices.
    drop(control);
    tracing::info!("stopped");
    ended
}

/// What configuration checks cannot know: what there is on this host.
fn check_host(config: &Config) -> Result<(), Failure> {
    if let Some(group) = &config.control.group {
        access::group(group)?;
    }
    let cores = std::thread::available_parallelism().map_or(usize::MAX, std::num::NonZero::get);
    if let Some(core) = config
        .workers
        .cores
        .iter()
        .find(|core| **core >= cores && !core_exists(**core))
    {
        return Err(Failure::Host(format!(
            "workers.cores: there is no core {core} on this host; `lscpu --extended` lists those there are"
        )));
    }
    Ok(())
}

fn worker_count(config: &Config) -> usize {
    match config.workers.cores.len() {
        0 => config.workers.count.unwrap_or(1),
        pinned => pinned,
    }
}

/// Each attachment holds a doorbell per notifier: as many open files as this process may have.
fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused, the limit is as it was, and an attach that goes beyond it is refused with the reason.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn core_exists(core: usize) -> bool {
    fs::exists(format!("/sys/devices/system/cpu/cpu{core}")).unwrap_or(false)
}

fn announce(stack: &Stack, config: &Config) {
    for port in &stack.ports {
        let addresses: Vec<String> = port.addresses.iter().map(Network::to_string).collect();
        tracing::info!(
            driver = port.driver,
            mac = port.mac,
            mtu = port.mtu,
            "port {}: {}",
            port.name,
            addresses.join(", ")
        );
    }
    for service in &config.services {
        match service.kind.listen() {
            Some(listen) => tracing::info!("service {} listens on {listen}", service.name),
            None => tracing::info!("service {} runs", service.name),
        }
    }
    tracing::info!(
        workers = stack.workers.len(),
        "ready; control socket {}",
        config.control.socket.display()
    );
    let status = format!(
        "{} workers, {} ports",
        stack.workers.len(),
        stack.ports.len()
    );
    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

fn ports(config: &Config, engine: &Engine) -> Vec<PortView> {
    let view = |(index, port): (usize, &coremill_engine::nic::PortInformation)| PortView {
        name: port.name.clone(),
        driver: port.driver.clone(),
        mac: mac_text(port.mac),
        mtu: port.mtu,
        addresses: config.ports.get(index).map_or_else(Vec::new, |port| {
            let network = |own: &coremill_config::Network| Network {
                address: own.address,
                prefix_length: own.prefix_length,
            };
            port.addresses.iter().map(network).collect()
        }),
        link_up: Some(port.link.up),
        offloads: offloads(port.capabilities),
        receive_interrupts: port.receive_interrupts,
    };
    engine.ports().iter().enumerate().map(view).collect()
}

fn offloads(capabilities: Capabilities) -> Vec<String> {
    let words = [
        (capabilities.receive_ipv4_checksum, "rx-ipv4-checksum"),
        (capabilities.receive_tcp_checksum, "rx-tcp-checksum"),
        (capabilities.transmit_ipv4_checksum, "tx-ipv4-checksum"),
        (capabilities.transmit_tcp_checksum, "tx-tcp-checksum"),
        (
            capabilities.transmit_tcp_segmentation,
            "tx-tcp-segmentation",
        ),
        (capabilities.receive_steering, "rss"),
    ];
    words
        .into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, word)| word.into())
        .collect()
}

/// Sorts the engine's error by who can repair it.
fn engine_failure(error: &StartError) -> Failure {
    let text = error.to_string();
    match error {
        StartError::Eal(EalError::FilePrefixInUse { .. } | EalError::TapInterfaceExists { .. }) => {
            Failure::InUse(text)
        }
        StartError::Eal(
            EalError::NoTapDevice { .. }
            | EalError::TapDeviceDenied { .. }
            | EalError::MissingNetAdmin { .. }
            | EalError::NoHugePages
            | EalError::RuntimeDirectory { .. }
            | EalError::Device { .. }
            | EalError::Mtu { .. }
            | EalError::TooFewQueues { .. }
            | EalError::TapArgument { .. },
        )
        | StartError::Core(_) => Failure::Device(text),
        StartError::Workers(_) | StartError::Route { .. } | StartError::NoSource(_) => {
            Failure::Host(text)
        }
        _ => Failure::Engine(text),
    }
}
