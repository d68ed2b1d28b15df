//! Character generator (RFC 864) that sends the seeded pattern, endlessly or so many bytes.

use coremill_tcp::error::ReceiveError;
use coremill_tcp::memory::Memory;

use super::pattern;
use super::server::{Exchange, Progress, SHARE_BYTES, Serve};

/// The chargen service.
#[derive(Debug)]
pub struct Chargen {
    seed: u64,
    bytes: u64,
}

impl Chargen {
    /// Sends `bytes` bytes of the pattern of `seed`; 0 sends until the peer closes.
    pub fn new(seed: u64, bytes: u64) -> Self {
        Self { seed, bytes }
    }
}

impl Serve for Chargen {
    /// Bytes sent so far.
    type State = u64;

    fn kind(&self) -> &'static str {
        "chargen"
    }

    fn open(&self) -> u64 {
        0
    }

    fn serve<M: Memory>(&mut self, exchange: &mut Exchange<'_, M>, sent: &mut u64) -> Progress {
        match drop_input(exchange) {
            // A peer that only half-closes still gets a bounded stream whole.
            Err(ReceiveError::EndOfStream) if self.bytes == 0 => return Progress::Finished,
            Ok(()) | Err(ReceiveError::EndOfStream) => {}
            Err(_) => return Progress::Failed,
        }
        let mut piece = [0; PIECE_BYTES];
        for _ in 0..SHARE_BYTES / PIECE_BYTES {
            let left = if self.bytes == 0 {
                u64::MAX
            } else {
                self.bytes - *sent
            };
            if left == 0 {
                return Progress::Finished;
            }
            let length = PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX));
            pattern::fill(self.seed, *sent, &mut piece[..length]);
            match exchange
                .shard
                .send(exchange.now, exchange.connection, &piece[..length])
            {
                Ok(count) => {
                    *sent += count as u64;
                    exchange.statistics.sent_bytes += count as u64;
                    if count < length {
                        return Progress::Waiting;
                    }
                }
                Err(_) => return Progress::Failed,
            }
        }
        Progress::More
    }
}

/// Reads and forgets what the peer sends.
fn drop_input<M: Memory>(exchange: &mut Exchange<'_, M>) -> Result<(), ReceiveError> {
    for _ in 0..INPUT_PIECES_MAX {
        let count = exchange.shard.receive_slice(exchange.connection)?.len();
        if count == 0 {
            break;
        }
        exchange.statistics.received_bytes += count as u64;
        exchange
            .shard
            .consume(exchange.now, exchange.connection, count);
    }
    Ok(())
}

const PIECE_BYTES: usize = 4_096;

/// What the peer sends beyond this waits for the next share.
const INPUT_PIECES_MAX: usize = 16;
