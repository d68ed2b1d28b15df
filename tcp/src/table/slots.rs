//! A bounded pool of records, named by slot and generation; memory is reserved once.

use super::NONE;

/// Records of one kind. A slot's generation changes when it is vacated, so that old names miss.
#[derive(Debug)]
pub(crate) struct Slots<T, A = ()> {
    slots: Vec<Slot<T, A>>,
    free: u32,
    live: usize,
    max: usize,
}

/// One place, aligned as `A` is.
#[derive(Debug)]
pub(crate) struct Slot<T, A = ()> {
    content: Content<T>,
    generation: u32,
    _alignment: [A; 0],
}

/// The alignment of a cache line, for records that fill whole ones with their slot.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Line;

/// What is in a place: a record, or the number of the next vacant place.
#[derive(Debug)]
enum Content<T> {
    Record(T),
    Vacant(u32),
}

impl<T, A> Slots<T, A> {
    /// Room for `max` records.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.min(NONE as usize - 1);
        Self {
            slots: Vec::with_capacity(max),
            free: NONE,
            live: 0,
            max,
        }
    }

    /// Puts a record into a vacant slot and returns its number; None when all are taken.
    pub(crate) fn insert(&mut self, record: T) -> Option<u32> {
        if let Some(slot) = self.slots.get_mut(self.free as usize)
            && let Content::Vacant(next) = slot.content
        {
            slot.content = Content::Record(record);
            self.live += 1;
            return Some(std::mem::replace(&mut self.free, next));
        }
        if self.slots.len() >= self.max {
            return None;
        }
        self.slots.push(Slot {
            content: Content::Record(record),
            generation: 0,
            _alignment: [],
        });
        self.live += 1;
        Some((self.slots.len() - 1) as u32)
    }

    /// Takes the record out and lets its names expire.
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let slot = self.slots.get_mut(index as usize)?;
        if matches!(slot.content, Content::Vacant(_)) {
            return None;
        }
        let content = std::mem::replace(&mut slot.content, Content::Vacant(self.free));
        slot.generation = slot.generation.wrapping_add(1);
        self.free = index;
        self.live -= 1;
        match content {
            Content::Record(record) => Some(record),
            Content::Vacant(_) => None,
        }
    }

    /// The record in a slot.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        match &self.slots.get(index as usize)?.content {
            Content::Record(record) => Some(record),
            Content::Vacant(_) => None,
        }
    }

    /// The record in a slot, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match &mut self.slots.get_mut(index as usize)?.content {
            Content::Record(record) => Some(record),
            Content::Vacant(_) => None,
        }
    }

    /// The record that `generation` still names.
    #[inline]
    pub(crate) fn get_current(&self, index: u32, generation: u32) -> Option<&T> {
        let slot = self.slots.get(index as usize)?;
        match &slot.content {
            Content::Record(record) if slot.generation == generation => Some(record),
            _ => None,
        }
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_current_mut(&mut self, index: u32, generation: u32) -> Option<&mut T> {
        let slot = self.slots.get_mut(index as usize)?;
        match &mut slot.content {
            Content::Record(record) if slot.generation == generation => Some(record),
            _ => None,
        }
    }

    /// True when `generation` still names what lies in the slot.
    #[inline]
    pub(crate) fn is_current(&self, index: u32, generation: u32) -> bool {
        self.slots.get(index as usize).is_some_and(|slot| {
            slot.generation == generation && matches!(slot.content, Content::Record(_))
        })
    }

    /// The present generation of a slot.
    #[inline]
    pub(crate) fn generation(&self, index: u32) -> u32 {
        self.slots
            .get(index as usize)
            .map_or(0, |slot| slot.generation)
    }

    /// The place itself, whatever is in it, which is not looked at.
    #[inline]
    pub(crate) fn place(&self, index: u32) -> Option<&Slot<T, A>> {
        self.slots.get(index as usize)
    }

    /// Records held.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// True when no record can be inserted.
    pub(crate) fn is_full(&self) -> bool {
        self.live >= self.max
    }

    /// Slots ever used: all records lie below this number.
    pub(crate) fn end(&self) -> u32 {
        self.slots.len() as u32
    }
}
