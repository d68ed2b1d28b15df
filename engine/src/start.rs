//! Starting and stopping: EAL and ports, one pinned thread per worker, and what a panic leaves behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use coremill_tcp::{ChunkPool, Shard};

use crate::affinity;
use crate::clock::{Clock, MonotonicClock};
use crate::command::Command;
use crate::commands::route_of;
use crate::doorbell::Doorbell;
use crate::hand_over::Exchange;
use crate::handle::{Mailbox, WorkerHandle};
use crate::local_addresses::{LocalAddress, LocalAddresses};
use crate::nic::dpdk::{DpdkPort, Eal, EalError, FibRoutes, Mbuf, WorkerRegistration};
use crate::nic::{Port, PortInformation};
use crate::options::EngineOptions;
use crate::routes::{Route, RouteError, Routes};
use crate::services::{ServiceError, Services};
use crate::steering::Steering;
use crate::worker::{Parts, Worker};

/// A running engine. Dropping it stops it as [`Engine::stop`] does.
#[derive(Debug)]
pub struct Engine {
    workers: Vec<WorkerHandle>,
    threads: Vec<JoinHandle<()>>,
    ports: Vec<PortInformation>,
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

    /// What is known of a worker that panicked: worker, stage and packet. The process should abort.
    /// The `answers_fd` of that worker becomes readable when it happens.
    pub fn failure(&self) -> Option<String> {
        let text = self
            .failure
            .text
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        text.clone()
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

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Too few or too many workers.
    #[error("{0} workers are configured: name between 1 and {max} cores", max = Steering::WORKERS_MAX)]
    Workers(usize),
    /// The options name no port.
    #[error("no port is configured: name at least one")]
    NoPorts,
    /// DPDK or a port.
    #[error(transparent)]
    Eal(#[from] EalError),
    /// A route that cannot be.
    #[error("route to {network}: {error}")]
    Route {
        /// The destination network.
        network: String,
        /// What is wrong.
        error: RouteError,
    },
    /// A route without an address to send from.
    #[error("route to {0}: its port has no address of that family: configure one, or a source")]
    NoSource(String),
    /// Another owner still has a queue of the port.
    #[error("queue {worker} of port {port} is taken already")]
    Queue {
        /// Index of the port.
        port: usize,
        /// Index of the worker.
        worker: usize,
    },
    /// A worker cannot run on its core.
    #[error(transparent)]
    Core(#[from] affinity::CoreError),
    /// A service cannot listen.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// No descriptors left.
    #[error("no descriptor for a worker's doorbell ({0}): raise the limit of open files")]
    Descriptors(std::io::Error),
    /// No thread.
    #[error("a worker's thread could not be started ({0}): raise the limit of processes")]
    Thread(std::io::Error),
    /// A bug.
    #[error("a worker panicked while it started: {0}")]
    Panicked(String),
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

/// The report of the first worker that panicked.
#[derive(Debug, Default)]
struct Failure {
    text: Mutex<Option<String>>,
}

impl Failure {
    fn report(&self, text: String) {
        let mut first = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(text);
    }
}

/// The top of a worker's thread.
fn work(
    index: usize,
    shared: &Shared,
    mailbox: Arc<Mailbox>,
    ready: &Sender<Result<WorkerHandle, StartError>>,
) {
    let prepared = catch_unwind(AssertUnwindSafe(|| prepare(index, shared, &mailbox)));
    let (handle, mut worker, _registration) = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => {
            let _nobody_waits = ready.send(Err(error));
            return;
        }
        Err(panic) => {
            return shared
                .failure
                .report(format!("worker {index}: {}", cause(&*panic)));
        }
    };
    if ready.send(Ok(handle)).is_err() {
        return;
    }
    run_guarded(&mut worker, &shared.failure, &mailbox);
}

/// Runs a worker to its end; a panic becomes the report that `Engine::failure` gives.
fn run_guarded<P: Port, C: Clock, R: Routes>(
    worker: &mut Worker<P, C, R>,
    failure: &Failure,
    mailbox: &Mailbox,
) {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        worker.announce();
        worker.run();
    }));
    if let Err(panic) = ran {
        failure.report(format!("{}: {}", worker.whereabouts(), cause(&*panic)));
        mailbox.answered.write();
    }
}

type Prepared = (
    WorkerHandle,
    Worker<DpdkPort, MonotonicClock, FibRoutes>,
    WorkerRegistration,
);

/// Pins the thread and builds its worker there, so that its memory is near its core.
fn prepare(index: usize, shared: &Shared, mailbox: &Arc<Mailbox>) -> Result<Prepared, StartError> {
    let options = &shared.options;
    let own = options
        .workers
        .get(index)
        .ok_or(StartError::Workers(index))?;
    if let Some(core) = own.core {
        affinity::pin(core)?;
    }
    let registration = shared.eal.register_worker()?;
    let mut ports = Vec::with_capacity(options.ports.len());
    for port in 0..options.ports.len() {
        let queue = shared.eal.queue(port, index);
        ports.push(queue.ok_or(StartError::Queue {
            port,
            worker: index,
        })?);
    }
    let limits = options.tcp.clone();
    let pool = ChunkPool::new(limits.memory_bytes);
    let (connections_max, ttl) = (limits.connections_max, limits.ttl);
    let mut shard = Shard::new(limits, options.secrets.clone(), pool);
    let clock = MonotonicClock;
    let services = Services::start(
        clock.now(),
        &mut shard,
        &options.services,
        &shared.queued,
        connections_max,
    )?;
    let counters = Arc::default();
    let handle = WorkerHandle::new(
        own.core,
        Arc::clone(&counters),
        shard.counters(),
        mailbox.clone(),
    );
    let worker = Worker::new(Parts {
        index,
        ports,
        clock,
        routes: table_of(&shared.routes, &shared.eal)?,
        local: shared.local.clone(),
        shard,
        services,
        steering: shared.steering.clone(),
        exchange: shared.exchange.clone(),
        mailbox: mailbox.clone(),
        counters,
        neighbors: options.neighbors,
        icmp_per_second: options.icmp_per_second,
        ttl,
        key: options.secrets.table,
        turn: options.turn,
        idle: own.idle,
    });
    Ok((handle, worker, registration))
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

/// A worker's own table of `routes`.
fn table_of(routes: &[Route], eal: &Eal) -> Result<FibRoutes, StartError> {
    let mut table = FibRoutes::new(eal, ROUTES_MAX.max(routes.len() * 2))?;
    for route in routes {
        table.add(*route).map_err(|error| StartError::Route {
            network: format!("{}/{}", route.network, route.prefix_length),
            error,
        })?;
    }
    Ok(table)
}

fn cause(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a message")
}

/// Room for routes added while running.
const ROUTES_MAX: usize = 1_024;
