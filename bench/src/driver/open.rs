//! One connection of those open at once, from its first SYN on.

use std::io;
use std::time::{Duration, Instant};

use super::{Step, Talk, Turn};
use crate::failure::{Failure, Kind};
use crate::transport::{Connection, Ready};

/// A connection, and what is said on it.
pub struct Open<C, K> {
    pub connection: C,
    pub talk: K,
    pub phase: Phase,
    /// Whether the poller looks for room to write.
    pub is_writing: bool,
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It began to connect.
    Connecting { since: Instant },
    /// It is at work.
    Talking,
    /// It rests between two requests.
    Resting,
}

impl<C: Connection, K: Talk> Open<C, K> {
    /// Lets it do what it can.
    pub fn drive(&mut self, ready: Ready, turn: &mut Turn<'_>) -> Result<Step, Failure> {
        match self.phase {
            Phase::Connecting { since } => {
                if !self.connection.is_connected(ready)? {
                    return Ok(Step::Wait);
                }
                let now = Instant::now();
                turn.tally.connections += 1;
                let connect = &mut turn.tally.connect;
                connect.record(now.saturating_duration_since(since));
                self.phase = Phase::Talking;
                self.talk.begin(now);
            }
            Phase::Talking => {}
            Phase::Resting if ready.readable => return self.expect_nothing(),
            Phase::Resting => return Ok(Step::Wait),
        }
        let step = self
            .talk
            .go_on(&mut self.connection, ready.readable, turn)?;
        if matches!(step, Step::Rest) {
            self.phase = Phase::Resting;
        }
        Ok(step)
    }

    /// Whether it waits for room to write, or until it is connected.
    pub fn wants_to_write(&self) -> bool {
        match self.phase {
            Phase::Connecting { .. } => true,
            Phase::Talking => self.talk.is_writing(),
            Phase::Resting => false,
        }
    }

    /// What has taken longer than `timeout`, if anything.
    pub fn late(&self, now: Instant, timeout: Duration) -> Option<&'static str> {
        let (since, what) = match self.phase {
            Phase::Connecting { since } => (since, "connecting"),
            Phase::Talking => (self.talk.began(), "a request"),
            Phase::Resting => return None,
        };
        (now.saturating_duration_since(since) > timeout).then_some(what)
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
}
