//! `neighbors`: the tables of all workers, each read in slices.

use coremill_engine::command::Command;
use coremill_engine::snapshot::NeighborRow;
use coremill_protocol::{NeighborView, Reply};

use super::mismatch;
use crate::inquiry::{Step, Task};
use crate::stack::{Stack, mac_text};

/// The tables being read.
pub struct Neighbors {
    ports: Vec<String>,
    due: usize,
    rows: Vec<NeighborView>,
}

impl Neighbors {
    /// Nothing read yet.
    pub fn new(stack: &Stack) -> Self {
        Self {
            ports: stack.ports.iter().map(|port| port.name.clone()).collect(),
            due: 0,
            rows: Vec::new(),
        }
    }
}

impl Task for Neighbors {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        (0..workers).map(|worker| ask(worker, Some(0))).collect()
    }

    fn take(&mut self, worker: usize, answer: Command) -> Step {
        let Command::Neighbors { start, rows } = answer else {
            return Step::Done(mismatch());
        };
        for row in &rows {
            let view = view(worker, row, &self.ports);
            self.rows.push(view);
        }
        if start.is_some() && self.rows.len() < ROWS_MAX {
            return Step::Ask(vec![ask(worker, start)]);
        }
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return Step::Wait;
        }
        self.rows.sort_by_key(|row| (row.address, row.worker));
        Step::Done(
            Reply::Neighbors {
                neighbors: std::mem::take(&mut self.rows),
            }
            .into(),
        )
    }
}

fn ask(worker: usize, start: Option<usize>) -> (usize, Command) {
    (
        worker,
        Command::Neighbors {
            start,
            rows: Vec::with_capacity(SLICE_ROWS),
        },
    )
}

fn view(worker: usize, row: &NeighborRow, ports: &[String]) -> NeighborView {
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    NeighborView {
        worker,
        port: ports
            .get(row.port)
            .cloned()
            .unwrap_or_else(|| row.port.to_string()),
        address: row.address,
        mac: row.mac.map(mac_text),
        state: row.state.name().into(),
        confirmed_ms: row.confirmed.map(millis),
        pending: row.pending,
    }
}

/// Rows of one slice: a turn's work for a worker.
const SLICE_ROWS: usize = 256;
/// Rows of an answer; at about 150 bytes each they fit into the longest one.
const ROWS_MAX: usize = 16_384;
