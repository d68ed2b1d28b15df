//! `destinations`: what all workers remember, each read in slices; forgetting it; and keys of Fast Open cookies.

use std::net::IpAddr;
use std::time::Duration;

use coremill_engine::command::Command;
use coremill_engine::snapshot::DestinationRow;
use coremill_protocol::{DestinationView, ErrorBody, ErrorKind, Reply};
use coremill_tcp::fast_open::FastOpenKey;

use super::mismatch;
use crate::inquiry::{Step, Task};

/// The memories being read.
#[derive(Default)]
pub struct List {
    due: usize,
    rows: Vec<DestinationView>,
}

/// A destination, or all, being forgotten.
pub struct Forget {
    address: Option<IpAddr>,
    due: usize,
    forgotten: usize,
}

/// Keys on their way to the workers.
pub struct Keys {
    present: FastOpenKey,
    previous: Option<FastOpenKey>,
    due: usize,
}

impl Task for List {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        (0..workers).map(|worker| ask(worker, Some(0))).collect()
    }

    fn take(&mut self, worker: usize, answer: Command) -> Step {
        let Command::Destinations { start, rows } = answer else {
            return Step::Done(mismatch());
        };
        self.rows.extend(rows.iter().map(|row| view(worker, row)));
        if start.is_some() && self.rows.len() < ROWS_MAX {
            return Step::Ask(vec![ask(worker, start)]);
        }
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return Step::Wait;
        }
        self.rows.sort_by_key(|row| (row.address, row.worker));
        let destinations = std::mem::take(&mut self.rows);
        Step::Done(Reply::Destinations { destinations }.into())
    }
}

impl Forget {
    /// Nothing forgotten yet.
    pub fn new(address: Option<IpAddr>) -> Self {
        Self {
            address,
            due: 0,
            forgotten: 0,
        }
    }
}

impl Task for Forget {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        let command = |worker| {
            let (address, forgotten) = (self.address, 0);
            (worker, Command::ForgetDestinations { address, forgotten })
        };
        (0..workers).map(command).collect()
    }

    fn take(&mut self, _worker: usize, answer: Command) -> Step {
        let Command::ForgetDestinations { forgotten, .. } = answer else {
            return Step::Done(mismatch());
        };
        self.forgotten += forgotten;
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return Step::Wait;
        }
        let forgotten = self.forgotten;
        Step::Done(Reply::DestinationsForget { forgotten }.into())
    }
}

impl Keys {
    /// The keys that a request names.
    pub fn new(present: &str, previous: Option<&str>) -> Result<Self, ErrorBody> {
        let parse = |text: &str| {
            FastOpenKey::parse(text).ok_or_else(|| {
                let message =
                    "a key is four groups of eight hexadecimal digits with hyphens between";
                ErrorBody::new(ErrorKind::Invalid, message)
            })
        };
        Ok(Self {
            present: parse(present)?,
            previous: previous.map(parse).transpose()?,
            due: 0,
        })
    }
}

impl Task for Keys {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        let (present, previous) = (self.present, self.previous);
        let command = |worker| (worker, Command::FastOpenKeys { present, previous });
        (0..workers).map(command).collect()
    }

    fn take(&mut self, _worker: usize, answer: Command) -> Step {
        let Command::FastOpenKeys { .. } = answer else {
            return Step::Done(mismatch());
        };
        self.due = self.due.saturating_sub(1);
        match self.due {
            0 => Step::Done(Reply::FastOpenKeys {}.into()),
            _ => Step::Wait,
        }
    }
}

fn ask(worker: usize, start: Option<usize>) -> (usize, Command) {
    let rows = Vec::with_capacity(SLICE_ROWS);
    (worker, Command::Destinations { start, rows })
}

fn view(worker: usize, row: &DestinationRow) -> DestinationView {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    DestinationView {
        worker,
        address: row.destination,
        source: row.source,
        age_ms: millis(row.age),
        round_trip_us: row.round_trip.map(micros),
        round_trip_variation_us: row.round_trip_variation.map(micros),
        slow_start_threshold_segments: row.slow_start_threshold_segments,
        congestion_window_segments: row.congestion_window_segments,
        reordering_segments: row.reordering_segments,
        path_mtu: row.path_mtu,
        path_mtu_low: row.path_mtu_found.map(|(low, _)| low),
        path_mtu_high: row.path_mtu_found.map(|(_, high)| high),
        fast_open_cookie: row
            .fast_open_cookie
            .map(|cookie| hexadecimal(cookie.as_slice())),
        fast_open_segment_bytes: row.fast_open_segment_bytes,
        fast_open_syn_losses: row.fast_open_syn_losses,
        fast_open_lost_ms: row.fast_open_lost.map(millis),
    }
}

/// Rows of one slice: a turn's work for a worker.
const SLICE_ROWS: usize = 256;
/// Rows of an answer; at about 400 bytes each they fit into the longest one.
const ROWS_MAX: usize = 8_192;
