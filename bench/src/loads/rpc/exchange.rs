//! What is said on one connection of `rpc`: a request, its echo, the next request, and so on.

use std::io::{self, Read, Write};
use std::time::Instant;

use coremill_engine::services::pattern;

use crate::driver::{Step, Talk, Turn};
use crate::failure::{Failure, Kind};

/// Where the present request stands. It holds no bytes: those to send and those expected both come from the pattern.
pub struct Exchange {
    seed: u64,
    size: u64,
    /// Bytes of the present request sent, and of its answer received.
    sent: u64,
    received: u64,
    /// Offset in the stream at which the present request begins.
    offset: u64,
    requests_left: Option<u64>,
    began: Instant,
    rests: bool,
}

impl Exchange {
    /// Requests of `size` bytes of the pattern of `seed`, without end or `requests` of them.
    pub fn new(seed: u64, size: u64, requests: Option<u64>, rests: bool) -> Self {
        Self {
            seed,
            size,
            sent: 0,
            received: 0,
            offset: 0,
            requests_left: requests,
            began: Instant::now(),
            rests,
        }
    }

    /// Sends until the request is out or no more is taken.
    fn send(&mut self, connection: &mut impl Write, turn: &mut Turn<'_>) -> Result<(), Failure> {
        while self.sent < self.size {
            let piece = front(turn.scratch, self.size - self.sent);
            pattern::fill(self.seed, self.offset + self.sent, piece);
            match connection.write(piece) {
                Ok(count) => {
                    self.sent += count as u64;
                    turn.tally.bytes_sent += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Receives until the answer is complete (true) or no more is there (false).
    fn receive(
        &mut self,
        connection: &mut impl Read,
        turn: &mut Turn<'_>,
    ) -> Result<bool, Failure> {
        while self.received < self.size {
            let room = front(turn.scratch, self.size - self.received);
            let count = match connection.read(room) {
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
            turn.tally.bytes_received += count as u64;
            turn.tally.mismatches += wrong as u64;
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

impl Talk for Exchange {
    fn begin(&mut self, now: Instant) {
        self.began = now;
    }

    fn began(&self) -> Instant {
        self.began
    }

    fn go_on<C: Read + Write>(
        &mut self,
        connection: &mut C,
        readable: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Failure> {
        self.send(connection, turn)?;
        if !readable || !self.receive(connection, turn)? {
            return Ok(Step::Wait);
        }
        let now = Instant::now();
        turn.tally.requests += 1;
        let request = &mut turn.tally.request;
        request.record(now.saturating_duration_since(self.began));
        self.requests_left = self.requests_left.map(|left| left.saturating_sub(1));
        if self.requests_left == Some(0) || turn.is_over(now) {
            return Ok(Step::Done);
        }
        self.offset += self.size;
        (self.sent, self.received) = (0, 0);
        if self.rests {
            return Ok(Step::Rest);
        }
        self.begin(now);
        // The answer to this one makes the connection ready anew, so there is no need to try to read now.
        self.send(connection, turn)?;
        Ok(Step::Wait)
    }

    fn is_writing(&self) -> bool {
        self.sent < self.size
    }
}

/// The front of `buffer`, no longer than `remaining`.
fn front(buffer: &mut [u8], remaining: u64) -> &mut [u8] {
    let count = usize::try_from(remaining)
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    buffer.split_at_mut(count).0
}
