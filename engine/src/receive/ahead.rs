//! A look ahead at a burst. Where connections are many, what a segment needs lies far from the core, and one fetch leads to
//! the next: the record, what its user keeps, the chunk that the bytes go to. For a whole burst each step is fetched
//! together, so that the core waits once and not for each packet. Nothing is decided by it.

use coremill_ring::words::prefetch;
use coremill_tcp::{Endpoint, Flow};

use crate::clock::Clock;
use crate::nic::{Buffer, Port};
use crate::ordinary::Ordinary;
use crate::routes::Routes;
use crate::worker::Worker;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Has fetched what the packets of a burst will need.
    #[inline]
    pub(super) fn look_ahead(&self, port: usize, burst: &[P::Buffer]) {
        if burst.len() > 1 && self.shard.is_large() {
            burst
                .chunks(AHEAD_MAX)
                .take(1)
                .for_each(|burst| self.fetch(port, burst));
        }
    }

    #[inline(never)]
    fn fetch(&self, port: usize, burst: &[P::Buffer]) {
        let Some(slot) = self.ports.get(port) else {
            return;
        };
        let mut slots = [0; AHEAD_MAX];
        let mut count = 0;
        let mut places = slots.iter_mut();
        for packet in burst {
            let frame = slot.acquaintances.recognize(packet.data());
            if let Some(flow) = frame.and_then(|frame| flow_of(&frame))
                && let Some((slot, record)) = self.shard.likely_record(&flow)
                && let Some(place) = places.next()
            {
                prefetch(record);
                *place = slot;
                count += 1;
            }
        }
        let mut cookies = [0; AHEAD_MAX];
        let found = slots.get(..count).unwrap_or_default();
        for (place, slot) in cookies.iter_mut().zip(found) {
            *place = self.shard.cookie_at(*slot).unwrap_or_default();
        }
        let cookies = cookies.get(..count).unwrap_or_default();
        for step in Step::ALL {
            for cookie in cookies {
                self.applications.fetch(*cookie, step);
            }
        }
    }
}

/// What is fetched of an application's connection: each step is found by what the one before has fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its slot and its state.
    Slot,
    /// Its record of chunks.
    Lending,
    /// The place of the next bytes.
    Chunk,
}

impl Step {
    const ALL: [Self; 3] = [Self::Slot, Self::Lending, Self::Chunk];
}

#[inline]
fn flow_of(frame: &Ordinary<'_>) -> Option<Flow> {
    let &[s0, s1, d0, d1] = frame.segment.first_chunk::<4>()?;
    Some(Flow {
        local: Endpoint::new(frame.destination.into(), u16::from_be_bytes([d0, d1])),
        remote: Endpoint::new(frame.source.into(), u16::from_be_bytes([s0, s1])),
    })
}

/// Packets that are looked at ahead: with all that they need they fill two thirds of a first-level cache of 48 KiB.
const AHEAD_MAX: usize = 32;
