//! What others tell of a neighbour (RFC 826, "Packet Reception"; RFC 4861, section 7.2.5).

use std::time::Duration;

use coremill_tcp::Instant;

use super::Neighbors;
use crate::arp::Observation;
use crate::nic::Buffer;
use crate::snapshot::NeighborState;

impl<B: Buffer> Neighbors<B> {
    pub(super) fn learn_observation(
        &mut self,
        now: Instant,
        port: usize,
        observation: &Observation,
    ) -> bool {
        let Observation { address, mac, .. } = *observation;
        let slot = match self.table.find(port, address) {
            Some(slot) => slot,
            None if observation.create => match self.create(now, port, address, false) {
                Some(slot) => slot,
                None => return false,
            },
            None => return false,
        };
        let header = self.header_to(port, address, mac);
        let reachable = self.options.reachable;
        let Some(entry) = self.table.slot_mut(slot) else {
            return false;
        };
        let changed = entry.header != header;
        if changed {
            if entry.header.is_some() && now.since(entry.changed) < CHANGE_MIN {
                // The first of several answers counts: two stations that claim one address would
                // make it flap, and a forger has to be first.
                return true;
            }
            entry.header = header;
            entry.changed = now;
        }
        let answered = observation.solicited && entry.is_asking();
        entry.request_due &= !answered && !changed;
        if answered {
            entry.state = NeighborState::Reachable;
            entry.confirmed = Some(now);
            entry.probes = 0;
            self.table.arm(slot, now + reachable);
        } else if changed {
            // Somebody says so; whether the way there works shows when it is used.
            entry.probes = 0;
            self.make_stale(now, slot);
        }
        self.schedule_output(slot);
        true
    }
}

/// A MAC address that was just learned is not changed by another claim at once.
const CHANGE_MIN: Duration = Duration::from_secs(1);
