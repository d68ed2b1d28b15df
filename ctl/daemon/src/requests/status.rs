//! `status` and `workers`: from counters, read in place.

use coremill_protocol::{PoolCount, StateCount, StatusView, WorkerView};
use coremill_tcp::State;
use coremill_tcp::counters::Histogram;
use coremill_tcp::pool::Pool;

use crate::stack::{Stack, Worker, connections_in, dropped_packets};

/// The daemon as a whole.
pub fn status(stack: &Stack, draining: bool) -> StatusView {
    let sum = |count: fn(&dyn Worker) -> u64| {
        stack
            .workers
            .iter()
            .map(|worker| count(worker.as_ref()))
            .sum()
    };
    let connections = State::ALL.into_iter().map(|state| StateCount {
        state: state.name().into(),
        connections: stack.connections_in(state),
    });
    StatusView {
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        uptime_ms: u64::try_from(stack.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        phase: if draining { "draining" } else { "running" }.into(),
        workers: stack.workers.len(),
        ports: stack.ports.len(),
        connections: connections.filter(|count| count.connections > 0).collect(),
        received_packets: sum(|worker| worker.counters().engine.received_packets.get()),
        transmitted_packets: sum(|worker| worker.counters().engine.transmitted_packets.get()),
        dropped_packets: sum(dropped_packets),
        metrics_address: stack.metrics_address,
        config_file: stack.config_file.display().to_string(),
    }
}

/// What each worker does.
pub fn workers(stack: &Stack) -> Vec<WorkerView> {
    let uptime_ns = stack.started.elapsed().as_nanos() as f64;
    let percent = |nanos: u64| (nanos as f64 / uptime_ns.max(1.0) * 100.0).clamp(0.0, 100.0);
    let view = |(index, worker): (usize, &std::sync::Arc<dyn Worker>)| {
        let engine = &worker.counters().engine;
        WorkerView {
            worker: index,
            core: worker.core(),
            received_packets: engine.received_packets.get(),
            transmitted_packets: engine.transmitted_packets.get(),
            dropped_packets: dropped_packets(worker.as_ref()),
            strays_sent: engine.strays_sent.get(),
            strays_received: engine.strays_received.get(),
            connections: State::ALL
                .into_iter()
                .filter(|state| !matches!(state, State::Closed | State::Listen))
                .map(|state| connections_in(worker.as_ref(), state))
                .sum(),
            held_bytes: worker.tcp_counters().held_bytes.get(),
            pools: pools(worker.as_ref()),
            turns: engine.turns.get(),
            busy_turns: engine.busy_turns.get(),
            sleeps: engine.sleeps.get(),
            asleep_percent: percent(engine.sleep_nanoseconds.get()),
            idle_percent: percent(engine.idle_nanoseconds.get()),
            turn_p99_ns: quantile(&worker.counters().turn_nanoseconds, 0.99),
        }
    };
    stack.workers.iter().enumerate().map(view).collect()
}

fn pools(worker: &dyn Worker) -> Vec<PoolCount> {
    let counters = &worker.tcp_counters().pool_entries;
    let pools = Pool::ALL.into_iter().zip(counters);
    pools
        .map(|(pool, count)| PoolCount {
            pool: pool.word().into(),
            entries: count.get(),
        })
        .collect()
}

/// Upper bound of the bucket in which `share` of all values is reached; 0 without values.
fn quantile(histogram: &Histogram, share: f64) -> u64 {
    let counts = histogram.counts();
    let total: u64 = counts.iter().sum();
    let mut seen = 0;
    for (bucket, count) in counts.iter().enumerate() {
        seen += count;
        if seen > 0 && seen as f64 >= total as f64 * share {
            return Histogram::upper_bound(bucket);
        }
    }
    0
}
