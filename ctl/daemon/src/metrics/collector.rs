//! The collector: one pass over all workers' counters per scrape. No metric object is ever
//! touched by a worker.

use std::sync::{Arc, Mutex, PoisonError};

use coremill_engine::counters::EngineCounters;
use coremill_engine::drop_reason::DropReason;
use coremill_protocol::{AttachmentView, ListenerView, ServiceView};
use coremill_tcp::pool::Pool;
use coremill_tcp::{State, TcpCounters};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::applications;
use super::family::Family;
use super::tcp_names::metric_name;
use crate::stack::{Stack, Worker, connections_in};

/// Rows that workers had to be asked for, as of the last refresh.
#[derive(Debug, Default)]
pub struct Rows {
    /// Listeners per worker.
    pub listeners: Vec<ListenerView>,
    /// Services per worker.
    pub services: Vec<ServiceView>,
    /// Attached applications.
    pub applications: Vec<AttachmentView>,
}

/// Reads a stack.
pub struct StackCollector {
    stack: Arc<Stack>,
    rows: Arc<Mutex<Rows>>,
    /// Labels of workers, made once.
    names: Vec<String>,
}

impl StackCollector {
    /// A collector of `stack`, and of the `rows` somebody else keeps fresh.
    pub fn new(stack: Arc<Stack>, rows: Arc<Mutex<Rows>>) -> Self {
        let names = (0..stack.workers.len())
            .map(|index| index.to_string())
            .collect();
        Self { stack, rows, names }
    }

    fn workers(&self) -> impl Iterator<Item = (&str, &dyn Worker)> {
        self.names
            .iter()
            .map(String::as_str)
            .zip(self.stack.workers.iter().map(AsRef::as_ref))
    }

    fn per_worker(
        &self,
        mut family: Family,
        value: impl Fn(&dyn Worker) -> f64,
    ) -> Option<MetricFamily> {
        for (name, worker) in self.workers() {
            family.sample(&[("worker", name)], value(worker));
        }
        family.done()
    }

    fn engine(&self, families: &mut Vec<MetricFamily>) {
        const NANOSECOND: f64 = 1e-9;
        for (index, (name, help)) in EngineCounters::TABLE.iter().enumerate() {
            let (name, unit) = match name.strip_suffix("_nanoseconds") {
                Some(bare) => (format!("{bare}_seconds"), NANOSECOND),
                None => ((*name).to_owned(), 1.0),
            };
            let help = help.replace(", in nanoseconds", "");
            let family = Family::counter(&format!("coremill_{name}_total"), &help);
            families.extend(self.per_worker(family, |worker| {
                let values = worker.counters().engine.values();
                values.get(index).copied().unwrap_or(0) as f64 * unit
            }));
        }
        let uptime = self.stack.started.elapsed().as_nanos() as f64;
        let idle = Family::gauge(
            "coremill_idle_ratio",
            "Share of the time since start asleep or with nothing to do.",
        );
        families.extend(self.per_worker(idle, |worker| {
            let engine = &worker.counters().engine;
            let idle = engine
                .sleep_nanoseconds
                .get()
                .saturating_add(engine.idle_nanoseconds.get());
            (idle as f64 / uptime.max(1.0)).min(1.0)
        }));
        let mut turns = Family::histogram(
            "coremill_turn_duration_seconds",
            "Time of a busy turn of the worker's loop.",
        );
        for (name, worker) in self.workers() {
            turns.distribution(
                &[("worker", name)],
                &worker.counters().turn_nanoseconds,
                NANOSECOND,
            );
        }
        families.extend(turns.done());
    }

    fn drops(&self) -> Option<MetricFamily> {
        let mut family = Family::counter(
            "coremill_dropped_packets_total",
            "Packets not delivered, by reason.",
        );
        for (name, worker) in self.workers() {
            for reason in DropReason::all() {
                let value = worker.counters().drops.get(reason) as f64;
                family.sample(&[("worker", name), ("reason", reason.word())], value);
            }
        }
        family.done()
    }

    fn tcp(&self, families: &mut Vec<MetricFamily>) {
        for (index, (linux, help)) in TcpCounters::TABLE.iter().enumerate() {
            let help = format!("{help} Linux: {linux}.");
            let family = Family::counter(&metric_name(linux), &help);
            families.extend(self.per_worker(family, |worker| {
                worker
                    .tcp_counters()
                    .values()
                    .get(index)
                    .copied()
                    .unwrap_or(0) as f64
            }));
        }
        let mut states = Family::gauge(
            "coremill_tcp_connections",
            "Connections, half-open requests and TIME-WAIT records by state.",
        );
        for (name, worker) in self.workers() {
            for state in State::ALL {
                let count = connections_in(worker, state) as f64;
                states.sample(&[("worker", name), ("state", state.name())], count);
            }
        }
        families.extend(states.done());
        let held = Family::gauge(
            "coremill_tcp_memory_held_bytes",
            "Bytes of chunks that connections hold for what they received and are to send.",
        );
        families
            .extend(self.per_worker(held, |worker| worker.tcp_counters().held_bytes.get() as f64));
        families.extend(self.pools());
        const MICROSECOND: f64 = 1e-6;
        let mut round_trips = Family::histogram(
            "coremill_tcp_round_trip_seconds",
            "Measured round-trip times.",
        );
        let mut handshakes = Family::histogram(
            "coremill_tcp_handshake_seconds",
            "Time from SYN to the end of the handshake.",
        );
        for (name, worker) in self.workers() {
            let tcp = worker.tcp_counters();
            round_trips.distribution(&[("worker", name)], &tcp.round_trip_micros, MICROSECOND);
            handshakes.distribution(&[("worker", name)], &tcp.handshake_micros, MICROSECOND);
        }
        families.extend(
            [round_trips, handshakes]
                .into_iter()
                .filter_map(Family::done),
        );
    }

    fn pools(&self) -> Option<MetricFamily> {
        let mut family = Family::gauge(
            "coremill_tcp_pool_entries",
            "Entries of shared pools that connections and listeners hold, by pool.",
        );
        for (name, worker) in self.workers() {
            for (pool, count) in Pool::ALL
                .into_iter()
                .zip(&worker.tcp_counters().pool_entries)
            {
                family.sample(
                    &[("worker", name), ("pool", pool.word())],
                    count.get() as f64,
                );
            }
        }
        family.done()
    }

    fn listeners(&self, rows: &[ListenerView], families: &mut Vec<MetricFamily>) {
        let mut depth = Family::gauge(
            "coremill_listener_accept_queue",
            "Connections that wait to be accepted.",
        );
        let mut requests = Family::gauge("coremill_listener_requests", "Half-open connections.");
        let mut overflows = Family::counter(
            "coremill_listener_overflows_total",
            "Connections refused because the accept queue was full.",
        );
        for row in rows {
            let (worker, port) = (row.worker.to_string(), row.local.to_string());
            let labels = [("worker", worker.as_str()), ("port", port.as_str())];
            depth.sample(&labels, row.accept_queue as f64);
            requests.sample(&labels, row.requests as f64);
            overflows.sample(&labels, row.overflows as f64);
        }
        families.extend(
            [depth, requests, overflows]
                .into_iter()
                .filter_map(Family::done),
        );
    }

    fn services(&self, rows: &[ServiceView], families: &mut Vec<MetricFamily>) {
        type Reading = fn(&ServiceView) -> u64;
        let mut open = Family::gauge("coremill_service_connections", "Connections open now.");
        for row in rows {
            let worker = row.worker.to_string();
            open.sample(
                &[("worker", &worker), ("service", &row.name)],
                row.connections as f64,
            );
        }
        families.extend(open.done());
        let table: [(&str, &str, Reading); 6] = [
            (
                "connections_opened",
                "Connections accepted or opened.",
                |row| row.connections_total,
            ),
            ("errors", "Connections that ended with an error.", |row| {
                row.errors
            }),
            ("received_bytes", "Bytes received.", |row| {
                row.received_bytes
            }),
            ("sent_bytes", "Bytes sent.", |row| row.sent_bytes),
            ("requests", "Requests answered or completed.", |row| {
                row.requests
            }),
            (
                "mismatches",
                "Bytes that differed from the pattern.",
                |row| row.mismatches,
            ),
        ];
        for (name, help, reading) in table {
            let mut family = Family::counter(&format!("coremill_service_{name}_total"), help);
            for row in rows {
                let worker = row.worker.to_string();
                family.sample(
                    &[("worker", &worker), ("service", &row.name)],
                    reading(row) as f64,
                );
            }
            families.extend(family.done());
        }
    }
}

impl Collector for StackCollector {
    fn desc(&self) -> Vec<&Desc> {
        // Families are made at each scrape; the registry needs descriptions only to tell several
        // collectors apart, and there is one.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Vec::new();
        let mut build = Family::gauge(
            "coremill_build_info",
            "Always 1; the version is in the label.",
        );
        build.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        families.extend(build.done());
        let mut uptime = Family::gauge("coremill_uptime_seconds", "Time since the engine started.");
        uptime.sample(&[], self.stack.started.elapsed().as_secs_f64());
        families.extend(uptime.done());
        self.engine(&mut families);
        families.extend(self.drops());
        self.tcp(&mut families);
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        self.listeners(&rows.listeners, &mut families);
        self.services(&rows.services, &mut families);
        applications::families(&self.stack.applications, &rows.applications, &mut families);
        families
    }
}
