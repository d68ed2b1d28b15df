//! What is said on one connection of `http`: a request, its response, the next request, on this connection or a new one.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use super::response::{Expected, Received, Response};
use crate::driver::{Step, Talk, Turn};
use crate::failure::{Failure, Kind};
use crate::plan::HttpPlan;

/// Where the present request stands.
pub struct Get {
    request: Arc<[u8]>,
    sent: usize,
    response: Response,
    requests_left: Option<u64>,
    closes: bool,
    expected: Expected,
    began: Instant,
}

impl Get {
    /// The first of a plan's requests on a connection.
    pub fn new(request: &Arc<[u8]>, plan: &HttpPlan) -> Self {
        Self {
            request: Arc::clone(request),
            sent: 0,
            response: Response::new(plan.sha256.is_some()),
            requests_left: plan.requests,
            closes: plan.close,
            expected: Expected {
                status: plan.status,
                body_bytes: plan.body_bytes,
                sha256: plan.sha256,
            },
            began: Instant::now(),
        }
    }

    fn send(&mut self, connection: &mut impl Write, turn: &mut Turn<'_>) -> Result<(), Failure> {
        while let Some(rest) = self
            .request
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            match connection.write(rest) {
                Ok(count) => {
                    self.sent += count;
                    turn.tally.bytes_sent += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Receives until the response is complete, or no more is there (None).
    fn receive(
        &mut self,
        connection: &mut impl Read,
        turn: &mut Turn<'_>,
    ) -> Result<Option<Received>, Failure> {
        loop {
            let count = match connection.read(turn.scratch) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            turn.tally.bytes_received += count as u64;
            let piece = turn.scratch.get(..count).unwrap_or_default();
            let received = match piece {
                [] => Some(self.response.end()?),
                piece => self.response.take(piece)?,
            };
            if received.is_some() {
                return Ok(received);
            }
        }
    }
}

impl Talk for Get {
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
        if !readable {
            return Ok(Step::Wait);
        }
        let Some(received) = self.receive(connection, turn)? else {
            return Ok(Step::Wait);
        };
        if self.sent < self.request.len() {
            let detail = "a response came before the request was out";
            return Err(Failure::new(Kind::BadAnswer, detail));
        }
        let now = Instant::now();
        *turn.tally.statuses.entry(received.status).or_default() += 1;
        match self.expected.check(&received) {
            Ok(()) => turn.tally.requests += 1,
            // The next response may be right: the connection is as good as before.
            Err(failure) => turn.tally.failures.count(failure),
        }
        let request = &mut turn.tally.request;
        request.record(now.saturating_duration_since(self.began));
        self.requests_left = self.requests_left.map(|left| left.saturating_sub(1));
        if self.requests_left == Some(0) || turn.is_over(now) {
            return Ok(Step::Done);
        }
        self.sent = 0;
        self.response.restart();
        if self.closes || received.closes {
            return Ok(Step::Reopen);
        }
        self.begin(now);
        // The response to this one makes the connection ready anew.
        self.send(connection, turn)?;
        Ok(Step::Wait)
    }

    fn is_writing(&self) -> bool {
        self.sent < self.request.len()
    }
}
