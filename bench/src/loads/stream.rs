//! `stream`: bulk bytes of the seeded pattern up, down or both ways, a thread or two per connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Context;
use coremill_engine::services::pattern;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind};
use crate::kernel_path;
use crate::plan::{Direction, StreamPlan};
use crate::progress::{Progress, Unit};
use crate::report::{Report, Tally};

/// Runs the load.
///
/// # Errors
/// When threads cannot be started; what happens on connections is in the report.
pub fn run(plan: &StreamPlan) -> anyhow::Result<Report> {
    let directions = if plan.direction == Direction::Both {
        2
    } else {
        1
    };
    let streams = u64::from(plan.peer.connections) * (plan.peer.reopen + 1);
    let total = plan
        .bytes
        .saturating_mul(streams)
        .saturating_mul(directions);
    let progress = Progress::start(Some(total), Unit::Bytes, !plan.output.no_progress);
    let tally = Mutex::new(Tally::new()?);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..plan.peer.connections {
            std::thread::Builder::new()
                .stack_size(THREAD_STACK_BYTES)
                .spawn_scoped(scope, || {
                    for _ in 0..=plan.peer.reopen {
                        let stream = Stream {
                            plan,
                            progress: &progress,
                            tally: &tally,
                        };
                        if let Err(failure) = stream.run() {
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
    Ok(tally.report(name.to_owned(), plan.peer.target.to_string(), elapsed))
}

/// One connection of the load.
struct Stream<'a> {
    plan: &'a StreamPlan,
    progress: &'a Progress,
    tally: &'a Mutex<Tally>,
}

impl Stream<'_> {
    fn run(&self) -> Result<(), Failure> {
        let started = Instant::now();
        let connection = kernel_path::connect(&self.plan.peer)?;
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
    fn up(&self, connection: &TcpStream) -> Result<(), Failure> {
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
    fn both(&self, connection: &TcpStream) -> Result<(), Failure> {
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

    fn send(&self, mut connection: &TcpStream, mut seen: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut offset = 0;
        while offset < self.plan.bytes {
            let piece = take(&mut buffer, self.plan.bytes - offset);
            pattern::fill(self.plan.peer.seed, offset, piece);
            seen(piece);
            connection.write_all(piece)?;
            offset += piece.len() as u64;
            self.progress.add(piece.len() as u64);
            self.note(|tally| tally.bytes_sent += piece.len() as u64);
        }
        connection.shutdown(Shutdown::Write)?;
        Ok(())
    }

    fn receive(&self, mut connection: &TcpStream) -> Result<(), Failure> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut offset = 0;
        while offset < self.plan.bytes {
            let room = take(&mut buffer, self.plan.bytes - offset);
            let count = connection.read(room)?;
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

fn read_answer(connection: &TcpStream) -> Result<String, Failure> {
    let mut answer = Vec::new();
    connection.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(Failure::new(
            Kind::ClosedEarly,
            "end of stream before the service's answer",
        ));
    }
    Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
}

fn expect_end(mut connection: &TcpStream) -> Result<(), Failure> {
    match connection.read(&mut [0])? {
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
const ANSWER_BYTES_MAX: u64 = 512;
const THREAD_STACK_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
