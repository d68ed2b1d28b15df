//! Lies in everything that an application can write: each by itself, all at random, and all at once while the daemon's
//! ends are at work on real memory. Nothing may panic, nothing of another domain may change, and all that was lent
//! must come back when the liar is detached.
#![cfg(not(loom))]

mod seeded;

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coremill_ring::accept_ring::{Offer, Offers, TakeError};
use coremill_ring::armed::Waker;
use coremill_ring::command::Command;
use coremill_ring::consumer::Consumer;
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::layout::Layout;
use coremill_ring::lender::Lender;
use coremill_ring::memory::{
    create_application_memory, create_daemon_memory, map_application_memory,
};
use coremill_ring::message::{INLINE_BYTES_MAX, Message};
use coremill_ring::notifier::Poster;
use coremill_ring::producer::Producer;
use coremill_ring::ready_bits::Listener;
use coremill_ring::receive_queue::ReceiveQueue;
use coremill_ring::send_lease::SendLease;
use coremill_ring::shape::Shape;
use coremill_ring::socket_state::{Condition, Flags, StateWriter};
use coremill_ring::untrusted::Violation;
use coremill_ring::words::{SharedWrite, full_fence};
use rustix::fs::{FallocateFlags, fallocate};
use seeded::{Random, for_each_seed};

#[test]
fn a_reader_that_lies_about_its_place_is_found_out() {
    let (slots, head) = (SharedWrite::heap(64), SharedWrite::heap(8));
    let mut producer = Producer::new(slots, head.reader()).unwrap();
    let mut message = Message::new();
    message.set(1, &[1]).unwrap();
    for _ in 0..8 {
        assert_eq!(producer.push(&message), Ok(true));
    }
    for lie in [9, 1 << 32, u64::MAX, u64::MAX - 7] {
        head.store(0, lie);
        assert_eq!(
            producer.push(&message),
            Err(Violation::CountBeyond),
            "head {lie}"
        );
    }
    head.store(0, 4);
    assert_eq!(producer.push(&message), Ok(true));
    head.store(0, 3);
    assert_eq!(producer.refresh(), Err(Violation::CountBackwards));
}

#[test]
fn marks_that_are_no_messages_are_found_out() {
    // Position 0 is marked 1; kind and length are the liar's.
    let mark = |kind: u64, bytes: u64| 1 | kind << 32 | bytes << 48;
    let cases = [
        (mark(1, 281), 0, Err(Violation::BadLength)),
        (mark(1, 0xffff), 0, Err(Violation::BadLength)),
        (mark(255, 8), 0, Err(Violation::UnknownKind)),
        (mark(1, 57), 0, Err(Violation::BadContinuation)),
        (mark(1, 57), 2 | 7 << 32, Err(Violation::BadContinuation)),
        (mark(1, 57), 2 | 255 << 32, Ok(true)),
        (mark(1, 280), 2 | 255 << 32, Err(Violation::BadContinuation)),
        (mark(1, 8) | 1 << 31, 0, Ok(false)),
        (0, 0, Ok(false)),
        (u64::MAX, u64::MAX, Ok(false)),
    ];
    for (first, second, expected) in cases {
        let slots = SharedWrite::heap(64);
        slots.store(0, first);
        slots.store(8, second);
        let mut consumer = Consumer::new(slots.reader(), SharedWrite::heap(8)).unwrap();
        let mut message = Message::new();
        assert_eq!(
            consumer.take(&mut message),
            expected,
            "marks {first:#x}, {second:#x}"
        );
        // A violation stays one: there is no getting past it.
        if expected.is_err() {
            assert_eq!(consumer.take(&mut message), expected);
        }
    }
}

#[test]
fn a_command_that_changes_after_it_was_taken_changes_nothing() {
    let (slots, head) = (SharedWrite::heap(64), SharedWrite::heap(8));
    let mut producer = Producer::new(slots.clone(), head.reader()).unwrap();
    let mut consumer = Consumer::new(slots.reader(), head).unwrap();
    let mut message = Message::new();
    let command = Command::Send {
        socket: NAME,
        offset: 3,
        read: 4,
    };
    command.encode(b"as it was", &mut message).unwrap();
    assert_eq!(producer.push(&message), Ok(true));
    let mut taken = Message::new();
    assert_eq!(consumer.take(&mut taken), Ok(true));
    for word in 0..64 {
        slots.store(word, u64::MAX);
    }
    let sent = Ok((command, &b"as it was"[..]));
    assert_eq!(Command::decode(&taken), sent);
}

#[test]
fn chunks_come_back_once_and_only_to_who_had_them() {
    let layout = Layout::new(&SHAPE).unwrap();
    let memory = SharedWrite::heap(layout.daemon_bytes() / 8);
    let state = StateWriter::new(memory.part(layout.socket(0).unwrap()));
    state.open(NAME, Condition::default());
    let mut lender = Lender::new(&SHAPE.receive_chunks);
    let mut queue = ReceiveQueue::default();
    assert_eq!(
        queue.write_at(0, &[1; 256], (&memory, &layout), (&mut lender, &state)),
        256
    );
    queue.publish(256, &state);
    assert_eq!(
        queue.give_back(257, &mut lender, &state),
        Err(Violation::CountBeyond)
    );
    assert_eq!(
        queue.give_back(u64::MAX, &mut lender, &state),
        Err(Violation::CountBeyond)
    );
    assert_eq!(
        (queue.give_back(256, &mut lender, &state), lender.lent()),
        (Ok(256), 0)
    );
    assert_eq!(
        (queue.give_back(256, &mut lender, &state), lender.lent()),
        (Ok(0), 0)
    );
    assert_eq!(
        (queue.give_back(255, &mut lender, &state), lender.lent()),
        (Ok(0), 0)
    );

    let mut lender = Lender::new(&SHAPE.send_chunks);
    let mut lease = SendLease::default();
    assert_eq!(
        lease.fill(1),
        Err(Violation::CountBeyond),
        "filled what was never granted"
    );
    assert!(lease.grant(256, &mut lender).is_some());
    assert_eq!(lease.fill(257), Err(Violation::CountBeyond));
    assert_eq!(lease.fill(256), Ok(256));
    assert_eq!(lease.fill(255), Err(Violation::CountBackwards));
    lease.finish(u64::MAX, &mut lender);
    lease.finish(u64::MAX, &mut lender);
    assert_eq!(lender.lent(), 0);
}

#[test]
fn claims_prove_nothing() {
    let (slots, claims) = (SharedWrite::heap(16), SharedWrite::heap(2));
    let mut offers = Offers::new(slots, claims.reader());
    assert!(offers.offer(&OFFER));
    assert_eq!(offers.take(0, 1, 4), Err(TakeError::NotClaimed));
    for lie in [0, 1, 4, u64::MAX, 1 << 17, 2 << 17 | 5] {
        claims.store(0, lie);
        assert_eq!(
            offers.take(0, 1, 4),
            Err(TakeError::NotClaimed),
            "claim {lie:#x}"
        );
    }
    for (slot, round) in [
        (0, 0),
        (0, 2),
        (1, 0),
        (1, 1),
        (2, 1),
        (u32::MAX, 1),
        (0, u64::MAX),
    ] {
        assert_eq!(
            offers.take(slot, round, 4),
            Err(TakeError::Stale),
            "slot {slot}, round {round}"
        );
    }
    claims.store(0, 1 << 17 | 5);
    assert_eq!(offers.take(0, 1, 4), Ok(OFFER));
    assert_eq!((offers.release_dead(4), offers.withdraw(4)), (0, None));
}

#[test]
fn names_of_chunks_that_are_none_lead_nowhere() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        for _ in 0..1000 {
            let mut message = Message::new();
            message
                .set(
                    random.below(5) as u8,
                    &[any_word(&mut random), any_word(&mut random), 0],
                )
                .unwrap();
            if let Ok(Event::Granted { grant, .. }) = Event::decode(&message) {
                let layout = Layout::new(&SHAPE).unwrap();
                let memory = SharedWrite::heap(layout.application_bytes() / 8);
                if let Some(part) = layout.send_chunk(grant.chunk) {
                    assert_eq!(memory.part(part).words() * 8, grant.chunk.bytes());
                }
            }
        }
    });
}

#[test]
fn random_words_everywhere_are_read_as_nonsense_within_bounds() {
    for_each_seed(|seed| {
        let mut random = Random::new(seed);
        let layout = Layout::new(&SHAPE).unwrap();
        let daemon = SharedWrite::heap(layout.daemon_bytes() / 8);
        let application = SharedWrite::heap(layout.application_bytes() / 8);
        let mut domain = Domain::new(&layout, daemon, application.clone());
        for _ in 0..20 {
            for _ in 0..200 {
                scribble(&application, &mut random);
            }
            domain.turn(&mut random);
        }
        domain.detach();
    });
}

#[test]
fn a_domain_that_scribbles_and_punches_holes_does_not_disturb_another() {
    let layout = Layout::new(&SHAPE).unwrap();
    let [(mut liar, memory), (mut honest, _kept)] = [0, 1].map(|_| {
        let daemon = create_daemon_memory(layout.daemon_bytes()).unwrap();
        let application = create_application_memory(layout.application_bytes()).unwrap();
        (
            Domain::new(&layout, daemon.words, application.words),
            application.descriptor,
        )
    });
    let over = AtomicBool::new(false);
    let seconds = std::env::var("COREMILL_HOSTILE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    let (turns, heard) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let words = map_application_memory(memory.as_fd()).unwrap();
            let mut random = Random::new(1);
            while !over.load(Ordering::Relaxed) {
                for _ in 0..5000 {
                    scribble(&words, &mut random);
                }
                let page = random.below(layout.application_bytes() / 4096) as u64 * 4096;
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(&memory, hole, page, 4096).unwrap();
            }
        });
        let mut random = Random::new(2);
        let (mut turns, mut heard) = (0_u64, Turn::default());
        while Instant::now() < end {
            let turn = liar.turn(&mut random);
            heard.commands += turn.commands;
            heard.violations += turn.violations;
            // Nobody writes the honest one's memory: not a word of it may mean anything.
            assert_eq!(honest.turn(&mut random), Turn::default());
            turns += 1;
        }
        over.store(true, Ordering::Relaxed);
        println!("{turns} turns: {heard:?}");
        (turns, heard)
    });
    assert!(turns > 100, "only {turns} turns");
    assert!(
        heard.commands > 0 && heard.violations > 0,
        "hardly lied to: {heard:?}"
    );
    liar.detach();
    honest.detach();
}

/// All that a worker does for one domain, and what is taken from it.
struct Domain {
    layout: Layout,
    daemon: SharedWrite,
    application: SharedWrite,
    listener: Listener,
    rings: Vec<Consumer>,
    poster: Option<Poster>,
    offers: Offers,
    state: StateWriter,
    receive: (ReceiveQueue, Lender),
    send: (SendLease, Lender),
}

/// What one turn found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Turn {
    commands: usize,
    violations: usize,
}

impl Domain {
    fn new(layout: &Layout, daemon: SharedWrite, application: SharedWrite) -> Self {
        let layout = *layout;
        let ours = |part: Option<_>| daemon.part(part.unwrap());
        let theirs = |part: Option<_>| application.part(part.unwrap());
        let ring = |context| Self::ring(&layout, &daemon, &application, context);
        let state = StateWriter::new(ours(layout.socket(0)));
        state.open(
            NAME,
            Condition {
                flags: Flags::CONNECTED,
                ..Condition::default()
            },
        );
        Self {
            listener: Listener::new(theirs(layout.ready_bits(0)), ours(layout.worker(0))),
            rings: (0..SHAPE.contexts).map(ring).collect(),
            poster: Some(Self::poster(&layout, &daemon, &application)),
            offers: Offers::new(
                ours(layout.accept_slots(0, 0)),
                theirs(layout.claims(0, 0)).reader(),
            ),
            state,
            receive: (ReceiveQueue::default(), Lender::new(&SHAPE.receive_chunks)),
            send: (SendLease::default(), Lender::new(&SHAPE.send_chunks)),
            layout,
            daemon,
            application,
        }
    }

    fn ring(
        layout: &Layout,
        daemon: &SharedWrite,
        application: &SharedWrite,
        context: u32,
    ) -> Consumer {
        let slots = application
            .part(layout.command_ring(context, 0).unwrap())
            .reader();
        let head = daemon.part(layout.command_head(context, 0).unwrap());
        Consumer::new(slots, head).unwrap()
    }

    fn poster(layout: &Layout, daemon: &SharedWrite, application: &SharedWrite) -> Poster {
        let slots = daemon.part(layout.event_ring(0, 0).unwrap());
        for word in 0..slots.words() {
            slots.store(word, 0);
        }
        let head = application.part(layout.event_head(0, 0).unwrap()).reader();
        let waker = Waker::new(application.part(layout.armed(0).unwrap()));
        Poster::new(
            Producer::new(slots, head).unwrap(),
            waker,
            daemon.part(layout.event_merges(0, 0).unwrap()),
            (SHAPE.event_slots, 64),
        )
    }

    /// A bounded turn. A real worker would detach at the first violation; this one begins anew, to be lied to more.
    fn turn(&mut self, random: &mut Random) -> Turn {
        let mut turn = Turn::default();
        let bits = self.listener.take();
        let mut message = Message::new();
        for context in 0..self.rings.len() {
            if bits[context / 64] >> (context % 64) & 1 == 0 {
                continue;
            }
            for _ in 0..BUDGET {
                match self.rings[context].take(&mut message) {
                    Ok(false) => break,
                    Ok(true) => turn.commands += 1,
                    Err(_) => {
                        turn.violations += 1;
                        self.rings[context] = Self::ring(
                            &self.layout,
                            &self.daemon,
                            &self.application,
                            context as u32,
                        );
                        break;
                    }
                }
                match Command::decode(&message) {
                    Ok((command, payload)) => self.carry_out(&command, payload.len(), &mut turn),
                    Err(_) => turn.violations += 1,
                }
            }
            self.rings[context].release();
        }
        self.speak(random);
        let _may_sleep = self.listener.sleep();
        self.listener.wake();
        turn
    }

    fn carry_out(&mut self, command: &Command, length: usize, turn: &mut Turn) {
        assert!(length <= INLINE_BYTES_MAX);
        let refused = match *command {
            Command::Take { slot, round, .. } => self.offers.take(slot, round, 1).is_err(),
            Command::Read { read, .. } | Command::Send { read, .. } => self
                .receive
                .0
                .give_back(read, &mut self.receive.1, &self.state)
                .is_err(),
            Command::SendFilled { filled, .. } | Command::GiveBack { filled, .. } => {
                self.send.0.fill(filled).is_err()
            }
            _ => false,
        };
        turn.violations += usize::from(refused);
    }

    /// What the worker tells the application of its own accord.
    fn speak(&mut self, random: &mut Random) {
        let _full = self.offers.offer(&OFFER);
        let _dead = self.offers.release_dead(random.below(3) as u16);
        let at = self.receive.0.unread() + random.below(100) as u64;
        let place = (&self.daemon, &self.layout);
        self.receive
            .0
            .write_at(at, &[1; 100], place, (&mut self.receive.1, &self.state));
        let _granted = self.send.0.grant(random.below(3000), &mut self.send.1);
        let mut packet = [0; 1500];
        let filled = self.send.0.filled();
        let from = filled.saturating_sub(random.below(2000) as u64);
        let place = (&self.application, &self.layout);
        let copied = self.send.0.copy_out(from, &mut packet, place, &self.send.1);
        assert!(copied as u64 <= filled - from);
        let mut message = Message::new();
        Event::Answer {
            ticket: 1,
            error: 0,
            socket: None,
            value: 0,
        }
        .encode(&mut message);
        full_fence();
        let posted = self.poster.as_mut().map(|poster| {
            let posted = poster.post(random.below(64) as u32, &message);
            let _ring = poster.due();
            posted
        });
        if posted.is_some_and(|posted| posted.is_err()) {
            // Found out: begin anew, to be lied to again.
            self.poster = Some(Self::poster(&self.layout, &self.daemon, &self.application));
        }
    }

    fn detach(&mut self) {
        self.receive.0.clear(&mut self.receive.1, &self.state);
        self.send.0.clear(&mut self.send.1);
        while self.offers.withdraw(0).is_some() {}
        assert_eq!(
            (
                self.receive.1.lent(),
                self.send.1.lent(),
                self.offers.offered()
            ),
            (0, 0, 0)
        );
    }
}

/// Writes nonsense, some of it well made.
fn scribble(words: &SharedWrite, random: &mut Random) {
    let at = random.below(words.words());
    if random.below(2) == 0 {
        words.store(at, any_word(random));
        return;
    }
    // A well-marked slot of a ring, in its place: rings lie behind one line of ready bits.
    let slot = random.below((SHAPE.contexts * SHAPE.command_slots) as usize);
    let first = 8 + slot * 8;
    let position = slot as u64 % u64::from(SHAPE.command_slots) + 1;
    let lap = random.below(3) as u64 * u64::from(SHAPE.command_slots);
    let (kind, bytes) = (random.below(29) as u64, random.below(60) as u64);
    for word in 1..8 {
        words.store(first + word, any_word(random));
    }
    words.store(first, (position + lap) | kind << 32 | bytes << 48);
    words.store(0, u64::MAX);
}

fn any_word(random: &mut Random) -> u64 {
    let chosen = random.next();
    match chosen % 8 {
        0 => 0,
        1 => u64::MAX,
        2 => chosen >> 56,
        3 => chosen >> 32,
        4 => 1 << (chosen >> 58),
        5 => u64::MAX - (chosen >> 60),
        6 => NAME.to_word(),
        _ => chosen,
    }
}

const BUDGET: usize = 32;
const NAME: Handle = Handle {
    memory: 0,
    slot: 0,
    generation: 1,
};
const OFFER: Offer = Offer {
    socket: NAME,
    remote: std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1),
    local: std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2),
};
const SHAPE: Shape = Shape {
    workers: 1,
    contexts: 70,
    notifiers: 1,
    listeners: 1,
    sockets: 2,
    command_slots: 16,
    event_slots: 64,
    accept_slots: 4,
    receive_chunks: [6, 4, 2],
    send_chunks: [6, 4, 2],
};
