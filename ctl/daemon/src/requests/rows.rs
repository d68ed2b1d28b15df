//! `listeners` and `services`: every worker is asked, the rows come together.

use coremill_engine::command::Command;
use coremill_engine::snapshot::{ListenerRow, ServiceRow};
use coremill_protocol::{Answer, ListenerView, Reply, ServiceView};

use super::mismatch;
use super::sockets::socket_address;
use crate::inquiry::{Step, Task};

/// All listeners of all workers.
#[derive(Default)]
pub struct Listeners {
    due: usize,
    rows: Vec<ListenerView>,
}

/// All services of all workers.
#[derive(Default)]
pub struct Services {
    due: usize,
    rows: Vec<ServiceView>,
}

impl Task for Listeners {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        let command = |worker| {
            (
                worker,
                Command::Listeners {
                    rows: Vec::with_capacity(ROWS_MAX),
                },
            )
        };
        (0..workers).map(command).collect()
    }

    fn take(&mut self, worker: usize, answer: Command) -> Step {
        let Command::Listeners { rows } = answer else {
            return Step::Done(mismatch());
        };
        self.rows
            .extend(rows.iter().map(|row| listener(worker, row)));
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return Step::Wait;
        }
        self.rows.sort_by_key(|row| (row.local, row.worker));
        let listeners = std::mem::take(&mut self.rows);
        Step::Done(Answer::from(Reply::Listeners { listeners }))
    }
}

impl Task for Services {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        let command = |worker| {
            (
                worker,
                Command::Services {
                    rows: Vec::with_capacity(ROWS_MAX),
                },
            )
        };
        (0..workers).map(command).collect()
    }

    fn take(&mut self, worker: usize, answer: Command) -> Step {
        let Command::Services { rows } = answer else {
            return Step::Done(mismatch());
        };
        self.rows
            .extend(rows.into_iter().map(|row| service(worker, row)));
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return Step::Wait;
        }
        self.rows
            .sort_by(|one, two| (&one.name, one.worker).cmp(&(&two.name, two.worker)));
        let services = std::mem::take(&mut self.rows);
        Step::Done(Answer::from(Reply::Services { services }))
    }
}

fn listener(worker: usize, row: &ListenerRow) -> ListenerView {
    ListenerView {
        worker,
        local: socket_address(row.local),
        accept_queue: row.accept_queue,
        backlog: row.backlog,
        requests: row.requests,
        overflows: row.overflows,
    }
}

fn service(worker: usize, row: ServiceRow) -> ServiceView {
    ServiceView {
        worker,
        name: row.name,
        kind: row.kind.into(),
        address: row.address,
        connections: row.connections,
        connections_total: row.connections_total,
        errors: row.errors,
        received_bytes: row.received_bytes,
        sent_bytes: row.sent_bytes,
        requests: row.requests,
        mismatches: row.mismatches,
        latency_p50_ns: row.latency_p50_nanoseconds,
        latency_p99_ns: row.latency_p99_nanoseconds,
    }
}

/// Rows of one worker at most.
const ROWS_MAX: usize = 1_024;
