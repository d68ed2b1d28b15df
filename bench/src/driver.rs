//! Drives many connections with one thread: opens them, lets each go on when it is ready, gives up those that take too
//! long, and opens them anew. What is said on a connection is the load's affair ([`Talk`]).

mod open;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::failure::{Failure, Kind};
use crate::plan::Peer;
use crate::progress::Progress;
use crate::report::Tally;
use crate::transport::{Poller, Ready, Transport};

use open::{Open, Phase};

/// A load: what it does on each connection.
pub trait Load {
    /// What is said on one connection.
    type Talk: Talk;

    /// That of a new connection in slot `index` of those open at once.
    fn talk(&self, index: usize) -> Self::Talk;

    /// How long a connection rests between requests.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    /// How far it has come, for the progress bar.
    fn progress(tally: &Tally) -> u64 {
        tally.requests
    }
}

/// What is said on one connection.
pub trait Talk {
    /// The next request, or the first, begins.
    fn begin(&mut self, now: Instant);

    /// When the present request began.
    fn began(&self) -> Instant;

    /// Does what can be done without waiting. `readable` is false when there is surely nothing to read.
    ///
    /// # Errors
    /// What makes the connection useless.
    fn go_on<C: Read + Write>(
        &mut self,
        connection: &mut C,
        readable: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Failure>;

    /// Whether it waits for room to write.
    fn is_writing(&self) -> bool;
}

/// What a talk may use and has to fill in.
pub struct Turn<'a> {
    /// No request begins after this.
    pub end: Option<Instant>,
    /// Room for bytes on their way.
    pub scratch: &'a mut [u8],
    /// What is counted.
    pub tally: &'a mut Tally,
}

impl Turn<'_> {
    /// Whether no request begins any more.
    pub fn is_over(&self, now: Instant) -> bool {
        self.end.is_some_and(|end| now >= end)
    }
}

/// What becomes of a connection that was let go on.
pub enum Step {
    /// It waits.
    Wait,
    /// It has an answer, and wants to be woken for the next request after the pause.
    Rest,
    /// Its talk goes on over a new connection.
    Reopen,
    /// It has done all it had to.
    Done,
}

/// The state of a whole load.
pub struct Driver<'a, T: Transport, L: Load> {
    transport: &'a T,
    load: &'a L,
    peer: &'a Peer,
    progress: &'a Progress,
    tally: Tally,
    poller: T::Poller,
    slots: Vec<Slot<T::Connection, L::Talk>>,
    /// Slots that still have something to do.
    busy: usize,
    /// Connections begun.
    begun: usize,
    /// Slots that rest, and until when; all pauses are alike, so the first is the next to wake.
    resting: VecDeque<(Instant, usize)>,
    scratch: Vec<u8>,
    started: Instant,
    end: Option<Instant>,
}

/// One of the connections open at once, with the number of times it is yet to be opened.
struct Slot<C, K> {
    open: Option<Open<C, K>>,
    reopen: u64,
}

impl<'a, T: Transport, L: Load> Driver<'a, T, L> {
    /// A load that begins now. Each slot is opened `reopen` times again; nothing begins after `duration`.
    ///
    /// # Errors
    /// When there is nothing to wait with.
    pub fn new(
        transport: &'a T,
        load: &'a L,
        (peer, progress): (&'a Peer, &'a Progress),
        reopen: u64,
        duration: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let slot = |_| Slot { open: None, reopen };
        let started = Instant::now();
        Ok(Self {
            transport,
            load,
            peer,
            progress,
            tally: Tally::new()?,
            poller: transport.poller().context("cannot open a poller")?,
            slots: (0..peer.connections).map(slot).collect(),
            busy: 0,
            begun: 0,
            resting: VecDeque::new(),
            scratch: vec![0; SCRATCH_BYTES],
            started,
            end: duration.map(|duration| started + duration),
        })
    }

    /// Runs until no connection has anything to do; gives what was counted, and the time it took.
    ///
    /// # Errors
    /// When waiting is impossible; what happens on connections is counted.
    pub fn run(mut self) -> anyhow::Result<(Tally, Duration)> {
        let mut ready = Vec::new();
        for index in 0..self.slots.len() {
            let talk = self.load.talk(index);
            self.open(index, talk);
        }
        let mut next_look = Instant::now() + TIMEOUT_LOOK;
        while self.busy > 0 {
            let timeout = self.until_next_waking().min(TICK);
            self.poller
                .wait(&mut ready, timeout)
                .context("cannot wait for connections any more")?;
            for ready in &ready {
                self.drive(*ready);
            }
            self.wake_rested();
            if Instant::now() >= next_look {
                self.give_up_late_ones();
                next_look = Instant::now() + TIMEOUT_LOOK;
            }
        }
        Ok((self.tally, self.started.elapsed()))
    }

    /// Begins a connection in a slot that has none; goes through the slot's repetitions when it fails at once.
    fn open(&mut self, index: usize, talk: L::Talk) {
        let mut talk = Some(talk);
        while let Some(next) = talk {
            match self.try_open(index, next) {
                Ok(open) => {
                    self.busy += 1;
                    if let Some(slot) = self.slots.get_mut(index) {
                        slot.open = Some(open);
                    }
                    return;
                }
                Err(failure) => self.tally.failures.count(failure),
            }
            talk = self.take_reopening(index);
        }
    }

    fn try_open(
        &mut self,
        index: usize,
        talk: L::Talk,
    ) -> Result<Open<T::Connection, L::Talk>, Failure> {
        let since = Instant::now();
        let route = self.peer.route(self.begun);
        self.begun += 1;
        let mut connection = self.transport.begin_connect(route)?;
        self.poller.register(&mut connection, index)?;
        Ok(Open {
            connection,
            talk,
            phase: Phase::Connecting { since },
            is_writing: true,
        })
    }

    /// The talk for the slot's next connection, if it is to have one.
    fn take_reopening(&mut self, index: usize) -> Option<L::Talk> {
        let over = self.end.is_some_and(|end| Instant::now() >= end);
        let slot = self.slots.get_mut(index)?;
        if slot.reopen == 0 || over {
            return None;
        }
        slot.reopen -= 1;
        Some(self.load.talk(index))
    }

    /// Lets one connection do what it can.
    fn drive(&mut self, ready: Ready) {
        let index = ready.token;
        let Some(open) = self
            .slots
            .get_mut(index)
            .and_then(|slot| slot.open.as_mut())
        else {
            return;
        };
        let before = L::progress(&self.tally);
        let mut turn = Turn {
            end: self.end,
            scratch: &mut self.scratch,
            tally: &mut self.tally,
        };
        let step = open.drive(ready, &mut turn);
        self.progress.add(L::progress(&self.tally) - before);
        self.follow(index, step);
    }

    fn follow(&mut self, index: usize, step: Result<Step, Failure>) {
        match step {
            Ok(Step::Wait) => self.tell_poller(index),
            Ok(Step::Rest) => {
                self.tell_poller(index);
                let pause = self.load.pause();
                self.resting.push_back((Instant::now() + pause, index));
            }
            Ok(Step::Reopen) => {
                if let Some(open) = self.close(index) {
                    self.open(index, open.talk);
                }
            }
            Ok(Step::Done) => self.close_and_reopen(index),
            Err(failure) => {
                self.tally.failures.count(failure);
                self.close_and_reopen(index);
            }
        }
    }

    /// Lets the poller look for room to write, or no longer.
    fn tell_poller(&mut self, index: usize) {
        let Some(open) = self
            .slots
            .get_mut(index)
            .and_then(|slot| slot.open.as_mut())
        else {
            return;
        };
        let is_writing = open.wants_to_write();
        if is_writing != open.is_writing {
            open.is_writing = is_writing;
            let told = self.poller.set_writing(&open.connection, index, is_writing);
            if let Err(error) = told {
                self.follow(index, Err(error.into()));
            }
        }
    }

    fn until_next_waking(&self) -> Duration {
        let next = self.resting.front();
        next.map_or(Duration::MAX, |(at, _)| {
            at.saturating_duration_since(Instant::now())
        })
    }

    fn wake_rested(&mut self) {
        while let Some(&(at, index)) = self.resting.front() {
            if at > Instant::now() {
                return;
            }
            self.resting.pop_front();
            let open = self
                .slots
                .get_mut(index)
                .and_then(|slot| slot.open.as_mut());
            // One that rested and has failed since has a successor, which is at work.
            let Some(open) = open.filter(|open| open.phase == Phase::Resting) else {
                continue;
            };
            let mut turn = Turn {
                end: self.end,
                scratch: &mut self.scratch,
                tally: &mut self.tally,
            };
            open.phase = Phase::Talking;
            open.talk.begin(Instant::now());
            let step = open.talk.go_on(&mut open.connection, false, &mut turn);
            self.follow(index, step);
        }
    }

    fn close(&mut self, index: usize) -> Option<Open<T::Connection, L::Talk>> {
        let open = self.slots.get_mut(index)?.open.take()?;
        self.poller.forget(&open.connection);
        self.busy -= 1;
        Some(open)
    }

    fn close_and_reopen(&mut self, index: usize) {
        drop(self.close(index));
        if let Some(talk) = self.take_reopening(index) {
            self.open(index, talk);
        }
    }

    fn give_up_late_ones(&mut self) {
        let now = Instant::now();
        let timeout = self.peer.timeout;
        for index in 0..self.slots.len() {
            let open = self.slots.get(index).and_then(|slot| slot.open.as_ref());
            let late = open.and_then(|open| open.late(now, timeout));
            if let Some(what) = late {
                let detail = format!("{what} took longer than {timeout:?}");
                self.follow(index, Err(Failure::new(Kind::Timeout, detail)));
            }
        }
    }
}

const SCRATCH_BYTES: usize = 64 * 1024;
/// How often all connections are looked at for timeouts: looking at thousands has a price.
const TIMEOUT_LOOK: Duration = Duration::from_millis(100);
/// Longest wait for something to become ready.
const TICK: Duration = Duration::from_millis(20);
