//! Services that run inside a worker, on the shard's verbs alone: for testing, for measuring the
//! run-to-completion path, and as its users until applications attach.
//!
//! `server` accepts and shares the turn out; what is done with a connection is in `echo`, `discard`,
//! `chargen` and `http`; `rpc` is a client. A cookie names service and slot.

pub mod chargen;
pub mod discard;
pub mod echo;
pub mod http;
pub mod pattern;
pub mod rpc;
mod server;
mod session;
mod statistics;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use coremill_tcp::error::ListenError;
use coremill_tcp::memory::Memory;
use coremill_tcp::shard::Shard;
use coremill_tcp::{ConnectionId, Event, Flow, Instant, ListenerId, Subject};

use crate::options::{Listening, ServiceKind, ServiceOptions};
use crate::snapshot::ServiceRow;
use server::{Serve, Server};

/// What an active open needs to know of routes and steering.
pub trait Opening {
    /// Source address towards `remote`, and the MTU of that way; None without a route.
    fn path(&self, remote: IpAddr) -> Option<(IpAddr, u16)>;

    /// Whether answers to this flow arrive at, or are handed to, this worker.
    fn comes_home(&self, flow: &Flow) -> bool;

    /// Whether an address is one of ours.
    fn is_local(&self, address: IpAddr) -> bool;
}

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
#[error("service {name}: {error}")]
pub struct ServiceError {
    name: String,
    error: ListenError,
}

/// All services of one worker.
#[derive(Debug)]
pub struct Services<M: Memory> {
    running: Vec<Box<dyn Running<M>>>,
    turns: usize,
}

impl<M: Memory + Debug> Services<M> {
    /// Opens the services' listeners on this shard. `queued` has one entry per service, shared by
    /// all workers; `connections_max` bounds each service that does not set a bound of its own.
    ///
    /// # Errors
    /// When a listener cannot be opened.
    pub fn start(
        now: Instant,
        shard: &mut Shard<M>,
        options: &[ServiceOptions],
        queued: &[Arc<AtomicUsize>],
        connections_max: usize,
    ) -> Result<Self, ServiceError> {
        let mut running = Vec::with_capacity(options.len());
        for ((index, service), queued) in (0u16..).zip(options).zip(queued) {
            let place = Place {
                now,
                index,
                queued: queued.clone(),
                connections_max,
            };
            let started = place.start(shard, service);
            let name = || service.name.clone();
            running.push(started.map_err(|error| ServiceError {
                name: name(),
                error,
            })?);
        }
        Ok(Self { running, turns: 0 })
    }

    /// Handles an event of the shard whose cookie is a service's.
    pub fn event(&mut self, now: Instant, shard: &mut Shard<M>, event: &Event) {
        let service = usize::from(Cookie(event.cookie).service());
        if let Some(running) = self.running.get_mut(service) {
            running.event(now, shard, event);
        }
    }

    /// Goes on with what waits, after `steps` of `budget` went into events; gives the number of all steps.
    pub fn proceed(
        &mut self,
        now: Instant,
        shard: &mut Shard<M>,
        opening: &dyn Opening,
        (mut steps, budget): (usize, usize),
    ) -> usize {
        // Another service goes first each turn, so that none lives on what the others leave.
        self.turns = self.turns.wrapping_add(1);
        let count = self.running.len();
        for offset in 0..count {
            let next = (self.turns + offset) % count;
            let share = budget.saturating_sub(steps).div_ceil(count - offset).max(1);
            steps += self.running[next].proceed(now, shard, opening, share);
        }
        steps
    }

    /// Whether a turn has something to do before any event or deadline.
    pub fn has_work(&self) -> bool {
        self.running.iter().any(|running| running.has_work())
    }

    /// When a client wants to try again.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.running
            .iter()
            .filter_map(|running| running.next_deadline())
            .min()
    }

    /// Closes listeners and stops clients; connections accepted before go on.
    pub fn drain(&mut self, now: Instant, shard: &mut Shard<M>) {
        for running in &mut self.running {
            running.drain(now, shard);
        }
    }

    /// Appends one row per service, as far as `rows` has room.
    pub fn rows(&self, rows: &mut Vec<ServiceRow>) {
        let room = rows.capacity() - rows.len();
        rows.extend(self.running.iter().take(room).map(|running| running.row()));
    }
}

/// A service that has started.
trait Running<M: Memory>: Debug + Send {
    /// An event of one of its connections or its listener.
    fn event(&mut self, now: Instant, shard: &mut Shard<M>, event: &Event);
    /// Accepts, opens, and goes on with connections that have more to do; gives the steps taken.
    fn proceed(
        &mut self,
        now: Instant,
        shard: &mut Shard<M>,
        opening: &dyn Opening,
        budget: usize,
    ) -> usize;
    /// Whether `proceed` has something to do.
    fn has_work(&self) -> bool;
    /// When `proceed` will have something to do.
    fn next_deadline(&self) -> Option<Instant>;
    /// No new connections.
    fn drain(&mut self, now: Instant, shard: &mut Shard<M>);
    /// What the operator sees.
    fn row(&self) -> ServiceRow;
}

/// Where a service starts.
struct Place {
    now: Instant,
    index: u16,
    queued: Arc<AtomicUsize>,
    connections_max: usize,
}

impl Place {
    fn start<M: Memory + Debug>(
        self,
        shard: &mut Shard<M>,
        service: &ServiceOptions,
    ) -> Result<Box<dyn Running<M>>, ListenError> {
        match &service.kind {
            ServiceKind::Echo(listening) => self.listen(shard, service, listening, echo::Echo),
            ServiceKind::Discard { listening, seed } => {
                self.listen(shard, service, listening, discard::Discard::new(*seed))
            }
            ServiceKind::Chargen {
                listening,
                seed,
                bytes,
            } => self.listen(
                shard,
                service,
                listening,
                chargen::Chargen::new(*seed, *bytes),
            ),
            ServiceKind::Http {
                listening,
                body_bytes,
            } => {
                let sessions = self.sessions(listening);
                self.listen(
                    shard,
                    service,
                    listening,
                    http::Http::new(*body_bytes, sessions),
                )
            }
            ServiceKind::Rpc {
                target,
                connections,
                request_bytes,
                requests,
            } => {
                let plan = rpc::Plan {
                    target: (*target).into(),
                    connections: *connections,
                    request_bytes: *request_bytes,
                    requests: *requests,
                };
                let name = service.name.clone();
                Ok(Box::new(rpc::Rpc::new(name, self.index, plan, self.now)))
            }
        }
    }

    fn listen<M: Memory + Debug, S: Serve + 'static>(
        self,
        shard: &mut Shard<M>,
        service: &ServiceOptions,
        listening: &Listening,
        serve: S,
    ) -> Result<Box<dyn Running<M>>, ListenError> {
        let sessions = self.sessions(listening);
        let name = service.name.clone();
        let server = Server::start(
            shard,
            name,
            self.index,
            listening,
            self.queued,
            serve,
            sessions,
        )?;
        Ok(Box::new(server))
    }

    fn sessions(&self, listening: &Listening) -> usize {
        match listening.connections_max {
            0 => self.connections_max,
            bound => bound.min(self.connections_max),
        }
    }
}

/// Names a service and a slot of it, or its listener, in the shard's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cookie(u64);

impl Cookie {
    fn listener(service: u16) -> Self {
        Self::slot_of(service, u32::MAX)
    }

    fn slot_of(service: u16, slot: u32) -> Self {
        Self((u64::from(service) << 32) | u64::from(slot))
    }

    fn service(self) -> u16 {
        (self.0 >> 32) as u16
    }

    fn slot(self) -> u32 {
        self.0 as u32
    }
}
