//! What time does to a neighbour: asked again, failed, gone stale, probed, forgotten.

use coremill_tcp::Instant;

use super::Neighbors;
use crate::nic::Buffer;
use crate::snapshot::NeighborState;

impl<B: Buffer> Neighbors<B> {
    pub(super) fn run_timers(&mut self, now: Instant, budget: usize) -> usize {
        let mut ran = 0;
        while ran < budget {
            let Some(slot) = self.table.take_due(now) else {
                break;
            };
            self.run_timer(now, slot);
            ran += 1;
        }
        ran
    }

    fn run_timer(&mut self, now: Instant, slot: u32) {
        let options = self.options;
        let Some(entry) = self.table.slot_mut(slot) else {
            return;
        };
        match entry.state {
            NeighborState::Incomplete | NeighborState::Probe => {
                if entry.probes < options.probes_max {
                    self.ask(now, slot);
                } else {
                    self.fail(now, slot);
                }
            }
            NeighborState::Reachable => {
                let until = entry.confirmed.unwrap_or(entry.changed) + options.reachable;
                if until > now {
                    self.table.arm(slot, until);
                } else {
                    self.make_stale(now, slot);
                }
            }
            NeighborState::Delay => {
                entry.state = NeighborState::Probe;
                entry.probes = 0;
                self.ask(now, slot);
            }
            NeighborState::Stale | NeighborState::Failed => {
                let until = entry.used.max(entry.changed) + options.expiry;
                let busy = entry.scheduled || !entry.pending.is_empty();
                if until > now {
                    self.table.arm(slot, until);
                } else if busy {
                    self.table.arm(slot, now + super::RETRY_MIN);
                } else {
                    self.table.remove(slot);
                }
            }
        }
    }

    /// Keeps the MAC address, but has it checked at the next use.
    pub(super) fn make_stale(&mut self, now: Instant, slot: u32) {
        let expiry = self.options.expiry;
        if let Some(entry) = self.table.slot_mut(slot) {
            entry.state = NeighborState::Stale;
            self.table.arm(slot, now + expiry);
        }
    }

    /// Gives up: what waits is dropped by way of the outputs, the next packet asks anew.
    fn fail(&mut self, now: Instant, slot: u32) {
        let expiry = self.options.expiry;
        if let Some(entry) = self.table.slot_mut(slot) {
            entry.state = NeighborState::Failed;
            entry.header = None;
            entry.probes = 0;
            entry.request_due = false;
            self.table.arm(slot, now + expiry);
        }
        self.schedule_output(slot);
    }
}
