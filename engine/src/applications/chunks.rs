//! The books of the chunks that a worker lends: its share of a domain's.

use coremill_ring::lender::Lender;
use coremill_ring::shape::Shape;

use super::lending::Lendings;

/// A worker's share of a domain's chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) receive: Lender,
    pub(super) send: Lender,
    /// Of the connections that they are lent to.
    pub(super) lendings: Lendings,
}

impl Chunks {
    /// The share of `worker`, all free.
    pub(super) fn new(shape: &Shape, worker: u32) -> Self {
        let shares = shape.workers.max(1);
        let own =
            |counts: &[u32]| -> u32 { counts.iter().map(|count| count.div_ceil(shares)).sum() };
        let chunks = own(&shape.receive_chunks).saturating_add(own(&shape.send_chunks));
        Self {
            lendings: Lendings::new(chunks as usize),
            receive: Lender::new_share(&shape.receive_chunks, worker, shape.workers),
            send: Lender::new_share(&shape.send_chunks, worker, shape.workers),
        }
    }
}
