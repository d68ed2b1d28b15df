//! What a poller waits for: each has a place, and a key that is its place and how often that was taken. Events carry the
//! key, so that nothing is searched for.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use coremill_ring::layout::Layout;
use coremill_ring::words::SharedRead;

use super::{Interest, Watched};
use crate::announced::Announced;
use crate::told::Told;

/// A socket that is waited for.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) watched: Weak<dyn Watched>,
    /// What answers and events say of it; this keeps nothing open.
    told: Arc<Told>,
    number: u64,
    pub(super) token: usize,
    received: u64,
    /// Whether `received` says all there is to say.
    is_known: bool,
    pub(super) interest: Interest,
    pub(super) is_candidate: bool,
}

/// All of a poller's.
#[derive(Debug, Default)]
pub(super) struct Sources {
    places: Vec<Place>,
    free: Vec<u32>,
    /// Keys by the sockets' numbers.
    keys: HashMap<u64, u64>,
    /// Sources beyond which those that were dropped are looked for.
    sweep_at: usize,
}

/// A line of the cache: each event needs one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place {
    round: u32,
    source: Option<Source>,
}

impl Source {
    /// Bytes received, as the last event or the last look at the state had it: whatever comes later is announced by an
    /// event of its own. None where only a look at the state says more.
    #[inline]
    pub(super) fn set_received(&mut self, received: Option<u64>) {
        self.is_known = received.is_some();
        self.received = received.unwrap_or_default();
    }

    /// Takes an event's word of bytes on a connection that is well, and has them fetched: they are read soon.
    #[inline]
    pub(super) fn hear(&mut self, announced: Announced, (memory, layout): (&SharedRead, &Layout)) {
        let Announced {
            received,
            chunk,
            start,
        } = announced;
        self.set_received(Some(received));
        self.told.announcement.set(announced);
        if let Some(part) = layout.receive_chunk(chunk) {
            let inside = self.told.read().saturating_sub(start);
            memory.prefetch_byte(part.first_word * 8 + usize::try_from(inside).unwrap_or(0));
        }
    }

    /// Whether there is something to read, where what was heard or seen last says it. It says so as long as no event has
    /// come since, and the state, which the worker is about to write, need not be looked at.
    #[inline]
    pub(super) fn is_readable(&self) -> Option<bool> {
        let can_tell = self.is_known && !self.interest.writable && !self.told.is_over();
        can_tell.then(|| self.told.read() < self.received)
    }
}

impl Sources {
    /// Adds one, or changes what is waited for of it, and makes it a candidate; gives its key, and whether it was one.
    pub(super) fn insert(
        &mut self,
        watched: &Arc<dyn Watched>,
        token: usize,
        interest: Interest,
    ) -> (u64, bool) {
        self.sweep();
        let number = watched.socket().number;
        let source = Source {
            watched: Arc::downgrade(watched),
            told: Arc::clone(&watched.socket().told),
            number,
            token,
            interest,
            is_candidate: true,
            received: 0,
            is_known: false,
        };
        if let Some(key) = self.keys.get(&number).copied()
            && let Some(known) = self.get_mut(key)
        {
            let was_candidate = known.is_candidate;
            *known = source;
            return (key, was_candidate);
        }
        let number_of = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            number_of(self.places.len() - 1)
        });
        let Some(taken) = self.places.get_mut(place as usize) else {
            return (u64::MAX, true);
        };
        taken.round = taken.round.wrapping_add(1);
        taken.source = Some(source);
        let key = u64::from(taken.round) << 32 | u64::from(place);
        self.keys.insert(number, key);
        (key, false)
    }

    /// The source of a key.
    #[inline]
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut Source> {
        let place = self.places.get_mut((key & u64::from(u32::MAX)) as usize)?;
        (u64::from(place.round) == key >> 32).then_some(())?;
        place.source.as_mut()
    }

    /// Forgets the source of a socket.
    pub(super) fn remove(&mut self, number: u64) -> Option<Source> {
        let key = self.keys.remove(&number)?;
        let place = (key & u64::from(u32::MAX)) as u32;
        let source = self.places.get_mut(place as usize)?.source.take()?;
        self.free.push(place);
        Some(source)
    }

    /// Forgets the source of a key.
    pub(super) fn remove_key(&mut self, key: u64) {
        if let Some(number) = self.get_mut(key).map(|source| source.number) {
            self.remove(number);
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.places.iter().filter_map(|place| place.source.as_ref())
    }

    /// Forgets sources that were dropped while they were not ready, once there are twice as many as there were.
    fn sweep(&mut self) {
        if self.keys.len() < self.sweep_at.max(SOURCES_FEW) {
            return;
        }
        let dropped: Vec<u64> = self
            .iter()
            .filter(|source| source.watched.strong_count() == 0)
            .map(|source| source.number)
            .collect();
        for number in dropped {
            self.remove(number);
        }
        self.sweep_at = 2 * self.keys.len();
    }
}

const _: () = assert!(size_of::<Place>() == 64);
/// Fewer sources than this are not swept.
const SOURCES_FEW: usize = 64;
