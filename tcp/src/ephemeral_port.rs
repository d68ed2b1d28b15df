//! Ephemeral ports: the double-hash port selection of RFC 6056, section 3.3.4, narrowed to ports
//! whose replies come home to this shard.

use std::net::IpAddr;

use crate::address::{Endpoint, Flow};
use crate::flow_hash::FlowSecret;

/// Chooses source ports.
#[derive(Debug)]
pub struct EphemeralPorts {
    secret: FlowSecret,
    first: u16,
    /// How many ports there are to choose from, 1 to 65,536.
    count: u32,
    /// Counters: peers that meet in one see each other's steps, so there are many.
    steps: Box<[u32]>,
}

impl EphemeralPorts {
    /// Ports from the first of `range` to its second, both included (in either order), under
    /// `secret`.
    pub fn new(secret: &[u8; 16], range: (u16, u16)) -> Self {
        let (first, last) = (range.0.min(range.1), range.0.max(range.1));
        Self {
            secret: FlowSecret::new(secret),
            first,
            count: u32::from(last - first) + 1,
            steps: vec![0; STEPS].into_boxed_slice(),
        }
    }

    /// A port for a flow from `local` to `remote` that is free (`in_use` is false) and whose
    /// replies come to this shard (`comes_home` is true). None when the search, of bounded
    /// length, finds none; the next one starts behind where this one ended.
    pub fn choose(
        &mut self,
        local: IpAddr,
        remote: Endpoint,
        comes_home: &dyn Fn(&Flow) -> bool,
        in_use: &dyn Fn(&Flow) -> bool,
    ) -> Option<u16> {
        let offset = self.secret.of_addresses(local, &remote, 1) as u32;
        let index = self.secret.of_addresses(local, &remote, 2) as usize % STEPS;
        let counter = self.steps.get_mut(index)?;
        for _ in 0..self.count.min(SEARCH_MAX) {
            let step = *counter;
            *counter = step.wrapping_add(1);
            let place = (u64::from(offset) + u64::from(step)) % u64::from(self.count);
            let port = u16::try_from(u64::from(self.first) + place).unwrap_or(self.first);
            let flow = Flow {
                local: Endpoint::new(local, port),
                remote,
            };
            if port != 0 && comes_home(&flow) && !in_use(&flow) {
                // As Linux: now and then a few are passed over, so that steps do not count connections.
                if self
                    .secret
                    .of_number(u64::from(offset ^ step))
                    .is_multiple_of(16)
                {
                    *counter = counter.wrapping_add(7);
                }
                return Some(port);
            }
        }
        None
    }
}

/// Counters of steps. RFC 6056 asks for at least ten; 256 could be filled by one peer, who then knew a machine again
/// by its steps (CVE-2022-32296). As many as Linux has.
const STEPS: usize = 65_536;
/// Ports looked at in one search: it shares a turn with everything else.
const SEARCH_MAX: u32 = 8_192;

#[cfg(test)]
mod tests;
