//! At most one deadline per slot, the earliest at hand: a binary heap that knows where each slot
//! stands in it. A neighbour's timers are few and slow; no wheel is needed.

use coremill_tcp::Instant;

#[derive(Debug)]
pub(super) struct Deadlines {
    heap: Vec<(Instant, u32)>,
    /// Where a slot stands in the heap.
    positions: Box<[Option<u32>]>,
}

impl Deadlines {
    pub fn new(slots: usize) -> Self {
        Self {
            heap: Vec::with_capacity(slots),
            positions: vec![None; slots].into(),
        }
    }

    /// The earliest.
    pub fn first(&self) -> Option<(Instant, u32)> {
        self.heap.first().copied()
    }

    /// Sets the deadline of `slot`, instead of the one it has.
    pub fn arm(&mut self, slot: u32, deadline: Instant) {
        let Some(&position) = self.positions.get(slot as usize) else {
            return;
        };
        let position = match position {
            Some(position) => {
                self.heap[position as usize].0 = deadline;
                position as usize
            }
            None => {
                self.heap.push((deadline, slot));
                self.place(self.heap.len() - 1);
                self.heap.len() - 1
            }
        };
        self.sift(position);
    }

    /// Takes the deadline of `slot` away, if it has one.
    pub fn disarm(&mut self, slot: u32) {
        let Some(position) = self.positions.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        let position = position as usize;
        self.heap.swap_remove(position);
        if position < self.heap.len() {
            self.place(position);
            self.sift(position);
        }
    }

    /// Moves what stands at `position` up or down to where it belongs.
    fn sift(&mut self, mut position: usize) {
        while position > 0 && self.heap[position] < self.heap[(position - 1) / 2] {
            self.swap(position, (position - 1) / 2);
            position = (position - 1) / 2;
        }
        loop {
            let left = 2 * position + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let right_less = right < self.heap.len() && self.heap[right] < self.heap[left];
            let child = if right_less { right } else { left };
            if self.heap[position] <= self.heap[child] {
                return;
            }
            self.swap(position, child);
            position = child;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.place(one);
        self.place(other);
    }

    fn place(&mut self, position: usize) {
        let slot = self.heap[position].1;
        // Slots fit into 32 bits, positions are no more than slots.
        self.positions[slot as usize] = Some(position as u32);
    }
}

#[cfg(test)]
mod tests;
