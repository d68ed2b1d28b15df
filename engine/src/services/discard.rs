//! Discard (RFC 863) that checks: each byte against the pattern, and all of them into a SHA-256.
//!
//! After end of stream it answers one line, `bytes=N mismatches=N sha256=HEX`, and closes.

use std::io::{Cursor, Write};

use coremill_tcp::error::ReceiveError;
use coremill_tcp::memory::Memory;
use sha2::{Digest, Sha256};

use super::pattern;
use super::server::{Exchange, Progress, SHARE_BYTES, Serve};

/// The discard service.
#[derive(Debug)]
pub struct Discard {
    seed: u64,
}

impl Discard {
    /// Expects the pattern of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }
}

/// What was received on one connection so far.
#[derive(Debug, Default)]
pub struct Received {
    bytes: u64,
    mismatches: u64,
    digest: Sha256,
    answered: usize,
}

impl Serve for Discard {
    type State = Received;

    fn kind(&self) -> &'static str {
        "discard"
    }

    fn open(&self) -> Received {
        Received::default()
    }

    fn serve<M: Memory>(
        &mut self,
        exchange: &mut Exchange<'_, M>,
        received: &mut Received,
    ) -> Progress {
        let mut taken = 0;
        while taken < SHARE_BYTES {
            let piece = match exchange.shard.receive_slice(exchange.connection) {
                Ok([]) => return Progress::Waiting,
                Ok(piece) => piece,
                Err(ReceiveError::EndOfStream) => return answer(exchange, received),
                Err(_) => return Progress::Failed,
            };
            let mismatches = pattern::mismatches(self.seed, received.bytes, piece) as u64;
            received.digest.update(piece);
            received.bytes += piece.len() as u64;
            received.mismatches += mismatches;
            exchange.statistics.received_bytes += piece.len() as u64;
            exchange.statistics.mismatches += mismatches;
            let count = piece.len();
            taken += count;
            exchange
                .shard
                .consume(exchange.now, exchange.connection, count);
        }
        Progress::More
    }
}

/// Sends what is left of the answer line.
fn answer<M: Memory>(exchange: &mut Exchange<'_, M>, received: &mut Received) -> Progress {
    let mut line = Cursor::new([0; LINE_BYTES_MAX]);
    let Received {
        bytes, mismatches, ..
    } = received;
    let hash = received.digest.clone().finalize();
    let mut written = write!(line, "bytes={bytes} mismatches={mismatches} sha256=");
    for byte in hash {
        written = written.and_then(|()| write!(line, "{byte:02x}"));
    }
    if written.and_then(|()| line.write_all(b"\n")).is_err() {
        return Progress::Failed;
    }
    let length = usize::try_from(line.position()).unwrap_or(LINE_BYTES_MAX);
    let rest = &line.get_ref()[received.answered..length];
    match exchange.shard.send(exchange.now, exchange.connection, rest) {
        Ok(sent) => {
            received.answered += sent;
            exchange.statistics.sent_bytes += sent as u64;
            if received.answered == length {
                Progress::Finished
            } else {
                Progress::Waiting
            }
        }
        Err(_) => Progress::Failed,
    }
}

/// Three labels, two numbers of 20 digits, 64 hex digits.
const LINE_BYTES_MAX: usize = 160;
