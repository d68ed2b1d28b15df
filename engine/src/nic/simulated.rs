//! A link with delay, jitter, loss and a bounded queue between two ports, in virtual time: two
//! engines can run over it in one thread, faster than the clock, and each seed gives the same run.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coremill_tcp::time::Instant;

use super::dice::Dice;
use super::heap_buffer::{HeapBuffer, HeapPool};
use super::{Capabilities, Port};

/// Time that moves only when told; clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct VirtualTime(Arc<AtomicU64>);

impl VirtualTime {
    /// Now.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Acquire))
    }

    /// Moves on by `step`.
    pub fn advance(&self, step: Duration) {
        self.0.fetch_add(nanoseconds(step), Ordering::AcqRel);
    }

    /// Moves on to `instant`; never back.
    pub fn advance_to(&self, instant: Instant) {
        self.0.fetch_max(instant.as_nanos(), Ordering::AcqRel);
    }
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRates {
    /// One-way delay.
    pub delay: Duration,
    /// Up to this much more, drawn for each packet; more than the packets' distance reorders them.
    pub jitter: Duration,
    /// Packets lost, per million.
    pub loss_per_million: u32,
    /// Packets on the way at most; further ones are refused as by a full transmit queue.
    pub packets_max: usize,
}

impl Default for LinkRates {
    fn default() -> Self {
        Self {
            delay: Duration::from_micros(50),
            jitter: Duration::ZERO,
            loss_per_million: 0,
            packets_max: 512,
        }
    }
}

/// One end of a simulated link.
#[derive(Debug)]
pub struct SimulatedPort {
    pool: HeapPool,
    time: VirtualTime,
    incoming: Arc<Mutex<Wire>>,
    outgoing: Arc<Mutex<Wire>>,
    mac: [u8; 6],
}

impl SimulatedPort {
    /// Both ends of a link; the same rates each way, with losses of their own. Their MACs are
    /// 02:00:00:00:01:01 and :02.
    pub fn pair(pool: &HeapPool, time: &VirtualTime, seed: u64, rates: LinkRates) -> (Self, Self) {
        let there = Arc::new(Mutex::new(Wire::new(seed, rates)));
        let back = Arc::new(Mutex::new(Wire::new(!seed, rates)));
        let end = |incoming: &Arc<Mutex<Wire>>, outgoing: &Arc<Mutex<Wire>>, number| Self {
            pool: pool.clone(),
            time: time.clone(),
            incoming: Arc::clone(incoming),
            outgoing: Arc::clone(outgoing),
            mac: [2, 0, 0, 0, 1, number],
        };
        (end(&back, &there, 1), end(&there, &back, 2))
    }

    /// When the next packet arrives here, if any is on the way.
    pub fn next_arrival(&self) -> Option<Instant> {
        lock(&self.incoming)
            .packets
            .front()
            .map(|&(arrival, _)| arrival)
    }

    /// Packets lost on the way here.
    pub fn lost(&self) -> u64 {
        lock(&self.incoming).lost
    }
}

impl Port for SimulatedPort {
    type Buffer = HeapBuffer;

    fn receive(&mut self, into: &mut Vec<HeapBuffer>, max: usize) -> usize {
        let now = self.time.now();
        let before = into.len();
        let max = max.min(into.capacity() - before);
        let mut wire = lock(&self.incoming);
        into.extend(std::iter::from_fn(|| wire.take_arrived(now)).take(max));
        into.len() - before
    }

    fn transmit(&mut self, from: &mut Vec<HeapBuffer>) -> usize {
        let now = self.time.now();
        let mut wire = lock(&self.outgoing);
        let count = from.len().min(wire.rates.packets_max - wire.packets.len());
        from.drain(..count).for_each(|packet| wire.put(now, packet));
        count
    }

    fn allocate(&mut self) -> Option<HeapBuffer> {
        self.pool.allocate()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn mtu(&self) -> u16 {
        1500
    }

    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Packets on the way in one direction, sorted by arrival.
#[derive(Debug)]
struct Wire {
    rates: LinkRates,
    dice: Dice,
    packets: VecDeque<(Instant, HeapBuffer)>,
    lost: u64,
}

impl Wire {
    fn new(seed: u64, rates: LinkRates) -> Self {
        let packets = VecDeque::with_capacity(rates.packets_max);
        Self {
            rates,
            dice: Dice::new(seed),
            packets,
            lost: 0,
        }
    }

    fn put(&mut self, now: Instant, packet: HeapBuffer) {
        if self.dice.happens(self.rates.loss_per_million) {
            self.lost += 1;
            return;
        }
        let jitter = self
            .dice
            .below(nanoseconds(self.rates.jitter).saturating_add(1));
        let delay = nanoseconds(self.rates.delay).saturating_add(jitter);
        let arrival = Instant::from_nanos(now.as_nanos().saturating_add(delay));
        let place = self.packets.partition_point(|&(other, _)| other <= arrival);
        self.packets.insert(place, (arrival, packet));
    }

    fn take_arrived(&mut self, now: Instant) -> Option<HeapBuffer> {
        self.packets
            .pop_front_if(|(arrival, _)| *arrival <= now)
            .map(|(_, packet)| packet)
    }
}

fn lock(wire: &Mutex<Wire>) -> std::sync::MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
