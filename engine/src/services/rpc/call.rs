//! One connection of the rpc client: a request on its way out, or its answer on its way in.

use std::time::Duration;

use coremill_tcp::error::{ReceiveError, SendError};
use coremill_tcp::memory::Memory;
use coremill_tcp::shard::Shard;
use coremill_tcp::{ConnectionId, Instant};

use super::super::pattern;
use super::super::statistics::Statistics;

/// The requests' bytes: a window that slides over the pattern, so that an answer that belongs to
/// another request is noticed.
#[derive(Debug)]
pub struct Requests {
    bytes: Vec<u8>,
    length: usize,
}

impl Requests {
    /// Requests of `length` bytes, at least one.
    pub fn new(length: usize) -> Self {
        let length = length.max(1);
        let mut bytes = vec![0; length + WINDOW_POSITIONS];
        pattern::fill(0, 0, &mut bytes);
        Self { bytes, length }
    }

    fn of(&self, number: u64) -> &[u8] {
        let position = (number % WINDOW_POSITIONS as u64) as usize;
        &self.bytes[position..position + self.length]
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before the next event.
    Waiting,
    /// Some bytes went out or came in.
    Moved,
    /// The answer is complete and right.
    Completed {
        /// Since the request was written.
        latency: Duration,
    },
    /// The connection failed, ended, or answered wrongly.
    Failed,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Call {
    completed: u64,
    sent: usize,
    received: usize,
    sent_at: Instant,
}

impl Call {
    /// Nothing sent yet.
    pub fn new(now: Instant) -> Self {
        Self {
            completed: 0,
            sent: 0,
            received: 0,
            sent_at: now,
        }
    }

    /// Requests completed on this connection.
    pub fn completed(&self) -> u64 {
        self.completed
    }

    /// Sends what is left of the request, or else reads what there is of the answer.
    pub fn step<M: Memory>(
        &mut self,
        now: Instant,
        shard: &mut Shard<M>,
        connection: ConnectionId,
        requests: &Requests,
        statistics: &mut Statistics,
    ) -> Step {
        let request = requests.of(self.completed);
        if self.sent < request.len() {
            if self.sent == 0 {
                self.sent_at = now;
            }
            match shard.send(now, connection, &request[self.sent..]) {
                Ok(0) => {}
                Ok(count) => {
                    self.sent += count;
                    statistics.sent_bytes += count as u64;
                    return Step::Moved;
                }
                Err(SendError::NotConnected) => return Step::Waiting,
                Err(_) => return Step::Failed,
            }
        }
        // Also while the request is not out whole: an echo larger than the buffers needs both ways.
        self.read(now, shard, connection, request, statistics)
    }

    fn read<M: Memory>(
        &mut self,
        now: Instant,
        shard: &mut Shard<M>,
        connection: ConnectionId,
        request: &[u8],
        statistics: &mut Statistics,
    ) -> Step {
        let piece = match shard.receive_slice(connection) {
            Ok([]) | Err(ReceiveError::NotConnected) => return Step::Waiting,
            Ok(piece) => piece,
            Err(_) => return Step::Failed,
        };
        let count = piece.len();
        let expected = request[..self.sent].get(self.received..self.received + count);
        if expected != Some(piece) {
            statistics.mismatches += count as u64;
            return Step::Failed;
        }
        self.received += count;
        statistics.received_bytes += count as u64;
        shard.consume(now, connection, count);
        if self.received < request.len() {
            return Step::Moved;
        }
        statistics.requests += 1;
        self.completed += 1;
        self.sent = 0;
        self.received = 0;
        Step::Completed {
            latency: now.since(self.sent_at),
        }
    }
}

/// Distinct requests before the first comes again.
const WINDOW_POSITIONS: usize = 251;
