//! One worker: what it owns. What it does with it is in `run` (the loop) and in the parts that the
//! loop calls: `receive`, `transmit`, `idle`, `commands`.

mod port_slot;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use coremill_tcp::{ChunkPool, Flow, Instant, Shard};

use crate::applications::{Applications, Turn};
use crate::arp;
use crate::clock::Clock;
use crate::counters::WorkerCounters;
use crate::hand_over::{Exchange, Origin};
use crate::handle::Mailbox;
use crate::idle::Idle;
use crate::ipv4::identification::Identification;
use crate::last_packet::LastPacket;
use crate::local_addresses::LocalAddresses;
use crate::neighbors::Neighbors;
use crate::nic::Port;
use crate::options::{IdlePolicy, NeighborOptions, TurnOptions};
use crate::paths::Paths;
use crate::rate_limit::TokenBucket;
use crate::routes::Routes;
use crate::run::Stage;
use crate::services::{Opening, Services};
use crate::steering::Steering;
pub(crate) use port_slot::PortSlot;

/// What a worker is made of; it shares with others only what is behind an `Arc`.
pub struct Parts<P: Port, C: Clock, R: Routes> {
    /// Which worker it is, from 0.
    pub index: usize,
    /// Its queue pair of each port.
    pub ports: Vec<P>,
    /// Its clock.
    pub clock: C,
    /// Its copy of the routes.
    pub routes: R,
    /// Our addresses.
    pub local: LocalAddresses,
    /// Its TCP.
    pub shard: Shard<ChunkPool>,
    /// Users of its TCP.
    pub services: Services<ChunkPool>,
    /// Who owns which flow.
    pub steering: Arc<Steering>,
    /// Rings between workers.
    pub exchange: Arc<Exchange<P::Buffer>>,
    /// Commands and answers.
    pub mailbox: Arc<Mailbox>,
    /// What it counts.
    pub counters: Arc<WorkerCounters>,
    /// Neighbour table.
    pub neighbors: NeighborOptions,
    /// ICMP messages sent per second, at most.
    pub icmp_per_second: u32,
    /// Time to live of what is sent other than by TCP.
    pub ttl: u8,
    /// Secret of its tables.
    pub key: [u8; 16],
    /// Bounds of a turn.
    pub turn: TurnOptions,
    /// What it does when there is nothing to do.
    pub idle: IdlePolicy,
}

/// One core's part of the stack.
pub struct Worker<P: Port, C: Clock, R: Routes> {
    pub(crate) index: usize,
    pub(crate) clock: C,
    /// The time of this turn.
    pub(crate) now: Instant,
    pub(crate) ports: Vec<PortSlot<P>>,
    pub(crate) routes: R,
    pub(crate) local: LocalAddresses,
    pub(crate) paths: Paths,
    pub(crate) neighbors: Neighbors<P::Buffer>,
    pub(crate) shard: Shard<ChunkPool>,
    pub(crate) services: Services<ChunkPool>,
    pub(crate) applications: Applications,
    pub(crate) steering: Arc<Steering>,
    pub(crate) exchange: Arc<Exchange<P::Buffer>>,
    /// Workers that were given something in this turn.
    pub(crate) to_ring: Vec<bool>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) counters: Arc<WorkerCounters>,
    pub(crate) identification: Identification,
    pub(crate) icmp_limit: TokenBucket,
    pub(crate) ttl: u8,
    pub(crate) turn: TurnOptions,
    pub(crate) idle: Idle,
    /// Received packets of one port.
    pub(crate) input: Vec<P::Buffer>,
    /// Packets to our own addresses.
    pub(crate) inside: VecDeque<(Origin, P::Buffer)>,
    /// Empty packets: those that were received, for the next ones to send, so that most need no way to the pool.
    pub(crate) spares: Vec<P::Buffer>,
    /// A large one, for segments that the port cuts.
    pub(crate) spare_large: Option<P::Buffer>,
    /// All ports cut segments: where one goes shows only when TCP has written it.
    pub(crate) cuts: bool,
    /// Index of the port with the largest MTU, whose packets hold any segment.
    pub(crate) widest_port: usize,
    pub(crate) stopping: bool,
    pub(crate) stage: Stage,
    pub(crate) last_packet: LastPacket,
}

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Puts the parts together; everything it will ever need is reserved here.
    pub fn new(parts: Parts<P, C, R>) -> Self {
        let turn = parts.turn;
        let macs: Vec<[u8; 6]> = parts.ports.iter().map(Port::mac).collect();
        let widest = (0..parts.ports.len()).max_by_key(|index| parts.ports[*index].mtu());
        let cuts = !parts.ports.is_empty()
            && (parts.ports.iter()).all(|port| port.capabilities().transmit_tcp_segmentation);
        let slot = |port: P| PortSlot::new(port, turn.transmit_max);
        let mut worker = Self {
            index: parts.index,
            now: parts.clock.now(),
            clock: parts.clock,
            paths: Paths::new(PATHS_MAX, &macs, parts.key),
            neighbors: Neighbors::new(parts.neighbors, &macs, parts.local.clone(), parts.key),
            ports: parts.ports.into_iter().map(slot).collect(),
            routes: parts.routes,
            local: parts.local,
            shard: parts.shard,
            services: parts.services,
            applications: Applications::new(),
            steering: parts.steering,
            to_ring: vec![false; parts.exchange.workers()],
            exchange: parts.exchange,
            mailbox: parts.mailbox,
            counters: parts.counters,
            identification: Identification::new(parts.key),
            icmp_limit: TokenBucket::new(parts.icmp_per_second),
            ttl: parts.ttl,
            input: Vec::with_capacity(turn.receive_max),
            inside: VecDeque::with_capacity(turn.transmit_max * OUTPUT_TURNS),
            turn,
            idle: Idle::new(parts.idle),
            spares: Vec::with_capacity(SPARES_MAX),
            spare_large: None,
            cuts,
            widest_port: widest.unwrap_or(0),
            stopping: false,
            stage: Stage::Start,
            last_packet: LastPacket::default(),
        };
        worker.routes_changed();
        worker
    }

    /// Tells each link where our addresses are (RFC 5227, section 3); the first worker does it for
    /// all.
    pub fn announce(&mut self) {
        if self.index != 0 {
            return;
        }
        for index in 0..self.local.iter().count() {
            let Some(own) = self.local.iter().nth(index).copied() else {
                continue;
            };
            let mac = self.ports.get(own.port).map(|slot| slot.mac);
            if let (IpAddr::V4(address), Some(mac)) = (own.address, mac) {
                self.send_arp(own.port, &arp::announcement(mac, address));
            }
        }
    }

    /// Where and with which packet it was last busy, for the report of a panic.
    pub fn whereabouts(&self) -> String {
        format!(
            "worker {}, stage {}, last packet {}",
            self.index,
            self.stage.word(),
            self.last_packet
        )
    }

    /// What its TCP holds now: connections, requests and TIME-WAIT records.
    pub fn live_records(&self) -> usize {
        self.shard.live_records()
    }

    /// What follows from the routes as they are now.
    pub(crate) fn routes_changed(&mut self) {
        for slot in &mut self.ports {
            slot.carries_own = false;
            slot.acquaintances.forget_all();
        }
        let ports = &mut self.ports;
        self.routes.rows(&mut |row| {
            if let Some(slot) = ports.get_mut(row.port)
                && row.local_through_port
            {
                slot.carries_own = true;
            }
        });
    }

    /// Carries out commands of applications.
    pub(crate) fn take_application_commands(&mut self) -> usize {
        self.with_applications(|applications, turn| applications.take_commands(turn))
    }

    /// Handles events of connections and goes on with what waits.
    pub(crate) fn run_services(&mut self) -> usize {
        let budget = self.turn.events_max;
        let ways = ways(
            self.index,
            &self.ports,
            &self.routes,
            &self.local,
            &self.steering,
        );
        let mut turn = Turn {
            now: self.now,
            shard: &mut self.shard,
            opening: &ways,
            to_ring: &mut self.to_ring,
        };
        // Busy connections never run out of events: what waits gets its half of the turn.
        let events_max = if self.services.has_work() {
            budget.div_ceil(2)
        } else {
            budget
        };
        let mut steps = 0;
        while steps < events_max {
            let Some(event) = turn.shard.next_event() else {
                break;
            };
            if Applications::is_concerned(&event) {
                self.applications.event(&event, &mut turn);
            } else {
                self.services.event(self.now, turn.shard, &event);
            }
            steps += 1;
        }
        let steps = self
            .services
            .proceed(self.now, turn.shard, &ways, (steps, budget));
        steps + self.applications.end_turn(&mut turn)
    }

    /// Does something for applications with what a turn lends them.
    pub(crate) fn with_applications<T>(
        &mut self,
        act: impl FnOnce(&mut Applications, &mut Turn<'_>) -> T,
    ) -> T {
        let ways = ways(
            self.index,
            &self.ports,
            &self.routes,
            &self.local,
            &self.steering,
        );
        let mut turn = Turn {
            now: self.now,
            shard: &mut self.shard,
            opening: &ways,
            to_ring: &mut self.to_ring,
        };
        act(&mut self.applications, &mut turn)
    }

    /// Runs what is due.
    pub(crate) fn run_timers(&mut self) -> usize {
        let ran = self.shard.advance(self.now, self.turn.timers_max);
        ran + self.neighbors.advance(self.now, self.turn.timers_max)
    }

    /// Gives a packet that leads nowhere back to its pool, and counts it.
    pub(crate) fn discard(&self, reason: impl Into<crate::drop_reason::DropReason>) {
        self.counters.drops.count(reason);
    }
}

fn ways<'a, P: Port, R: Routes>(
    index: usize,
    ports: &'a [PortSlot<P>],
    routes: &'a R,
    local: &'a LocalAddresses,
    steering: &'a Steering,
) -> Ways<'a, P, R> {
    Ways {
        index,
        ports,
        routes,
        local,
        steering,
    }
}

/// What an active open needs to know.
struct Ways<'a, P: Port, R: Routes> {
    index: usize,
    ports: &'a [PortSlot<P>],
    routes: &'a R,
    local: &'a LocalAddresses,
    steering: &'a Steering,
}

impl<P: Port, R: Routes> Opening for Ways<'_, P, R> {
    fn path(&self, remote: IpAddr) -> Option<(IpAddr, u16)> {
        let route = self.routes.lookup(remote);
        let (source, port) = match (self.local.port_of(remote), route) {
            (Some(_), Some(route)) if route.local_through_port => (remote, route.port),
            (Some(port), _) => (remote, port),
            (None, Some(route)) => (route.source, route.port),
            (None, None) => return None,
        };
        Some((source, self.ports.get(port)?.mtu))
    }

    fn comes_home(&self, flow: &Flow) -> bool {
        self.steering.owner_of(flow) == self.index
    }

    fn is_local(&self, address: IpAddr) -> bool {
        self.local.contains(address)
    }
}

/// How many turns' worth of pulled segments a port's queue holds, so that answers of other
/// layers find room beside them.
pub(crate) const OUTPUT_TURNS: usize = 4;
/// Empty packets kept: those of a burst.
const SPARES_MAX: usize = 32;
/// Destinations whose way is kept.
const PATHS_MAX: usize = 4_096;

#[cfg(test)]
pub(crate) mod tests;
