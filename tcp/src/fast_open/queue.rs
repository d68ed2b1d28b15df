//! How many Fast Open connections of a listener are pending: the bound on what forged SYNs can make it do.
//!
//! One that its peer reset after its user had taken it counts for about a minute longer (as Linux; RFC 7413, section
//! 5.1): whoever has cookies of addresses that are not his own does not get rid of what the resets of their owners bring.

use std::time::Duration;

use crate::time::Instant;

/// What a listener has pending.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Queue {
    /// Of the listener that it belongs to.
    generation: u32,
    pending: u32,
    /// Resets in each of the last periods.
    resets: [u32; PERIODS],
    /// The present period's number.
    period: u64,
}

impl Queue {
    /// Begins anew for another listener in the same slot.
    pub(super) fn belong_to(&mut self, generation: u32) {
        if self.generation != generation {
            *self = Self {
                generation,
                ..Self::default()
            };
        }
    }

    pub(super) fn begin(&mut self) {
        self.pending += 1;
    }

    pub(super) fn end(&mut self, now: Instant, is_suspect: bool) {
        self.pending = self.pending.saturating_sub(1);
        if is_suspect {
            self.move_on(now);
            self.resets[0] = self.resets[0].saturating_add(1);
        }
    }

    /// How many count.
    pub(super) fn length(&mut self, now: Instant) -> u32 {
        self.move_on(now);
        self.resets
            .iter()
            .fold(self.pending, |sum, count| sum.saturating_add(*count))
    }

    fn move_on(&mut self, now: Instant) {
        let period = now.as_nanos() / PERIOD_NANOS;
        let passed = period.saturating_sub(self.period);
        let passed = usize::try_from(passed).unwrap_or(PERIODS).min(PERIODS);
        self.period = period;
        self.resets.rotate_right(passed % PERIODS);
        if let Some(fresh) = self.resets.get_mut(..passed) {
            fresh.fill(0);
        }
    }
}

/// A reset counts for 60 s to 66 s: as long as the whole periods that follow its own.
const PERIODS: usize = 11;
const PERIOD: Duration = Duration::from_secs(6);
const PERIOD_NANOS: u64 = PERIOD.as_secs() * 1_000_000_000;

#[cfg(test)]
mod tests;
