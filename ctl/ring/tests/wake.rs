//! A worker and an application play ping-pong over real memory and doorbells, sleeping between, with no time-out that
//! could hide a lost wake-up. `COREMILL_ROUNDS` says for how long.
#![cfg(not(loom))]

mod seeded;

use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use coremill_ring::armed::{Sleeper, Waker};
use coremill_ring::consumer::Consumer;
use coremill_ring::doorbell::{Bell, Ear, Rung, WorkerBell, WorkerEar, doorbell, worker_doorbell};
use coremill_ring::header::{read_header, write_header};
use coremill_ring::layout::Layout;
use coremill_ring::memory::{
    create_application_memory, create_daemon_memory, map_application_memory, map_daemon_memory,
};
use coremill_ring::message::Message;
use coremill_ring::notifier::{Posted, Poster};
use coremill_ring::producer::Producer;
use coremill_ring::ready_bits::{Listener, Speaker};
use coremill_ring::shape::Shape;
use coremill_ring::words::full_fence;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use seeded::Random;

#[test]
fn nobody_sleeps_on_work() {
    let text = std::env::var("COREMILL_ROUNDS").ok();
    let rounds = text.and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let layout = Layout::new(&SHAPE).unwrap();
    let daemon = create_daemon_memory(layout.daemon_bytes()).unwrap();
    let theirs = create_application_memory(layout.application_bytes()).unwrap();
    write_header(&daemon.words, &layout);
    let (worker_bell, worker_ear) = worker_doorbell().unwrap();
    let (notifier_bell, notifier_ear) = doorbell().unwrap();
    let application = {
        let ours = map_application_memory(theirs.descriptor.as_fd()).unwrap();
        let view = map_daemon_memory(daemon.descriptor.as_fd()).unwrap();
        let layout = read_header(&view).unwrap();
        let head = view.part(layout.command_head(1, 0).unwrap());
        let worker = view.part(layout.worker(0).unwrap());
        let slots = view.part(layout.event_ring(0, 0).unwrap());
        Application {
            commands: Producer::new(ours.part(layout.command_ring(1, 0).unwrap()), head).unwrap(),
            speaker: Speaker::new(ours.part(layout.ready_bits(0).unwrap()), worker, 1),
            events: Consumer::new(slots, ours.part(layout.event_head(0, 0).unwrap())).unwrap(),
            sleeper: Sleeper::new(ours.part(layout.armed(0).unwrap())),
            bell: worker_bell,
            ear: notifier_ear,
        }
    };
    let ours = |part: Option<_>| daemon.words.part(part.unwrap());
    let app = |part: Option<_>| theirs.words.part(part.unwrap());
    let producer = Producer::new(
        ours(layout.event_ring(0, 0)),
        app(layout.event_head(0, 0)).reader(),
    );
    let waker = Waker::new(app(layout.armed(0)));
    let slots = app(layout.command_ring(1, 0)).reader();
    let worker = Worker {
        listener: Listener::new(app(layout.ready_bits(0)), ours(layout.worker(0))),
        commands: Consumer::new(slots, ours(layout.command_head(1, 0))).unwrap(),
        poster: Poster::new(
            producer.unwrap(),
            waker,
            ours(layout.event_merges(0, 0)),
            (SHAPE.event_slots, 4),
        ),
        bell: notifier_bell,
        ear: worker_ear,
    };
    let other = thread::spawn(move || application.run(rounds));
    let slept = worker.run(rounds);
    let application_slept = other.join().unwrap();
    println!("{rounds} rounds; worker slept {slept} times, application {application_slept} times");
    assert!(
        slept > 0 && application_slept > 0,
        "nobody slept: nothing was tested"
    );
}

struct Application {
    commands: Producer,
    speaker: Speaker,
    events: Consumer,
    sleeper: Sleeper,
    bell: WorkerBell,
    ear: Ear,
}

impl Application {
    fn run(mut self, rounds: u64) -> u64 {
        let mut random = Random::new(1);
        let (mut message, mut slept) = (Message::new(), 0);
        for round in 0..rounds {
            pause(&mut random);
            message.set(1, &[round]).unwrap();
            assert_eq!(self.commands.push(&message), Ok(true));
            if self.speaker.announce() {
                self.bell.ring();
            }
            while !self.events.take(&mut message).unwrap() {
                self.sleeper.arm();
                if !self.events.has_message() {
                    wait(&self.ear, "the application");
                    slept += 1;
                }
                self.sleeper.disarm();
                self.ear.clear();
            }
            self.events.release_and_look();
            assert_eq!(message.words(), [round]);
        }
        slept
    }
}

struct Worker {
    listener: Listener,
    commands: Consumer,
    poster: Poster,
    bell: Bell,
    ear: WorkerEar,
}

impl Worker {
    fn run(mut self, rounds: u64) -> u64 {
        let mut random = Random::new(2);
        let (mut message, mut slept, mut round) = (Message::new(), 0, 0);
        while round < rounds {
            if self.listener.take()[0] != 0 {
                while self.commands.take(&mut message).unwrap() {
                    assert_eq!(message.words(), [round]);
                    pause(&mut random);
                    full_fence();
                    assert_eq!(
                        self.poster.post((round % 4) as u32, &message),
                        Ok(Posted::Posted)
                    );
                    round += 1;
                }
                self.commands.release();
                full_fence();
                if self.poster.due() {
                    assert_eq!(self.bell.ring(), Rung::Readable);
                }
            } else {
                if self.listener.sleep() {
                    wait(&self.ear, "the worker");
                    slept += 1;
                }
                self.listener.wake();
                self.ear.clear();
            }
        }
        slept
    }
}

/// Nothing, or up to 100 us, half of the time each: sides must meet at every step of each other.
fn pause(random: &mut Random) {
    if random.below(2) == 0 {
        let end = Instant::now() + Duration::from_nanos(random.below(100_000) as u64);
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
}

/// Far longer than anything here takes: who still waits then has missed its wake-up.
fn wait(ear: &impl AsFd, who: &str) {
    let mut polled = [PollFd::new(ear, PollFlags::IN)];
    let ready = poll(
        &mut polled,
        Some(&Timespec {
            tv_sec: 10,
            tv_nsec: 0,
        }),
    )
    .unwrap();
    assert_eq!(ready, 1, "{who} sleeps, and nobody wakes it");
}

const SHAPE: Shape = Shape {
    workers: 1,
    contexts: 2,
    notifiers: 1,
    listeners: 0,
    sockets: 1,
    command_slots: 8,
    event_slots: 8,
    accept_slots: 1,
    receive_chunks: [0; 3],
    send_chunks: [0; 3],
};
