//! Echo (RFC 862): sends back what it receives, and FIN for FIN.

use coremill_tcp::error::{ReceiveError, SpliceError};
use coremill_tcp::memory::Memory;

use super::server::{Exchange, Progress, SHARE_BYTES, Serve};

/// The echo service.
#[derive(Debug)]
pub struct Echo;

impl Serve for Echo {
    type State = ();

    fn kind(&self) -> &'static str {
        "echo"
    }

    fn open(&self) {}

    fn serve<M: Memory>(&mut self, exchange: &mut Exchange<'_, M>, _state: &mut ()) -> Progress {
        let Exchange {
            now,
            shard,
            connection,
            statistics,
            ..
        } = exchange;
        let mut moved = 0;
        while moved < SHARE_BYTES {
            match shard.splice(*now, *connection, SHARE_BYTES - moved) {
                Ok(0) => return Progress::Waiting,
                Ok(count) => {
                    moved += count;
                    statistics.received_bytes += count as u64;
                    statistics.sent_bytes += count as u64;
                }
                Err(SpliceError::Receive(ReceiveError::EndOfStream)) => return Progress::Finished,
                Err(_) => return Progress::Failed,
            }
        }
        Progress::More
    }
}
