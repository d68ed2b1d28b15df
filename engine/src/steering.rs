//! Which worker owns a flow: `table[toeplitz(key, tuple as received) mod size]`.
//!
//! A port with receive steering was given the same key and table, so that its packets come home. The
//! hash that came with a packet is used only from such ports; whether its packets really come home is
//! seen at each of them and counted.

pub mod toeplitz;

use coremill_tcp::{Endpoint, Flow};

use toeplitz::Toeplitz;

/// The key and the table, the same for every worker.
#[derive(Debug)]
pub struct Steering {
    toeplitz: Toeplitz,
    table: [u8; Steering::TABLE_LENGTH],
    workers: usize,
}

impl Steering {
    /// Entries of the table: a power of two that the tables of common ports hold.
    pub const TABLE_LENGTH: usize = 128;
    /// Workers that a table can name.
    pub const WORKERS_MAX: usize = 128;

    /// Spreads the table evenly over `workers` (at least one, at most `WORKERS_MAX`).
    pub fn new(key: &[u8; 40], workers: usize) -> Self {
        let workers = workers.clamp(1, Self::WORKERS_MAX);
        Self {
            toeplitz: Toeplitz::new(key),
            table: std::array::from_fn(|entry| u8::try_from(entry % workers).unwrap_or(0)),
            workers,
        }
    }

    /// Workers that it spreads flows over.
    #[inline]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The table, to give to a port's RSS.
    pub fn table(&self) -> &[u8; Self::TABLE_LENGTH] {
        &self.table
    }

    /// The worker that owns what arrives from `source` at `destination`; `hash` is what a port that
    /// steers computed for it.
    #[inline]
    pub fn owner(&self, source: Endpoint, destination: Endpoint, hash: Option<u32>) -> usize {
        if self.workers == 1 {
            return 0;
        }
        let hash = hash.unwrap_or_else(|| {
            let source = (source.address, source.port);
            let destination = (destination.address, destination.port);
            self.toeplitz.hash(source, destination)
        });
        self.entry(hash)
    }

    /// The worker that gets what the peer sends on `flow`.
    pub fn owner_of(&self, flow: &Flow) -> usize {
        self.owner(flow.remote, flow.local, None)
    }

    #[inline]
    fn entry(&self, hash: u32) -> usize {
        usize::from(self.table[hash as usize % Self::TABLE_LENGTH])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_gets_its_share() {
        let steering = Steering::new(&[0x6d; 40], 3);
        let shares: Vec<usize> = (0..3)
            .map(|worker| {
                steering
                    .table()
                    .iter()
                    .filter(|entry| usize::from(**entry) == worker)
                    .count()
            })
            .collect();
        assert_eq!(shares, [43, 43, 42]);
    }

    #[test]
    fn a_flow_is_owned_by_who_gets_its_packets() {
        let key = std::array::from_fn(|index| u8::try_from(index * 37 % 251).expect("small"));
        let steering = Steering::new(&key, 2);
        let mut owned = [0; 2];
        for port in 1_024..2_048 {
            let local = Endpoint::new([10, 0, 0, 1].into(), 80);
            let remote = Endpoint::new([10, 0, 0, 2].into(), port);
            let owner = steering.owner_of(&Flow { local, remote });
            assert_eq!(owner, steering.owner(remote, local, None));
            owned[owner] += 1;
        }
        assert!(owned.iter().all(|count| *count > 300), "{owned:?}");
    }
}
