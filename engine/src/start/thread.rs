//! A worker's thread: pinned, registered with EAL, and guarded, so that a panic leaves a report.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use coremill_tcp::{ChunkPool, Shard};

use super::{Shared, StartError};
use crate::affinity;
use crate::clock::{Clock, MonotonicClock};
use crate::handle::{Mailbox, WorkerHandle};
use crate::nic::Port;
use crate::nic::dpdk::{DpdkPort, Eal, FibRoutes, WorkerRegistration};
use crate::routes::{Route, Routes};
use crate::services::Services;
use crate::worker::{Parts, Worker};

/// The report of the first worker that panicked.
#[derive(Debug, Default)]
pub(super) struct Failure {
    text: Mutex<Option<String>>,
}

impl Failure {
    /// The report, if a worker panicked.
    pub(super) fn text(&self) -> Option<String> {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.clone()
    }

    fn report(&self, text: String) {
        let mut first = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(text);
    }
}

/// The top of a worker's thread.
pub(super) fn work(
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

#[cfg(test)]
mod tests;
