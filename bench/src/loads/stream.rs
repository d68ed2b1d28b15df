//! `stream`: bulk bytes of the seeded pattern up, down or both ways, a thread or two per connection.

use std::net::Shutdown;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Context;
use coremill_engine::services::pattern;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind};
use crate::plan::{Direction, StreamPlan};
use crate::progress::{Progress, Unit};
use crate::report::{Report, Tally};
use crate::transport::{Stream as Connection, Transport};

/// Runs the load.
///
/// # Errors
/// When threads cannot be started; what happens on connections is in the report.
pub fn run(plan: &StreamPlan, transport: &impl Transport) -> anyhow::Result<Report> {
    let directions = if plan.direction == Direction::Both {
        2
    } else {
        1
    };
    let reopen = plan.peer.reopen.unwrap_or(0);
    let streams = u64::from(plan.peer.connections) * reopen.saturating_add(1);
    let total = plan
        .bytes
        .saturating_mul(streams)
        .saturating_mul(directions);
    let progress = Progress::start(Some(total), Unit::Bytes, !plan.output.no_progress);
    let tally = Mutex::new(Tally::new()?);
    let started = Instant::now();
    let stream = Stream {
        plan,
        transport,
        progress: &progress,
        tally: &tally,
    };
    let stream = &stream;
    std::thread::scope(|scope| {
        for index in 0..plan.peer.connections as usize {
            std::thread::Builder::new()
                .stack_size(THREAD_STACK_BYTES)
                .spawn_scoped(scope, move || {
                    for _ in 0..=reopen {
                        if let Err(failure) = stream.run(index) {
                            stream.note(|tally| tally.failures.count(failure));
                        }
                    }
                })
                .context("cannot start a thread; use fewer --connections")?;
        }
        anyhow::Ok(())
    })?;
    progress.finish();
    let elapsed = started.elapsed();
    let tally = tally
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let name = match plan.direction {
        Direction::Up => "stream up",
        Direction::Down => "stream down",
        Direction::Both => "stream both",
    };
    Ok(tally.report(name.to_owned(), plan.peer.name(), elapsed))
}

/// What the connections of the load share.
struct Stream<'a, T> {
    plan: &'a StreamPlan,
    transport: &'a T,
    progress: &'a Progress,
    tally: &'a Mutex<Tally>,
}

impl<T: Transport> Stream<'_, T> {
    fn run(&self, index: usize) -> Result<(), Failure> {
        let started = Instant::now();
        let peer = &self.plan.peer;
        let connection = self.transport.connect(peer.route(index), peer.timeout)?;
        self.note(|tally| {
            tally.connections += 1;
            tally.connect.record(started.elapsed());
        });
        match self.plan.direction {
            Direction::Up => self.up(&connection),
            Direction::Down => self.receive(&connection),
            Direction::Both => self.both(&connection),
        }
    }

    /// Sends all, half-closes, and compares the service's account with our own.
    fn up(&self, connection: &T::Stream) -> Result<(), Failure> {
        let mut digest = Sha256::new();
        self.send(connection, |bytes| digest.update(bytes))?;
        let answer = read_answer(connection)?;
        let ours = Account {
            bytes: self.plan.bytes,
            mismatches: 0,
            sha256: digest
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        };
        match Account::parse(&answer) {
            Some(theirs) if theirs == ours => Ok(()),
            Some(theirs) if theirs.mismatches > 0 => {
                self.note(|tally| tally.mismatches += theirs.mismatches);
                Err(Failure::new(
                    Kind::Mismatch,
                    format!("the service answered `{answer}`"),
                ))
            }
            Some(_) => Err(Failure::new(
                Kind::BadAnswer,
                format!("got `{answer}`, want `{ours}`"),
            )),
            None => Err(Failure::new(
                Kind::BadAnswer,
                format!("cannot read `{answer}`"),
            )),
        }
    }

    /// Sends and receives at once; the peer's end of stream has to follow ours.
    fn both(&self, connection: &T::Stream) -> Result<(), Failure> {
        std::thread::scope(|scope| {
            let sender = std::thread::Builder::new()
                .stack_size(THREAD_STACK_BYTES)
                .spawn_scoped(scope, || self.send(connection, |_| ()))?;
            let received = self
                .receive(connection)
                .and_then(|()| expect_end(connection));
            if received.is_err() {
                // Wakes the sender, whose own error would only be an echo of this one.
                let _ = connection.shutdown(Shutdown::Both);
            }
            let sent = sender
                .join()
                .unwrap_or_else(|_| Err(Failure::new(Kind::Other, "sender panicked")));
            received.and(sent)
        })
    }

    fn send(&self, connection: &T::Stream, mut seen: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut offset = 0;
        while offset < self.plan.bytes {
            let piece = take(&mut buffer, self.plan.bytes - offset);
            pattern::fill(self.plan.peer.seed, offset, piece);
            seen(piece);
            connection.send_all(piece)?;
            offset += piece.len() as u64;
            self.progress.add(piece.len() as u64);
            self.note(|tally| tally.bytes_sent += piece.len() as u64);
        }
        connection.shutdown(Shutdown::Write)?;
        Ok(())
    }

    fn receive(&self, connection: &T::Stream) -> Result<(), Failure> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut offset = 0;
        while offset < self.plan.bytes {
            let room = take(&mut buffer, self.plan.bytes - offset);
            let count = connection.receive(room)?;
            let piece = room.get(..count).unwrap_or_default();
            if piece.is_empty() {
                let detail = format!("end of stream after {offset} of {} bytes", self.plan.bytes);
                return Err(Failure::new(Kind::ClosedEarly, detail));
            }
            let wrong = pattern::mismatches(self.plan.peer.seed, offset, piece);
            self.note(|tally| {
                tally.bytes_received += count as u64;
                tally.mismatches += wrong as u64;
            });
            if wrong > 0 {
                let detail = format!("{wrong} wrong bytes among the {count} from offset {offset}");
                return Err(Failure::new(Kind::Mismatch, detail));
            }
            offset += count as u64;
            self.progress.add(count as u64);
        }
        Ok(())
    }

    fn note(&self, change: impl FnOnce(&mut Tally)) {
        change(
            &mut self
                .tally
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        );
    }
}

/// The discard service's account of a stream: `bytes=N mismatches=N sha256=HEX`.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    bytes: u64,
    mismatches: u64,
    sha256: String,
}

impl Account {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let bytes = words.next()?.strip_prefix("bytes=")?.parse().ok()?;
        let mismatches = words.next()?.strip_prefix("mismatches=")?.parse().ok()?;
        let sha256 = words.next()?.strip_prefix("sha256=")?.to_ascii_lowercase();
        words.next().is_none().then_some(Self {
            bytes,
            mismatches,
            sha256,
        })
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            bytes,
            mismatches,
            sha256,
        } = self;
        write!(f, "bytes={bytes} mismatches={mismatches} sha256={sha256}")
    }
}

fn read_answer(connection: &impl Connection) -> Result<String, Failure> {
    let mut answer = Vec::new();
    let mut bytes = [0; ANSWER_BYTES_MAX];
    while let Some(room) = bytes
        .get_mut(answer.len()..)
        .filter(|room| !room.is_empty())
    {
        let count = connection.receive(room)?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(room.get(..count).unwrap_or_default());
    }
    if answer.is_empty() {
        return Err(Failure::new(
            Kind::ClosedEarly,
            "end of stream before the service's answer",
        ));
    }
    Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
}

fn expect_end(connection: &impl Connection) -> Result<(), Failure> {
    match connection.receive(&mut [0])? {
        0 => Ok(()),
        _ => Err(Failure::new(
            Kind::Mismatch,
            "more bytes came back than were sent",
        )),
    }
}

/// The front of `buffer`, no longer than `remaining`.
fn take(buffer: &mut [u8], remaining: u64) -> &mut [u8] {
    let count = usize::try_from(remaining)
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    buffer.split_at_mut(count).0
}

const BUFFER_BYTES: usize = 128 * 1024;
const ANSWER_BYTES_MAX: usize = 512;
const THREAD_STACK_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
