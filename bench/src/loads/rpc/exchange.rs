//! One connection of `rpc`: connects, then sends a request and awaits its echo, again and again.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use coremill_engine::services::pattern;
use mio::net::TcpStream;

use crate::failure::{Failure, Kind};
use crate::plan::RpcPlan;
use crate::report::Tally;

/// One connection and where its present request stands. It holds no bytes: those to send and
/// those expected both come from the pattern.
pub struct Exchange {
    connection: TcpStream,
    connected: bool,
    seed: u64,
    size: u64,
    /// Bytes of the present request sent, and of its answer received.
    sent: u64,
    received: u64,
    /// Offset in the stream at which the present request begins.
    offset: u64,
    requests_left: Option<u64>,
    /// When the present request, or connecting, began.
    began: Instant,
    timeout: Duration,
    /// Whether it rests between requests, and is not to be driven by what else happens.
    resting: bool,
    rests: bool,
}

/// What a connection says after it was driven.
pub enum Step {
    /// It waits for the kernel.
    Wait,
    /// It has an answer, and wants to be woken for the next request after the pause.
    Rest,
    /// It has done all of its requests.
    Done,
    /// It has failed.
    Failed(Failure),
}

impl Exchange {
    /// A connection that began to connect at `now`.
    pub fn new(connection: TcpStream, now: Instant, seed: u64, plan: &RpcPlan) -> Self {
        Self {
            connection,
            connected: false,
            seed,
            size: plan.size,
            sent: 0,
            received: 0,
            offset: 0,
            requests_left: plan.requests,
            began: now,
            timeout: plan.peer.timeout,
            resting: false,
            rests: plan.pause.is_some(),
        }
    }

    /// What takes longer than it may, if anything.
    pub fn late(&self, now: Instant) -> Option<&'static str> {
        let late = !self.resting && now.saturating_duration_since(self.began) > self.timeout;
        late.then_some(if self.connected {
            "a request"
        } else {
            "connecting"
        })
    }

    /// Begins the next request when the pause is over.
    pub fn wake(&mut self, scratch: &mut [u8], tally: &mut Tally) -> Step {
        if !self.resting {
            // The one that rested has failed since, and this one took its place.
            return Step::Wait;
        }
        self.resting = false;
        self.begin_request(Instant::now());
        match self.send(scratch, tally) {
            Ok(()) => Step::Wait,
            Err(failure) => Step::Failed(failure),
        }
    }

    /// Does what can be done without waiting. `readable` is false when there is surely nothing to read.
    pub fn drive(
        &mut self,
        readable: bool,
        end: Option<Instant>,
        scratch: &mut [u8],
        tally: &mut Tally,
    ) -> Step {
        match self.try_drive(readable, end, scratch, tally) {
            Ok(step) => step,
            Err(failure) => Step::Failed(failure),
        }
    }

    fn try_drive(
        &mut self,
        readable: bool,
        end: Option<Instant>,
        scratch: &mut [u8],
        tally: &mut Tally,
    ) -> Result<Step, Failure> {
        if !self.connected && !self.finish_connecting(tally)? {
            return Ok(Step::Wait);
        }
        if self.resting {
            return if readable {
                self.expect_nothing()
            } else {
                Ok(Step::Wait)
            };
        }
        self.send(scratch, tally)?;
        if !readable || !self.receive(scratch, tally)? {
            return Ok(Step::Wait);
        }
        let now = Instant::now();
        tally.requests += 1;
        tally
            .request
            .record(now.saturating_duration_since(self.began));
        self.requests_left = self.requests_left.map(|left| left - 1);
        if self.requests_left == Some(0) || end.is_some_and(|end| now >= end) {
            self.connection.shutdown(Shutdown::Write)?;
            return Ok(Step::Done);
        }
        if self.rests {
            self.resting = true;
            return Ok(Step::Rest);
        }
        self.begin_request(now);
        // The answer to this one raises a new event, so there is no need to try to read now.
        self.send(scratch, tally)?;
        Ok(Step::Wait)
    }

    fn finish_connecting(&mut self, tally: &mut Tally) -> Result<bool, Failure> {
        if let Some(error) = self.connection.take_error()? {
            return Err(error.into());
        }
        match self.connection.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let now = Instant::now();
        tally.connections += 1;
        tally
            .connect
            .record(now.saturating_duration_since(self.began));
        self.connected = true;
        self.began = now;
        Ok(true)
    }

    /// Nothing was asked, so nothing may come: neither bytes nor an end.
    fn expect_nothing(&mut self) -> Result<Step, Failure> {
        match self.connection.read(&mut [0]) {
            Ok(0) => Err(Failure::new(
                Kind::ClosedEarly,
                "end of stream between two requests",
            )),
            Ok(_) => Err(Failure::new(
                Kind::Mismatch,
                "more bytes came back than were sent",
            )),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Step::Wait),
            Err(error) => Err(error.into()),
        }
    }

    fn begin_request(&mut self, now: Instant) {
        self.offset += self.size;
        self.sent = 0;
        self.received = 0;
        self.began = now;
    }

    /// Sends until the request is out or the kernel takes no more.
    fn send(&mut self, scratch: &mut [u8], tally: &mut Tally) -> Result<(), Failure> {
        while self.sent < self.size {
            let piece = front(scratch, self.size - self.sent);
            pattern::fill(self.seed, self.offset + self.sent, piece);
            match self.connection.write(piece) {
                Ok(count) => {
                    self.sent += count as u64;
                    tally.bytes_sent += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Receives until the answer is complete (true) or the kernel has no more (false).
    fn receive(&mut self, scratch: &mut [u8], tally: &mut Tally) -> Result<bool, Failure> {
        while self.received < self.size {
            let room = front(scratch, self.size - self.received);
            let count = match self.connection.read(room) {
                Ok(0) => {
                    let detail = format!(
                        "end of stream after {} of {} bytes",
                        self.received, self.size
                    );
                    return Err(Failure::new(Kind::ClosedEarly, detail));
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let piece = room.get(..count).unwrap_or_default();
            let wrong = pattern::mismatches(self.seed, self.offset + self.received, piece);
            tally.bytes_received += count as u64;
            tally.mismatches += wrong as u64;
            if wrong > 0 {
                let detail = format!("{wrong} of {count} bytes of an answer are wrong");
                return Err(Failure::new(Kind::Mismatch, detail));
            }
            self.received += count as u64;
            if self.received > self.sent {
                return Err(Failure::new(
                    Kind::Mismatch,
                    "more bytes came back than were sent",
                ));
            }
        }
        Ok(true)
    }
}

/// The front of `buffer`, no longer than `remaining`.
fn front(buffer: &mut [u8], remaining: u64) -> &mut [u8] {
    let count = usize::try_from(remaining)
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    buffer.split_at_mut(count).0
}
