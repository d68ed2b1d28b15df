//! Contexts that spoke a moment ago, and are expected to speak again: their rings are looked at in each turn, so that
//! neither side needs the bits that say who has spoken (`ready_bits`).

use super::domain::Domain;

/// Those of one application, a bit each.
#[derive(Debug, Default)]
pub(super) struct Watched {
    bits: [u64; 8],
    count: u32,
    /// Turns in a row in which none of them has spoken.
    silent_turns: u32,
}

impl Domain {
    /// Flags who has spoken, and who is watched.
    #[inline]
    pub(super) fn hear(&mut self) {
        let words = self.contexts.len().div_ceil(64);
        for (word, flagged) in self.flagged.iter_mut().enumerate().take(words) {
            *flagged |= self.ready_bits.take_word(word);
        }
        if self.watched.count > 0 {
            for (flagged, watched) in self.flagged.iter_mut().zip(&self.watched.bits).take(words) {
                *flagged |= watched;
            }
            self.watched.silent_turns += 1;
            if self.watched.silent_turns > SILENT_TURNS_MAX {
                // They are flagged, and looked at once more in this turn.
                self.ready_bits.unwatch();
                self.watched = Watched::default();
            }
        }
    }

    /// A context has spoken.
    #[inline]
    pub(super) fn watch(&mut self, context: u32) {
        let (word, bit) = (context as usize / 64, 1_u64 << (context % 64));
        self.watched.silent_turns = 0;
        let Some(bits) = self.watched.bits.get_mut(word) else {
            return;
        };
        if *bits & bit == 0 && self.watched.count < WATCHED_MAX && self.ready_bits.watch(context) {
            *bits |= bit;
            self.watched.count += 1;
        }
    }

    /// Before the worker sleeps, and watches none any more: true when nobody has spoken meanwhile.
    pub(super) fn prepare_silence(&mut self) -> bool {
        let mut is_silent = self.ready_bits.sleep();
        let watched = std::mem::take(&mut self.watched);
        if watched.count > 0 {
            for (number, context) in self.contexts.iter().enumerate() {
                let (word, bit) = (number / 64, 1_u64 << (number % 64));
                let is_watched = watched.bits.get(word).is_some_and(|bits| bits & bit != 0);
                if is_watched && context.ring.has_message() {
                    is_silent = false;
                    if let Some(flagged) = self.flagged.get_mut(word) {
                        *flagged |= bit;
                    }
                }
            }
        }
        is_silent
    }
}

/// Contexts that are watched at a time: the looks that a turn has to spare for each application.
const WATCHED_MAX: u32 = 4;
/// Turns without a word after which nobody is watched: some hundred microseconds of a worker that has nothing to do.
const SILENT_TURNS_MAX: u32 = 2_048;
