//! Starting and stopping: EAL and ports, one pinned thread per worker, and what a panic leaves behind.

mod error;
mod thread;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};

use crate::command::Command;
use crate::commands::route_of;
use crate::doorbell::Doorbell;
use crate::hand_over::Exchange;
use crate::handle::{Mailbox, WorkerHandle};
use crate::local_addresses::{LocalAddress, LocalAddresses};
use crate::nic::PortInformation;
use crate::nic::dpdk::{Eal, Links, Mbuf};
use crate::options::EngineOptions;
use crate::routes::Route;
use crate::steering::Steering;

pub use error::StartError;
use thread::{Failure, work};

/// A running engine. Dropping it stops it as [`Engine::stop`] does.
#[derive(Debug)]
pub struct Engine {
    workers: Vec<WorkerHandle>,
    threads: Vec<JoinHandle<()>>,
    ports: Vec<PortInformation>,
    links: Links,
    failure: Arc<Failure>,
}

impl Engine {
    /// Starts EAL, the ports and the workers; returns when every worker is ready for its loop.
    ///
    /// # Errors
    /// See [`StartError`]; whatever was started is stopped again.
    pub fn start(options: EngineOptions) -> Result<Engine, StartError> {
        let count = options.workers.len();
        if count == 0 || count > Steering::WORKERS_MAX {
            return Err(StartError::Workers(count));
        }
        if options.ports.is_empty() {
            return Err(StartError::NoPorts);
        }
        let routes = initial_routes(&options)?;
        let eal = Eal::start(&options.eal, &options.ports, count)?;
        let steering = Arc::new(Steering::new(&options.steering_key, count));
        let table = steering.table().map(u16::from);
        for port in 0..eal.ports() {
            eal.steer(port, &options.steering_key, &table)?;
        }
        let ports = (0..eal.ports())
            .filter_map(|port| eal.port_information(port))
            .collect();
        let mut engine = Engine {
            workers: Vec::with_capacity(count),
            threads: Vec::with_capacity(count),
            ports,
            links: eal.links(),
            failure: Arc::default(),
        };
        let doorbells: Result<Vec<_>, _> =
            (0..count).map(|_| Doorbell::new().map(Arc::new)).collect();
        let doorbells = doorbells.map_err(StartError::Descriptors)?;
        let shared = Arc::new(Shared {
            exchange: Arc::new(Exchange::new(&doorbells, options.stray_ring_length)),
            queued: options.services.iter().map(|_| Arc::default()).collect(),
            local: local_addresses(&options),
            failure: engine.failure.clone(),
            options,
            routes,
            steering,
            eal,
        });
        for (index, doorbell) in doorbells.into_iter().enumerate() {
            // An error drops the engine, which stops the workers that run already.
            engine.start_worker(index, doorbell, &shared)?;
        }
        Ok(engine)
    }

    /// The workers, in the order of the options.
    pub fn workers(&self) -> &[WorkerHandle] {
        &self.workers
    }

    /// The ports, in the order of the options; their link as it was at the start.
    pub fn ports(&self) -> &[PortInformation] {
        &self.ports
    }

    /// The ports' links as they are when asked for.
    pub fn links(&self) -> Links {
        self.links.clone()
    }

    /// What is known of a worker that panicked: worker, stage and packet. The process should abort.
    /// The `answers_fd` of that worker becomes readable when it happens.
    pub fn failure(&self) -> Option<String> {
        self.failure.text()
    }

    /// Stops every worker, waits for them, and closes the ports.
    pub fn stop(self) {}

    fn start_worker(
        &mut self,
        index: usize,
        doorbell: Arc<Doorbell>,
        shared: &Arc<Shared>,
    ) -> Result<(), StartError> {
        let mailbox = Arc::new(Mailbox::new(doorbell).map_err(StartError::Descriptors)?);
        let (ready, started) = channel();
        let shared = shared.clone();
        let thread = Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || work(index, &shared, mailbox, &ready))
            .map_err(StartError::Thread)?;
        self.threads.push(thread);
        match started.recv() {
            Ok(result) => self.workers.push(result?),
            Err(_gone) => return Err(StartError::Panicked(self.failure().unwrap_or_default())),
        }
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for worker in &self.workers {
            let mut command = Command::Stop;
            // A full queue empties as long as its answers are taken.
            while let Err(back) = worker.submit(command) {
                while worker.take_answer().is_some() {}
                if self.failure().is_some() {
                    break;
                }
                command = back;
                std::thread::yield_now();
            }
        }
        for thread in self.threads.drain(..) {
            // Answers that nobody took would keep the worker from its Stop.
            while !thread.is_finished() {
                for worker in &self.workers {
                    while worker.take_answer().is_some() {}
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            // A panic was caught and reported in the thread.
            let _reported = thread.join();
        }
    }
}

/// What the workers start from.
struct Shared {
    options: EngineOptions,
    routes: Vec<Route>,
    local: LocalAddresses,
    steering: Arc<Steering>,
    exchange: Arc<Exchange<Mbuf>>,
    /// Per service, connections that wait for accept over all workers.
    queued: Vec<Arc<AtomicUsize>>,
    failure: Arc<Failure>,
    eal: Eal,
}

/// All our addresses, in the order of the options.
fn local_addresses(options: &EngineOptions) -> LocalAddresses {
    let ports = options.ports.iter().enumerate();
    LocalAddresses::new(ports.flat_map(|(port, own)| {
        own.addresses
            .iter()
            .map(move |&(address, prefix_length)| LocalAddress {
                address,
                prefix_length,
                port,
            })
    }))
}

/// The networks of our own addresses, then the configured routes, which may replace them.
fn initial_routes(options: &EngineOptions) -> Result<Vec<Route>, StartError> {
    let local = local_addresses(options);
    let own = local.iter().map(|own| Route {
        network: own.address,
        prefix_length: own.prefix_length,
        gateway: None,
        port: own.port,
        source: own.address,
        local_through_port: false,
    });
    let mut routes: Vec<Route> = own.collect();
    for route in &options.routes {
        let source = route
            .source
            .or_else(|| local.first(route.port, route.network));
        let named = || format!("{}/{}", route.network, route.prefix_length);
        let source = source.ok_or_else(|| StartError::NoSource(named()))?;
        routes.push(route_of(route, source));
    }
    Ok(routes)
}
