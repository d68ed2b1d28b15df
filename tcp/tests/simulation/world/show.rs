//! What a reader of a run wants to see: each segment as it is sent and as it arrives, and what its connection makes of it.

use coremill_tcp::header::Segment;
use coremill_tcp::snapshot::{ConnectionRow, Cursor};

use super::World;
use crate::link::Packet;
use crate::wire::shown;

impl World {
    pub(super) fn show(&self, side: usize, does: &str, segment: &Segment<'_>) {
        let at = self.now.since(self.plan.origin);
        println!("{at:?} side {side} {does} {}", shown(segment));
    }

    /// A segment, and the connection that has just heard it.
    pub(super) fn show_arrival(&self, side: usize, packet: &Packet) {
        let Ok(segment) = Segment::parse(&packet.bytes) else {
            return;
        };
        self.show(side, "hears", &segment);
        let ports = (segment.header.destination_port, segment.header.source_port);
        let mut cursor = Cursor::default();
        let mut visit = |row: &ConnectionRow| {
            if (row.flow.local.port, row.flow.remote.port) == ports {
                show_row(row);
            }
        };
        let shard = &self.sides[side].shard;
        while shard.connection_rows(self.now, &mut cursor, 64, &mut visit) {}
    }
}

fn show_row(row: &ConnectionRow) {
    println!(
        "    {:?}: cwnd {} ssthresh {} mss {} rto {:?} hold {} {:?}",
        row.state,
        row.congestion_window_bytes,
        row.slow_start_threshold_bytes,
        row.maximum_segment_bytes,
        row.retransmission_timeout,
        row.hold,
        row.outstanding,
    );
}
