//! The largest of what was seen in the last few rounds, from three numbers (Kathleen Nichols' filter).

/// A running maximum over a window of rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WindowedMax {
    /// The best, the second best after it, and the third best after that.
    best: [Sample; 3],
}

#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    round: u32,
    value: u32,
}

impl WindowedMax {
    /// The maximum; 0 before anything was seen.
    pub(super) fn get(&self) -> u32 {
        self.best[0].value
    }

    /// Takes in what was seen in `round`, and forgets what is older than `window` rounds.
    pub(super) fn see(&mut self, round: u32, window: u32, value: u32) {
        let sample = Sample { round, value };
        let is_stale = |old: Sample| round.wrapping_sub(old.round) > window;
        if value >= self.best[0].value || is_stale(self.best[2]) {
            self.best = [sample; 3];
            return;
        }
        if value >= self.best[1].value {
            self.best[1] = sample;
            self.best[2] = sample;
        } else if value >= self.best[2].value {
            self.best[2] = sample;
        }
        self.age(sample, window);
    }

    /// The best leave when they are too old, and the others come from different parts of the window.
    fn age(&mut self, sample: Sample, window: u32) {
        let age = |old: Sample| sample.round.wrapping_sub(old.round);
        if age(self.best[0]) > window {
            self.best = [self.best[1], self.best[2], sample];
            if age(self.best[0]) > window {
                self.best = [self.best[1], self.best[2], sample];
            }
        } else if self.best[1].round == self.best[0].round && age(self.best[1]) > window / 4 {
            self.best[1] = sample;
            self.best[2] = sample;
        } else if self.best[2].round == self.best[1].round && age(self.best[2]) > window / 2 {
            self.best[2] = sample;
        }
    }
}
