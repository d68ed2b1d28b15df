//! The fixed table of a service's connections, and the ring of those that wait for another share.

use std::collections::VecDeque;

use coremill_tcp::ConnectionId;

/// One connection of a service with what the service keeps for it.
#[derive(Debug)]
pub struct Session<S> {
    /// The connection.
    pub connection: ConnectionId,
    /// The service's own state.
    pub state: S,
}

/// A fixed number of slots, reserved at start.
#[derive(Debug)]
pub struct Sessions<S> {
    slots: Vec<Option<Session<S>>>,
    free: Vec<u32>,
    waiting: VecDeque<u32>,
    /// Whether a slot is in `waiting`. It stays there when its session ends: the slot's next one
    /// gets a share for nothing, and the ring never holds more than one entry a slot.
    is_waiting: Vec<bool>,
}

impl<S> Sessions<S> {
    /// `count` empty slots.
    pub fn new(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            slots: (0..count).map(|_| None).collect(),
            free: (0..count).rev().collect(),
            waiting: VecDeque::with_capacity(count as usize),
            is_waiting: vec![false; count as usize],
        }
    }

    /// Connections open.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True when every slot is taken.
    pub fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Takes a slot for `connection`; None when all are taken.
    pub fn insert(&mut self, connection: ConnectionId, state: S) -> Option<u32> {
        let slot = self.free.pop()?;
        self.slots[slot as usize] = Some(Session { connection, state });
        Some(slot)
    }

    /// The session in `slot`.
    pub fn session(&mut self, slot: u32) -> Option<&mut Session<S>> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The slot's session if it still is that of `connection`: an event may be older than the slot.
    pub fn session_of(&mut self, slot: u32, connection: ConnectionId) -> Option<&mut Session<S>> {
        self.session(slot)
            .filter(|session| session.connection == connection)
    }

    /// Empties `slot`.
    pub fn remove(&mut self, slot: u32) {
        if self
            .slots
            .get_mut(slot as usize)
            .and_then(Option::take)
            .is_some()
        {
            self.free.push(slot);
        }
    }

    /// Lets `slot` wait for another share of a later turn; once, however often it is asked for.
    pub fn wait(&mut self, slot: u32) {
        if let Some(is_waiting) = self.is_waiting.get_mut(slot as usize)
            && !std::mem::replace(is_waiting, true)
        {
            self.waiting.push_back(slot);
        }
    }

    /// The slot that has waited longest.
    pub fn next_waiting(&mut self) -> Option<u32> {
        let slot = self.waiting.pop_front()?;
        self.is_waiting[slot as usize] = false;
        Some(slot)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
