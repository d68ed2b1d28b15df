//! Contexts that spoke a moment ago, and are expected to speak again: their rings are looked at in each turn, so that
//! neither side needs the bits that say who has spoken (`ready_bits`).

use super::domain::Domain;

/// Those of one application.
#[derive(Debug, Default)]
pub(super) struct Watched {
    contexts: [u32; WATCHED_MAX],
    count: usize,
    /// Turns in a row in which none of them has spoken.
    silent_turns: u32,
}

impl Watched {
    #[inline]
    fn contexts(&self) -> &[u32] {
        self.contexts.get(..self.count).unwrap_or_default()
    }
}

impl Domain {
    /// Flags who has spoken: who says so by a bit, and who is watched and has something in its ring.
    #[inline]
    pub(super) fn hear(&mut self) {
        let words = self.contexts.len().div_ceil(64);
        for (word, flagged) in self.flagged.iter_mut().enumerate().take(words) {
            *flagged |= self.ready_bits.take_word(word);
        }
        for place in 0..self.watched.count {
            let number = self.watched.contexts.get(place).copied().unwrap_or(0);
            let context = self.contexts.get(number as usize);
            if context.is_some_and(|context| context.ring.has_message()) {
                self.flag(number);
                self.watched.silent_turns = 0;
            }
        }
        self.watched.silent_turns += 1;
        if self.watched.silent_turns > SILENT_TURNS_MAX {
            self.stop_watching();
        }
    }

    /// A context has spoken.
    #[inline]
    pub(super) fn watch(&mut self, context: u32) {
        if self.watched.contexts().contains(&context) {
            return;
        }
        if let Some(place) = self.watched.contexts.get_mut(self.watched.count)
            && self.ready_bits.watch(context)
        {
            *place = context;
            self.watched.count += 1;
        }
    }

    #[inline]
    fn flag(&mut self, context: u32) {
        if let Some(flagged) = self.flagged.get_mut(context as usize / 64) {
            *flagged |= 1 << (context % 64);
        }
    }

    /// They have said nothing for long: they say by their bits from now on, and are looked at once more.
    #[cold]
    fn stop_watching(&mut self) {
        self.watched.silent_turns = 0;
        if self.watched.count == 0 {
            return;
        }
        self.ready_bits.unwatch();
        for context in std::mem::take(&mut self.watched).contexts() {
            self.flag(*context);
        }
    }

    /// Before the worker sleeps, and watches none any more: true when nobody has spoken meanwhile.
    pub(super) fn prepare_silence(&mut self) -> bool {
        let mut is_silent = self.ready_bits.sleep();
        let watched = std::mem::take(&mut self.watched);
        for number in watched.contexts() {
            let context = self.contexts.get(*number as usize);
            if context.is_some_and(|context| context.ring.has_message()) {
                is_silent = false;
                self.flag(*number);
            }
        }
        is_silent
    }
}

/// Contexts that are watched at a time: the looks that a turn has to spare for each application.
const WATCHED_MAX: usize = 4;
/// Turns without a word after which nobody is watched: some hundred microseconds of a worker that has nothing to do.
const SILENT_TURNS_MAX: u32 = 2_048;
