//! What a shard's congestion control is set to.

use super::Algorithm;

/// Defaults of all connections of a shard. They follow Linux.
#[derive(Clone, Copy, Debug)]
pub struct CongestionSettings {
    /// The algorithm of connections that ask for none.
    pub algorithm: Algorithm,
    /// Initial window in segments (RFC 6928).
    pub initial_window_segments: u32,
    /// Connections that can remember more than their windows: blocks reserved for it.
    pub blocks_max: usize,
}

impl Default for CongestionSettings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            initial_window_segments: 10,
            blocks_max: 16_384,
        }
    }
}
