//! Random sequences of what both sides do, against oracles that are simple enough to be believed.
#![cfg(not(loom))]

mod seeded;

use std::collections::{BTreeMap, VecDeque};

use coremill_ring::accept_ring::{Claim, Claims, Offer, Offers};
use coremill_ring::armed::Waker;
use coremill_ring::consumer::Consumer;
use coremill_ring::handle::Handle;
use coremill_ring::layout::Layout;
use coremill_ring::lender::Lender;
use coremill_ring::message::{BYTES_MAX, Message};
use coremill_ring::notifier::{Merges, Posted, Poster};
use coremill_ring::producer::Producer;
use coremill_ring::receive_queue::{ReceiveQueue, ReceiveReader};
use coremill_ring::send_lease::{SendFiller, SendLease};
use coremill_ring::shape::Shape;
use coremill_ring::socket_state::{Condition, StateReader, StateWriter};
use coremill_ring::words::SharedWrite;
use seeded::{Random, for_each_seed};

#[test]
fn a_ring_is_a_bounded_queue() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        let slots = 8 << random.below(3);
        let (mut producer, mut consumer) = ring(slots);
        let mut oracle = VecDeque::new();
        // Slots that hold messages, and slots taken that were not given back.
        let (mut used, mut kept) = (0, 0);
        for _ in 0..2000 {
            match random.below(5) {
                0 | 1 => {
                    let message = any_message(&mut random);
                    let fits = used + kept + message.slots() <= slots;
                    assert_eq!(producer.push(&message), Ok(fits));
                    if fits {
                        used += message.slots();
                        oracle.push_back(message);
                    }
                }
                2 | 3 => {
                    assert_eq!(consumer.has_message(), !oracle.is_empty());
                    let mut message = any_message(&mut random);
                    let found = consumer.take(&mut message).unwrap();
                    assert_eq!(
                        found.then_some(&message).map(Message::words),
                        oracle.front().map(Message::words)
                    );
                    if let Some(expected) = oracle.pop_front() {
                        assert_eq!(
                            (message.kind(), message.bytes()),
                            (expected.kind(), expected.bytes())
                        );
                        used -= expected.slots();
                        kept += expected.slots();
                    }
                }
                _ => {
                    consumer.release();
                    kept = 0;
                }
            }
        }
    });
}

#[test]
fn received_bytes_arrive_in_order_and_all_chunks_come_back() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        let layout = Layout::new(&SHAPE).unwrap();
        let memory = SharedWrite::heap(layout.daemon_bytes() / 8);
        let view = memory.reader();
        let mut lender = Lender::new(&SHAPE.receive_chunks);
        let mut streams: Vec<Stream> = (0..4)
            .map(|slot| Stream::new(slot, &memory, &layout))
            .collect();
        for _ in 0..600 {
            let stream = &mut streams[random.below(4)];
            let place = (&memory, &layout);
            match random.below(4) {
                0 | 1 => stream.receive(&mut random, place, &mut lender),
                2 => stream.read(&mut random, &view, &layout, &lender),
                _ => stream.give_back(&mut lender),
            }
        }
        for stream in &mut streams {
            // What arrived ahead of a hole never becomes readable here, as when a connection is reset.
            stream.drain(&view, &layout);
            stream.give_back(&mut lender);
            stream.queue.clear(&mut lender, &stream.state);
        }
        assert_eq!(lender.lent(), 0);
    });
}

#[test]
fn an_active_connection_keeps_one_chunk_and_an_idle_one_holds_none() {
    let layout = Layout::new(&SHAPE).unwrap();
    let memory = SharedWrite::heap(layout.daemon_bytes() / 8);
    let mut lender = Lender::new(&SHAPE.receive_chunks);
    let mut stream = Stream::new(0, &memory, &layout);
    for round in 0..100 {
        let count = stream.queue.write_at(
            stream.received,
            &[0; 64],
            (&memory, &layout),
            (&mut lender, &stream.state),
        );
        stream.queue.publish(count, &stream.state);
        stream.received += 64;
        assert_eq!(lender.lent(), 1);
        assert_eq!(
            stream.reader.read(&mut [0; 100], &memory.reader(), &layout),
            64
        );
        stream.give_back(&mut lender);
        assert!(lender.lent() <= 1);
        if round % 5 == 4 {
            assert!(stream.queue.rest(&mut lender, &stream.state));
            assert_eq!(lender.lent(), 0);
        }
    }
}

#[test]
fn sent_bytes_are_those_written_and_all_chunks_come_back() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        let layout = Layout::new(&SHAPE).unwrap();
        let memory = SharedWrite::heap(layout.application_bytes() / 8);
        let mut lender = Lender::new(&SHAPE.send_chunks);
        let mut ends: Vec<_> = (0..3).map(|_| Sending::default()).collect();
        for _ in 0..600 {
            let number = random.below(3);
            let end = &mut ends[number];
            match random.below(5) {
                0 => {
                    if let Some(grant) = end.lease.grant(random.below(20_000), &mut lender) {
                        assert!(end.filler.add(grant));
                    }
                }
                1 | 2 => end.write(number, &mut random, &memory, &layout),
                3 => end.copy_some(&mut random, &memory, &layout, &lender),
                _ => end.acknowledge(&mut random, &mut lender),
            }
        }
        for end in &mut ends {
            let all = end.filler.give_back();
            assert_eq!(end.lease.fill(all).map(|_| end.lease.unfilled()), Ok(0));
            end.lease.finish(all, &mut lender);
        }
        assert_eq!(lender.lent(), 0);
    });
}

#[test]
fn each_connection_is_accepted_once_whoever_dies() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        let slots = 1 + random.below(5);
        let (offered, claimed) = (SharedWrite::heap(slots * 8), SharedWrite::heap(slots));
        let mut offers = Offers::new(offered.clone(), claimed.reader());
        let claims = [1, 2, 3].map(|number| Claims::new(offered.reader(), claimed.clone(), number));
        let mut held: [Vec<Claim>; 3] = Default::default();
        let mut waiting = BTreeMap::new();
        let mut made = 0;
        for _ in 0..500 {
            let process = random.below(3);
            match random.below(6) {
                0 | 1 => {
                    let room = waiting.len() < slots;
                    assert_eq!(offers.offer(&offer(made + 1)), room);
                    if room {
                        made += 1;
                        waiting.insert(made, ());
                    }
                }
                2 => held[process].extend(claims[process].claim()),
                3 => {
                    for claim in held[process].drain(..) {
                        let attachment = process as u16 + 1;
                        let taken = offers.take(claim.slot, claim.round, attachment).unwrap();
                        assert_eq!(taken, claim.offer);
                        assert!(waiting.remove(&taken.socket.generation).is_some());
                        assert!(offers.take(claim.slot, claim.round, attachment).is_err());
                    }
                }
                _ => {
                    assert_eq!(offers.release_dead(process as u16 + 1), held[process].len());
                    for claim in held[process].drain(..) {
                        assert!(
                            offers
                                .take(claim.slot, claim.round, process as u16 + 1)
                                .is_err()
                        );
                    }
                }
            }
            assert_eq!(offers.offered(), waiting.len());
        }
        while let Some((left, is_claimed)) = offers.withdraw(1) {
            assert!(waiting.remove(&left.socket.generation).is_some());
            let has_it = |claim: &Claim| claim.offer == left;
            assert_eq!(is_claimed, held[0].iter().any(has_it));
        }
        assert!(waiting.is_empty() && claims[0].claim().is_none());
    });
}

#[test]
fn a_ring_with_a_slot_for_each_subscription_never_overflows() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        let (producer, mut consumer) = ring(16);
        let mut poster = poster(producer, 16, 16);
        let (mut states, mut seen) = ([0_u64; 16], [0_u64; 16]);
        for _ in 0..2000 {
            if random.below(3) > 0 {
                let subscription = random.below(16);
                states[subscription] += 1;
                let mut message = Message::new();
                message.set(1, &[subscription as u64]).unwrap();
                assert_ne!(poster.post(subscription as u32, &message), Ok(Posted::Full));
                assert!(poster.events_pending() <= 16);
            } else {
                look(&mut consumer, &states, &mut seen, random.below(16));
            }
        }
        look(&mut consumer, &states, &mut seen, 16);
        assert_eq!(seen, states, "a change that no event told of");
    });
}

/// With slots to spare each change has an event that may be believed; where it has none, the reader is told to look.
#[test]
fn an_event_is_believed_unless_changes_were_merged() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        let (producer, mut consumer) = ring(16);
        let line = SharedWrite::heap(8);
        let merges = Merges::new(line.reader());
        let waker = Waker::new(SharedWrite::heap(8));
        let mut poster = Poster::new(producer, waker, line, (16, 4));
        let (mut states, mut seen, mut looks) = ([0_u64; 4], [0_u64; 4], 0);
        for _ in 0..2000 {
            if random.below(3) > 0 {
                let subscription = random.below(4);
                states[subscription] += 1;
                let mut message = Message::new();
                message
                    .set(1, &[subscription as u64, states[subscription]])
                    .unwrap();
                assert_ne!(poster.post(subscription as u32, &message), Ok(Posted::Full));
                continue;
            }
            let (begun, mut told) = (consumer.position(), Vec::new());
            while told.len() < random.below(16) {
                match consumer.take_slot().unwrap() {
                    Some((_, _, [subscription, state, ..])) => told.push((subscription, state)),
                    None => break,
                }
            }
            consumer.release_and_look();
            let are_believed = merges.are_none_from(begun);
            looks += u32::from(!are_believed);
            for (subscription, state) in told {
                let place = subscription as usize;
                seen[place] = if are_believed { state } else { states[place] };
            }
        }
        let begun = consumer.position();
        while let Some((_, _, [place, state, ..])) = consumer.take_slot().unwrap() {
            seen[place as usize] = state;
        }
        consumer.release_and_look();
        assert!(looks > 0 && looks < 600, "{looks} looks");
        if merges.are_none_from(begun) {
            assert_eq!(seen, states, "a change that no event told of");
        }
    });
}

#[test]
fn answers_are_not_merged_and_leave_subscriptions_as_they_are() {
    let (producer, mut consumer) = ring(8);
    let mut poster = poster(producer, 8, 8);
    let mut message = Message::new();
    let mut taken = Vec::new();
    for round in 0..100_u64 {
        message.set(1, &[round]).unwrap();
        assert_eq!(poster.post(7, &message), Ok(Posted::Posted));
        assert_eq!(poster.post(7, &message), Ok(Posted::Merged));
        for _ in 0..7 {
            assert_eq!(poster.tell(&message), Ok(true));
        }
        assert_eq!(poster.tell(&message), Ok(false));
        assert_eq!(poster.post(6, &message), Ok(Posted::Full));
        while consumer.take(&mut message).unwrap() {
            taken.push(message.words()[0]);
        }
        consumer.release();
    }
    let expected: Vec<u64> = (0..800).map(|number| number / 8).collect();
    assert_eq!(taken, expected);
}

/// Takes up to so many events, gives them back, then looks at the states they are about.
fn look(consumer: &mut Consumer, states: &[u64; 16], seen: &mut [u64; 16], count: usize) {
    let mut message = Message::new();
    let mut about = Vec::new();
    while about.len() < count && consumer.take(&mut message).unwrap() {
        about.push(message.words()[0] as usize);
    }
    consumer.release_and_look();
    for subscription in about {
        seen[subscription] = states[subscription];
    }
}

/// Both ends of one connection's received bytes.
struct Stream {
    number: u64,
    state: StateWriter,
    queue: ReceiveQueue,
    reader: ReceiveReader,
    received: u64,
    /// Bytes that arrived ahead: offset and length.
    ahead: Option<(u64, usize)>,
}

impl Stream {
    fn new(slot: u32, memory: &SharedWrite, layout: &Layout) -> Self {
        let words = memory.part(layout.socket(slot).unwrap());
        let state = StateWriter::new(words.clone());
        state.open(
            Handle {
                memory: 0,
                slot,
                generation: 1,
            },
            Condition::default(),
        );
        let reader = ReceiveReader::new(StateReader::new(words.reader()));
        let number = u64::from(slot);
        Self {
            number,
            state,
            queue: ReceiveQueue::default(),
            reader,
            received: 0,
            ahead: None,
        }
    }

    /// In order, or with a hole that the next arrival fills.
    fn receive(
        &mut self,
        random: &mut Random,
        place: (&SharedWrite, &Layout),
        lender: &mut Lender,
    ) {
        let hole = if random.below(3) == 0 && self.ahead.is_none() {
            1 + random.below(300)
        } else {
            0
        };
        let from = self.received + hole as u64;
        let length = match self.ahead {
            Some((start, _)) => (start - from) as usize,
            None => random.below(3000),
        };
        let bytes: Vec<u8> = (from..)
            .take(length)
            .map(|at| byte(self.number, at))
            .collect();
        let count = self
            .queue
            .write_at(from, &bytes, place, (lender, &self.state));
        if hole > 0 {
            self.ahead = (count > 0).then_some((from, count));
            return;
        }
        let filled = match self.ahead.take() {
            Some((_, ahead)) if count == length => count + ahead,
            kept => {
                self.ahead = kept;
                count
            }
        };
        self.queue.publish(filled, &self.state);
        self.received += filled as u64;
        assert_eq!(self.queue.unread(), self.received - self.given_back());
    }

    fn read(
        &mut self,
        random: &mut Random,
        view: &coremill_ring::words::SharedRead,
        layout: &Layout,
        lender: &Lender,
    ) {
        if random.below(2) == 0 && self.reader.position() < self.received {
            let (chunk, start) = self.queue.find(self.reader.position(), lender).unwrap();
            self.reader.point_at(chunk, start);
        }
        let mut out = vec![0; random.below(4000)];
        let from = self.reader.position();
        let count = self.reader.read(&mut out, view, layout);
        assert_eq!(count as u64, (self.received - from).min(out.len() as u64));
        assert!(
            out[..count]
                .iter()
                .zip(from..)
                .all(|(found, at)| *found == byte(self.number, at))
        );
    }

    fn drain(&mut self, view: &coremill_ring::words::SharedRead, layout: &Layout) {
        let mut out = vec![0; (self.received - self.reader.position()) as usize];
        assert_eq!(self.reader.read(&mut out, view, layout), out.len());
    }

    fn give_back(&mut self, lender: &mut Lender) {
        let read = self.reader.give_back();
        let before = self.given_back();
        assert_eq!(
            self.queue.give_back(read, lender, &self.state),
            Ok(read - before)
        );
        // A worker forgets the queue of an idle connection: the state must say all of it.
        if read.is_multiple_of(3) {
            let rests = self.queue.rest(lender, &self.state);
            assert_eq!(
                rests,
                self.queue.find(0, lender).is_none() && self.queue.unread() == 0
            );
        }
        if self.queue.is_idle() {
            self.queue = ReceiveQueue::resume(&self.state);
        }
    }

    fn given_back(&self) -> u64 {
        self.received - self.queue.unread()
    }
}

/// Both ends of one connection's grants, and what the oracle knows was written.
#[derive(Default)]
struct Sending {
    lease: SendLease,
    filler: SendFiller,
    written: VecDeque<u8>,
    acknowledged: u64,
}

impl Sending {
    fn write(&mut self, number: usize, random: &mut Random, memory: &SharedWrite, layout: &Layout) {
        let length = random.below(5000);
        let bytes: Vec<u8> = (self.filler.filled()..)
            .take(length)
            .map(|at| byte(number as u64, at))
            .collect();
        let room = self.filler.room();
        let count = self.filler.write(&bytes, memory, layout);
        assert_eq!(count as u64, room.min(length as u64));
        self.written.extend(&bytes[..count]);
        assert_eq!(self.lease.fill(self.filler.filled()), Ok(count as u64));
    }

    fn copy_some(
        &self,
        random: &mut Random,
        memory: &SharedWrite,
        layout: &Layout,
        lender: &Lender,
    ) {
        let from = random.below(self.written.len() + 1);
        let mut out = vec![0; random.below(3000)];
        let offset = self.acknowledged + from as u64;
        let count = self
            .lease
            .copy_out(offset, &mut out, (memory, layout), lender);
        assert_eq!(count, out.len().min(self.written.len() - from));
        assert!(
            out[..count]
                .iter()
                .eq(self.written.range(from..from + count))
        );
    }

    fn acknowledge(&mut self, random: &mut Random, lender: &mut Lender) {
        let count = random.below(self.written.len() + 1);
        self.written.drain(..count);
        self.acknowledged += count as u64;
        self.lease.finish(self.acknowledged, lender);
        // As the receive queue: one count says all of it.
        if let Some(granted) = self.lease.idle_at() {
            self.lease = SendLease::resume(granted);
        }
    }
}

fn byte(number: u64, at: u64) -> u8 {
    (at.wrapping_mul(31) >> 3 ^ at ^ number << 6) as u8
}

fn any_message(random: &mut Random) -> Message {
    let mut message = Message::new();
    let payload: Vec<u8> = (0..random.below(BYTES_MAX - 7))
        .map(|_| random.next() as u8)
        .collect();
    message
        .set_with_payload(random.below(255) as u8, &[random.next()], &payload)
        .unwrap();
    message
}

fn ring(slots: usize) -> (Producer, Consumer) {
    let (words, head) = (SharedWrite::heap(slots * 8), SharedWrite::heap(8));
    let producer = Producer::new(words.clone(), head.reader()).unwrap();
    (producer, Consumer::new(words.reader(), head).unwrap())
}

fn poster(ring: Producer, slots: u32, subscriptions: u32) -> Poster {
    let line = || SharedWrite::heap(8);
    Poster::new(ring, Waker::new(line()), line(), (slots, subscriptions))
}

fn offer(generation: u32) -> Offer {
    let socket = Handle {
        memory: 0,
        slot: generation,
        generation,
    };
    Offer {
        socket,
        remote: ([192, 0, 2, 1], 1000).into(),
        local: ([192, 0, 2, 2], 80).into(),
    }
}

const SHAPE: Shape = Shape {
    workers: 1,
    contexts: 1,
    notifiers: 1,
    listeners: 1,
    sockets: 4,
    command_slots: 8,
    event_slots: 8,
    accept_slots: 4,
    receive_chunks: [6, 4, 2],
    send_chunks: [6, 4, 2],
};
