//! The books of the chunks that a worker lends: its share of a domain's.

use coremill_ring::lender::Lender;
use coremill_ring::shape::Shape;

/// A worker's share of a domain's chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) receive: Lender,
    pub(super) send: Lender,
}

impl Chunks {
    /// The share of `worker`, all free.
    pub(super) fn new(shape: &Shape, worker: u32) -> Self {
        Self {
            receive: Lender::new_share(&shape.receive_chunks, worker, shape.workers),
            send: Lender::new_share(&shape.send_chunks, worker, shape.workers),
        }
    }
}
