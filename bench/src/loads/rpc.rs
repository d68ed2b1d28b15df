//! `rpc`: a closed loop of requests on many connections, driven by one thread over epoll.

mod exchange;

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use anyhow::Context;
use mio::{Events, Interest, Poll, Token};

use crate::failure::{Failure, Kind};
use crate::kernel_path;
use crate::plan::RpcPlan;
use crate::progress::{Progress, Unit};
use crate::report::{Report, Tally};

use exchange::{Exchange, Step};

/// Runs the load.
///
/// # Errors
/// When the kernel gives no epoll; what happens on connections is in the report.
pub fn run(plan: &RpcPlan) -> anyhow::Result<Report> {
    let total = plan.requests.map(|requests| {
        let connections = u64::from(plan.peer.connections).saturating_mul(plan.peer.reopen + 1);
        connections.saturating_mul(requests)
    });
    let progress = Progress::start(total, Unit::Requests, !plan.output.no_progress);
    let mut rpc = Rpc::new(plan, progress)?;
    let outcome = rpc.run();
    rpc.progress.finish();
    outcome?;
    let elapsed = rpc.started.elapsed();
    Ok(rpc
        .tally
        .report("rpc".to_owned(), plan.peer.target.to_string(), elapsed))
}

/// The state of the whole load.
struct Rpc<'a> {
    plan: &'a RpcPlan,
    progress: Progress,
    tally: Tally,
    poll: Poll,
    slots: Vec<Slot>,
    /// Slots that still have something to do.
    busy: usize,
    /// Slots that rest, and until when; all pauses are alike, so the first is the next to wake.
    resting: VecDeque<(Instant, usize)>,
    scratch: Vec<u8>,
    started: Instant,
    /// No request begins after this.
    end: Option<Instant>,
}

/// One of the connections open at once, with the number of times it is yet to be opened.
struct Slot {
    exchange: Option<Exchange>,
    reopen: u64,
}

impl<'a> Rpc<'a> {
    fn new(plan: &'a RpcPlan, progress: Progress) -> anyhow::Result<Self> {
        let slot = |_| Slot {
            exchange: None,
            reopen: plan.peer.reopen,
        };
        let started = Instant::now();
        Ok(Self {
            plan,
            progress,
            tally: Tally::new()?,
            poll: Poll::new().context("cannot open an epoll instance")?,
            slots: (0..plan.peer.connections).map(slot).collect(),
            busy: 0,
            resting: VecDeque::new(),
            scratch: vec![0; SCRATCH_BYTES],
            started,
            end: plan.duration().map(|duration| started + duration),
        })
    }

    fn run(&mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        for index in 0..self.slots.len() {
            self.open(index);
        }
        let mut next_look = Instant::now() + TIMEOUT_LOOK;
        while self.busy > 0 {
            let timeout = self.until_next_waking().min(kernel_path::TICK);
            match self.poll.poll(&mut events, Some(timeout)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("epoll failed"),
            }
            for event in &events {
                let readable = event.is_readable() || event.is_read_closed() || event.is_error();
                self.drive(event.token().0, readable);
            }
            self.wake_rested();
            if Instant::now() >= next_look {
                self.give_up_late_ones();
                next_look = Instant::now() + TIMEOUT_LOOK;
            }
        }
        Ok(())
    }

    /// Begins a connection in a slot that has none; goes through the slot's repetitions when it
    /// fails at once.
    fn open(&mut self, index: usize) {
        loop {
            match self.try_open(index) {
                Ok(exchange) => {
                    self.busy += 1;
                    if let Some(slot) = self.slots.get_mut(index) {
                        slot.exchange = Some(exchange);
                    }
                    return;
                }
                Err(failure) => self.tally.failures.count(failure),
            }
            if !self.take_reopening(index) {
                return;
            }
        }
    }

    fn try_open(&self, index: usize) -> Result<Exchange, Failure> {
        let now = Instant::now();
        let mut connection = kernel_path::begin_connect(&self.plan.peer)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut connection, Token(index), interest)?;
        let seed = self.plan.peer.seed.wrapping_add(index as u64);
        Ok(Exchange::new(connection, now, seed, self.plan))
    }

    fn take_reopening(&mut self, index: usize) -> bool {
        let over = self.end.is_some_and(|end| Instant::now() >= end);
        match self.slots.get_mut(index) {
            Some(slot) if slot.reopen > 0 && !over => {
                slot.reopen -= 1;
                true
            }
            _ => false,
        }
    }

    /// Lets one connection do what it can.
    fn drive(&mut self, index: usize, readable: bool) {
        let Some(exchange) = self
            .slots
            .get_mut(index)
            .and_then(|slot| slot.exchange.as_mut())
        else {
            return;
        };
        let before = self.tally.requests;
        let step = exchange.drive(readable, self.end, &mut self.scratch, &mut self.tally);
        self.progress.add(self.tally.requests - before);
        self.follow(index, step);
    }

    fn follow(&mut self, index: usize, step: Step) {
        match step {
            Step::Wait => {}
            Step::Rest => {
                let pause = self.plan.pause.unwrap_or_default();
                self.resting.push_back((Instant::now() + pause, index));
            }
            Step::Done => self.close(index, None),
            Step::Failed(failure) => self.close(index, Some(failure)),
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
            if let Some(exchange) = self
                .slots
                .get_mut(index)
                .and_then(|slot| slot.exchange.as_mut())
            {
                let step = exchange.wake(&mut self.scratch, &mut self.tally);
                self.follow(index, step);
            }
        }
    }

    fn close(&mut self, index: usize, failure: Option<Failure>) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.exchange = None;
        }
        self.busy -= 1;
        if let Some(failure) = failure {
            self.tally.failures.count(failure);
        }
        if self.take_reopening(index) {
            self.open(index);
        }
    }

    fn give_up_late_ones(&mut self) {
        let now = Instant::now();
        for index in 0..self.slots.len() {
            let exchange = self
                .slots
                .get(index)
                .and_then(|slot| slot.exchange.as_ref());
            if let Some(what) = exchange.and_then(|exchange| exchange.late(now)) {
                let detail = format!("{what} took longer than {:?}", self.plan.peer.timeout);
                self.close(index, Some(Failure::new(Kind::Timeout, detail)));
            }
        }
    }
}

const EVENTS_MAX: usize = 1_024;
const SCRATCH_BYTES: usize = 64 * 1024;
/// How often all connections are looked at for timeouts: looking at thousands has a price.
const TIMEOUT_LOOK: Duration = Duration::from_millis(100);
