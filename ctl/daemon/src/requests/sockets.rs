//! `sockets`: a page of connections, gathered slice by slice from one worker after the other.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use coremill_engine::command::{Command, SocketFilter};
use coremill_engine::snapshot::{ConnectionRow, Cursor};
use coremill_protocol::{
    Answer, ErrorBody, ErrorKind, MemoryView, PAGE_ROWS_MAX, Reply, SocketView,
};
use coremill_tcp::congestion::AlgorithmInfo;
use coremill_tcp::memory_info::MemoryInfo;
use coremill_tcp::snapshot::SignedBy;
use coremill_tcp::statistics::{OBJECTS, Objects};
use coremill_tcp::{Endpoint, State};

use super::mismatch;
use crate::inquiry::{Step, Task};
use crate::stack::Stack;

/// A page being gathered.
pub struct Sockets {
    filter: SocketFilter,
    limit: usize,
    workers: usize,
    place: Place,
    /// Whether any slice came back.
    progress: bool,
    rows: Vec<SocketView>,
}

/// Where the next slice begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    worker: usize,
    /// None: at the start of its tables.
    cursor: Option<Cursor>,
}

impl Sockets {
    /// The page that a request asks for.
    pub fn new(
        state: Option<&str>,
        address: Option<IpAddr>,
        port: Option<u16>,
        limit: Option<usize>,
        cursor: Option<&str>,
        stack: &Stack,
    ) -> Result<Self, ErrorBody> {
        let invalid = |message: String| ErrorBody::new(ErrorKind::Invalid, message);
        let state = state
            .map(|word| state_named(word).ok_or_else(|| invalid(unknown_state(word))))
            .transpose()?;
        let limit = limit.unwrap_or(PAGE_ROWS_MAX);
        if !(1..=PAGE_ROWS_MAX).contains(&limit) {
            return Err(invalid(format!(
                "limit {limit}: allowed are 1 to {PAGE_ROWS_MAX}"
            )));
        }
        let place = match cursor {
            None => Place {
                worker: 0,
                cursor: None,
            },
            Some(text) => Place::parse(text)
                .filter(|place| place.worker < stack.workers.len())
                .ok_or_else(|| {
                    invalid(format!(
                        "cursor {text:?}: not one that this daemon gave out"
                    ))
                })?,
        };
        let filter = SocketFilter {
            state,
            address,
            port,
        };
        Ok(Self {
            filter,
            limit,
            workers: stack.workers.len(),
            place,
            progress: false,
            rows: Vec::new(),
        })
    }

    fn ask(&self) -> Vec<(usize, Command)> {
        let rows = Vec::with_capacity(self.limit.saturating_sub(self.rows.len()));
        let command = Command::Sockets {
            filter: self.filter,
            cursor: self.place.cursor,
            rows,
        };
        vec![(self.place.worker, command)]
    }

    fn page(&mut self) -> Answer {
        let more = self.place.worker < self.workers;
        let cursor = more.then(|| self.place.text());
        Reply::Sockets {
            sockets: std::mem::take(&mut self.rows),
            cursor,
        }
        .into()
    }
}

impl Task for Sockets {
    fn start(&mut self, _workers: usize) -> Vec<(usize, Command)> {
        self.ask()
    }

    fn take(&mut self, worker: usize, answer: Command) -> Step {
        let Command::Sockets { cursor, rows, .. } = answer else {
            return Step::Done(mismatch());
        };
        self.progress = true;
        self.rows.extend(rows.iter().map(|row| view(worker, row)));
        self.place = match cursor {
            Some(_) => Place { worker, cursor },
            None => Place {
                worker: worker + 1,
                cursor: None,
            },
        };
        if self.rows.len() >= self.limit || self.place.worker >= self.workers {
            return Step::Done(self.page());
        }
        Step::Ask(self.ask())
    }

    /// A short page is a page, as long as the next one begins further on.
    fn expire(&mut self) -> Option<Answer> {
        self.progress.then(|| self.page())
    }
}

impl Place {
    fn text(self) -> String {
        match self.cursor {
            Some(cursor) => format!("{}.{}", self.worker, cursor.to_bits()),
            None => self.worker.to_string(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (worker, cursor) = match text.split_once('.') {
            Some((worker, bits)) => (worker, Some(Cursor::from_bits(bits.parse().ok()?))),
            None => (text, None),
        };
        Some(Self {
            worker: worker.parse().ok()?,
            cursor,
        })
    }
}

/// The state of a name as `ss` or Linux's headers write it: case and `-` or `_` do not matter.
fn state_named(word: &str) -> Option<State> {
    let plain = |text: &str| text.replace(['-', '_'], "").to_uppercase();
    State::ALL
        .into_iter()
        .find(|state| plain(state.name()) == plain(word))
}

fn unknown_state(word: &str) -> String {
    let names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
    format!("state {word:?}: allowed are {}", names.join(", "))
}

fn view(worker: usize, row: &ConnectionRow) -> SocketView {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let threshold = row.slow_start_threshold_bytes;
    SocketView {
        worker,
        state: row.state.name().into(),
        local: socket_address(row.flow.local),
        remote: socket_address(row.flow.remote),
        receive_queue_bytes: row.receive_queue_bytes,
        send_queue_bytes: row.send_queue_bytes,
        congestion_window_bytes: row.congestion_window_bytes,
        slow_start_threshold_bytes: (threshold != u32::MAX).then_some(threshold),
        congestion: congestion(row),
        pacing_rate: row.pacing_rate,
        send_window_bytes: row.send_window_bytes,
        receive_window_bytes: row.receive_window_bytes,
        maximum_segment_bytes: row.maximum_segment_bytes,
        round_trip_us: row.round_trip.map(micros),
        retransmission_timeout_us: micros(row.retransmission_timeout),
        retransmissions: row.retransmissions,
        hold: row.hold.into(),
        recovery: row.algorithm.map(|_| row.outstanding.phase.word().into()),
        orphan: row.orphan,
        signed_by: row.signed_by.map(signed_by),
        ecn: row.ecn.word().map(Into::into),
        memory: row.memory.map(memory),
        statistics: row.statistics.map(statistics),
    }
}

fn memory(info: MemoryInfo) -> MemoryView {
    MemoryView {
        receive_held_bytes: info.receive_held,
        receive_buffer_bytes: info.receive_buffer,
        send_buffer_bytes: info.send_buffer,
        forward_bytes: info.forward,
        send_queued_bytes: info.send_queued,
        option_bytes: info.option_memory,
    }
}

fn statistics(objects: Objects) -> BTreeMap<String, u64> {
    let names = OBJECTS.into_iter().map(str::to_owned);
    names.zip(objects).collect()
}

fn signed_by(by: SignedBy) -> String {
    match by {
        SignedBy::Md5 => "md5".into(),
        SignedBy::Ao {
            current_id,
            next_id,
        } => format!("ao {current_id}/{next_id}"),
    }
}

/// The algorithm's name, and behind it what it alone knows (Linux: TCP_CC_INFO), as `ss` writes it.
fn congestion(row: &ConnectionRow) -> Option<String> {
    let name = row.algorithm?.name();
    Some(match row.algorithm_info {
        AlgorithmInfo::None => name.to_owned(),
        AlgorithmInfo::Dctcp {
            alpha,
            marked_bytes,
            delivered_bytes,
        } => format!("{name} (alpha {alpha}/1024, marked {marked_bytes} of {delivered_bytes} B)"),
        AlgorithmInfo::Bbr {
            bandwidth,
            round_trip_min_micros,
            pacing_gain,
            window_gain,
        } => format!(
            "{name} (bw {bandwidth} B/s, mrtt {round_trip_min_micros} us, pacing_gain {}%, cwnd_gain {}%)",
            pacing_gain * 100 / 256,
            window_gain * 100 / 256
        ),
    })
}

/// An endpoint as the standard library's type.
pub fn socket_address(endpoint: Endpoint) -> SocketAddr {
    SocketAddr::new(endpoint.address, endpoint.port)
}
