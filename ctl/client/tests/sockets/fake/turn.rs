//! Turns of the workers of the daemon in this process, all in one thread: commands, then events, then doorbells.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coremill_ring::armed::Waker;
use coremill_ring::command::Command;
use coremill_ring::consumer::Consumer;
use coremill_ring::doorbell::{Bell, WorkerEar};
use coremill_ring::event::Event;
use coremill_ring::message::Message;
use coremill_ring::notifier::{Posted, Poster};
use coremill_ring::producer::Producer;
use coremill_ring::ready_bits::Listener;
use coremill_ring::words::{SharedWrite, full_fence};
use coremill_stand_in::Memories;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Counts;
use super::world::World;

/// All workers.
pub struct Turns {
    lines: Vec<Listener>,
    /// By context, then worker.
    rings: Vec<Vec<Consumer>>,
    /// By notifier, then worker.
    posters: Vec<Vec<Poster>>,
    /// What waits for room, by notifier.
    answers: Vec<VecDeque<(u32, Event)>>,
    bells: Vec<Bell>,
    ears: Vec<WorkerEar>,
    world: World,
    counts: Arc<Counts>,
}

impl Turns {
    pub fn new(memories: Memories, counts: Arc<Counts>) -> Self {
        let Memories {
            layout,
            daemon,
            application,
            bells,
            ears,
        } = memories;
        let shape = *layout.shape();
        let part = |memory: &SharedWrite, part: Option<_>| memory.part(part.expect("a part"));
        let workers = || 0..shape.workers;
        let line = |worker| {
            Listener::new(
                part(&application, layout.ready_bits(worker)),
                part(&daemon, layout.worker(worker)),
            )
        };
        let ring = |context, worker| {
            let slots = part(&application, layout.command_ring(context, worker)).reader();
            Consumer::new(slots, part(&daemon, layout.command_head(context, worker))).expect("ring")
        };
        let poster = |notifier, worker| {
            let slots = part(&daemon, layout.event_ring(notifier, worker));
            let head = part(&application, layout.event_head(notifier, worker)).reader();
            let waker = Waker::new(part(&application, layout.armed(notifier)));
            let ring = Producer::new(slots, head).expect("ring");
            let merges = part(&daemon, layout.event_merges(notifier, worker));
            Poster::new(ring, waker, merges, (shape.event_slots, shape.sockets))
        };
        Self {
            lines: workers().map(line).collect(),
            rings: (0..shape.contexts)
                .map(|context| workers().map(|worker| ring(context, worker)).collect())
                .collect(),
            posters: (0..shape.notifiers)
                .map(|number| workers().map(|worker| poster(number, worker)).collect())
                .collect(),
            answers: vec![VecDeque::new(); shape.notifiers as usize],
            world: World::new(layout, daemon, application),
            bells,
            ears,
            counts,
        }
    }

    pub fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            self.counts.turns.fetch_add(1, Ordering::AcqRel);
            if self.counts.is_held.load(Ordering::Acquire) {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            if !self.turn() {
                self.sleep();
            }
        }
    }

    fn turn(&mut self) -> bool {
        let mut busy = false;
        let mut message = Message::new();
        let held = self.counts.held_workers.load(Ordering::Acquire);
        for line in &self.lines {
            line.take();
        }
        for context in 0..self.rings.len() {
            for worker in 0..self.lines.len() {
                // As a worker that does not take what it could not answer.
                if self.answers[context].len() > 8 || held & (1 << worker) != 0 {
                    continue;
                }
                let mut taken = 0;
                while taken < 16
                    && self.rings[context][worker]
                        .take(&mut message)
                        .expect("message")
                {
                    let (command, payload) = Command::decode(&message).expect("command");
                    self.obey((context, worker), &command, payload);
                    taken += 1;
                }
                self.rings[context][worker].release();
                busy |= taken > 0;
            }
        }
        busy |= self.world.deliver();
        self.count();
        busy | self.announce()
    }

    fn obey(&mut self, (context, worker): (usize, usize), command: &Command, payload: &[u8]) {
        self.counts.commands.fetch_add(1, Ordering::Relaxed);
        if let Command::Read { read, .. } = *command {
            self.counts.read_told.fetch_max(read, Ordering::Relaxed);
        }
        let worker = u32::try_from(worker).expect("small");
        match self.world.obey(worker, command, payload) {
            Ok(events) => {
                self.answers[context].extend(events.into_iter().map(|event| (worker, event)))
            }
            Err(violation) => {
                eprintln!("violation by {command:?}: {violation}");
                self.counts.violations.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Posts what waits; true when something found room.
    fn announce(&mut self) -> bool {
        let mut message = Message::new();
        let mut posted = 0;
        full_fence();
        for (notifier, answers) in self.answers.iter_mut().enumerate() {
            while let Some((worker, event)) = answers.front() {
                event.encode(&mut message);
                let poster = &mut self.posters[notifier][*worker as usize];
                if !poster.post_alone(&message).expect("post") {
                    break;
                }
                posted += 1;
                answers.pop_front();
            }
        }
        let posters = &mut self.posters;
        self.world.changed(|(notifier, worker), slot, event| {
            event.encode(&mut message);
            let poster = &mut posters[notifier as usize][worker as usize];
            let outcome = poster.post(slot, &message).expect("post");
            posted += u64::from(outcome == Posted::Posted);
            outcome != Posted::Full
        });
        full_fence();
        for (posters, bell) in self.posters.iter_mut().zip(&self.bells) {
            if posters
                .iter_mut()
                .fold(false, |due, poster| poster.due() | due)
            {
                bell.ring();
            }
        }
        self.counts.events.fetch_add(posted, Ordering::Relaxed);
        posted > 0
    }

    fn count(&self) {
        let (sockets, chunks) = self.world.held();
        self.counts.sockets.store(sockets as u64, Ordering::Relaxed);
        self.counts
            .chunks_lent
            .store(chunks as u64, Ordering::Relaxed);
    }

    fn sleep(&self) {
        let quiet = self
            .lines
            .iter()
            .fold(true, |quiet, line| line.sleep() & quiet);
        // What waits for room in a ring is tried again soon: readers do not ring when they make some.
        let waiting =
            self.answers.iter().any(|answers| !answers.is_empty()) || self.world.has_changed();
        if quiet {
            let ears: Vec<_> = self.ears.iter().map(std::os::fd::AsFd::as_fd).collect();
            let mut descriptors: Vec<_> = ears
                .iter()
                .map(|ear| PollFd::new(ear, PollFlags::IN))
                .collect();
            let patience = Duration::from_millis(if waiting { 1 } else { 20 });
            let patience = Timespec::try_from(patience).expect("short");
            let _ = poll(&mut descriptors, Some(&patience));
        }
        for (line, ear) in self.lines.iter().zip(&self.ears) {
            line.wake();
            ear.clear();
        }
    }
}
