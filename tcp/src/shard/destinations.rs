//! What the shard remembers of destinations, for operators to see and to forget.

use std::net::IpAddr;
use std::time::Duration;

use super::Shard;
use crate::destinations::Destination;
use crate::header::HEADER_BYTES;
use crate::memory::Memory;
use crate::snapshot::DestinationRow;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Visits the destinations in the next `places_max` places after `place`, which moves on; false at the end.
    pub fn destination_rows(
        &self,
        now: Instant,
        place: &mut usize,
        places_max: usize,
        visit: &mut dyn FnMut(&DestinationRow),
    ) -> bool {
        let end = self.context.destinations.places().min(*place + places_max);
        for at in *place..end {
            if let Some(known) = self.context.destinations.at(at) {
                visit(&row(now, known));
            }
        }
        *place = end;
        end < self.context.destinations.places()
    }

    /// Forgets one destination, or all; gives how many that were. Connections that live keep what they have.
    pub fn forget_destinations(&mut self, address: Option<IpAddr>) -> usize {
        self.context.destinations.forget(address)
    }
}

fn row(now: Instant, known: &Destination) -> DestinationRow {
    let metrics = known.metrics.current(now);
    let micros =
        |count: u32| Some(Duration::from_micros(count.into())).filter(|time| !time.is_zero());
    let some = |count: u32| Some(count).filter(|count| *count > 0);
    DestinationRow {
        source: known.source,
        destination: known.address,
        age: now.since(known.used()),
        round_trip: micros(metrics.round_trip_eighths / 8),
        round_trip_variation: micros(metrics.variation_quarters / 4),
        slow_start_threshold_segments: some(metrics.threshold_segments),
        congestion_window_segments: some(metrics.window_segments),
        reordering_segments: some(metrics.reordering.into()),
        path_mtu: known.path_mtu(now).map(|(mtu, _)| mtu),
        path_mtu_found: known.search.map(|search| {
            let headers = headers_bytes(known.address);
            (
                search.low.saturating_add(headers),
                search.high.saturating_add(headers),
            )
        }),
        fast_open_cookie: Some(known.fast_open.cookie).filter(|cookie| !cookie.is_request()),
        fast_open_segment_bytes: some(known.fast_open.mss.into()),
        fast_open_syn_losses: known.fast_open.syn_losses,
        fast_open_lost: (known.fast_open.syn_losses > 0)
            .then(|| now.since(known.fast_open.lost_at)),
    }
}

/// Of IP and TCP, options aside.
fn headers_bytes(address: IpAddr) -> u16 {
    let ip = if address.is_ipv4() { 20 } else { 40 };
    ip + HEADER_BYTES as u16
}
