//! What a worker does when a turn found nothing: spin, then sleep on the ports' interrupts and its
//! doorbell, or nap where a port has no interrupt. Before it sleeps it arms both and looks once more.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use coremill_tcp::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::applications::{Applications, DOMAINS_MAX};
use crate::clock::Clock;
use crate::counters::WorkerCounters;
use crate::doorbell::Doorbell;
use crate::nic::Port;
use crate::options::IdlePolicy;
use crate::routes::Routes;
use crate::worker::Worker;

/// How long there was nothing to do.
#[derive(Debug)]
pub(crate) struct Idle {
    policy: IdlePolicy,
    /// Since when, if now.
    since: Option<Instant>,
    /// The next nap where a port has no interrupt.
    nap: Duration,
    turn_began: Instant,
    /// Whether the turn before had something to do; None after a sleep.
    was_busy: Option<bool>,
}

impl Idle {
    pub(crate) fn new(policy: IdlePolicy) -> Self {
        Self {
            policy,
            since: None,
            nap: NAP_MIN,
            turn_began: Instant::default(),
            was_busy: None,
        }
    }

    /// Books the time of the turn before, now that the clock was read.
    #[inline]
    pub(crate) fn turn_began(&mut self, now: Instant, counters: &WorkerCounters) {
        let nanos = now.as_nanos().saturating_sub(self.turn_began.as_nanos());
        match self.was_busy {
            Some(true) => counters.turn_nanoseconds.record(nanos),
            Some(false) => counters.engine.idle_nanoseconds.add(nanos),
            None => {}
        }
        self.turn_began = now;
    }

    /// Notes whether the turn had something to do; true when it is the first one that had not.
    #[inline]
    pub(crate) fn turn_ended(&mut self, busy: bool, counters: &WorkerCounters) -> bool {
        let was_idle = self.since.is_some();
        self.was_busy = Some(busy);
        if busy {
            counters.engine.busy_turns.increment();
            self.since = None;
            self.nap = NAP_MIN;
        } else if self.since.is_none() {
            self.since = Some(self.turn_began);
        }
        !busy && !was_idle
    }
}

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Sleeps when the policy says so and there is nothing to do before an event or deadline.
    pub(crate) fn rest(&mut self, work: usize) {
        let IdlePolicy::Adaptive { spin, nap_max } = self.idle.policy else {
            return;
        };
        let idle_for = self.idle.since.map(|since| self.now.since(since));
        if work > 0 || idle_for.is_none_or(|idle_for| idle_for < spin) {
            std::hint::spin_loop();
            return;
        }
        let interrupts = self
            .ports
            .iter()
            .all(|slot| slot.port.receive_interrupt().is_some());
        // What is held back by a full port or an empty pool is tried again, soon at first: nothing
        // tells.
        let is_held_back = self.is_held_back() || self.applications.is_held_back();
        let nap = (is_held_back || !interrupts).then(|| self.idle.nap.min(nap_max));
        let due = self
            .next_deadline()
            .map(|deadline| deadline.since(self.now));
        let timeout = match (nap, due) {
            (Some(nap), Some(due)) => Some(nap.min(due)),
            (nap, due) => nap.or(due),
        };
        if timeout.is_none_or(|timeout| timeout > Duration::ZERO) {
            self.idle.nap = self.idle.nap.saturating_mul(2).min(nap_max.max(NAP_MIN));
            self.sleep(timeout);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.shard.next_deadline(),
            self.neighbors.next_deadline(),
            self.services.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn sleep(&mut self, timeout: Option<Duration>) {
        self.mailbox.doorbell.arm();
        for slot in &mut self.ports {
            slot.port.arm_receive_interrupt();
        }
        if !self.something_arrived() {
            let began = self.now;
            let interrupts = self
                .ports
                .iter()
                .filter_map(|slot| slot.port.receive_interrupt());
            let woken = wait(
                &self.mailbox.doorbell,
                interrupts,
                &mut self.applications,
                timeout,
            );
            // The turn that follows is not booked as idle: this was.
            self.now = self.clock.now();
            self.idle.was_busy = None;
            let counters = &self.counters.engine;
            counters.sleeps.increment();
            let nanos = self.now.as_nanos().saturating_sub(began.as_nanos());
            counters.sleep_nanoseconds.add(nanos);
            match woken {
                Woken::Doorbell => counters.wakeups_doorbell.increment(),
                Woken::Port => counters.wakeups_port.increment(),
                Woken::Application => counters.wakeups_application.increment(),
                Woken::Timer => counters.wakeups_timer.increment(),
            }
            if woken != Woken::Timer {
                self.idle.since = None;
            }
        }
        for slot in &mut self.ports {
            slot.port.disarm_receive_interrupt();
        }
        self.mailbox.doorbell.disarm();
        self.applications.wake();
    }

    /// The look after arming; what it takes in is worked on as in a turn.
    fn something_arrived(&mut self) -> bool {
        let is_quiet = self.applications.prepare_sleep();
        let waiting = !is_quiet
            || !self.exchange.is_empty(self.index)
            || !self.mailbox.commands.is_empty()
            || !self.inside.is_empty()
            || self.services.has_work();
        if waiting || self.receive_ports() > 0 {
            self.idle.since = None;
            return true;
        }
        false
    }
}

/// What ended a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    Doorbell,
    Port,
    Application,
    Timer,
}

/// Waits for the doorbell, an interrupt, an application's ring or the end of `timeout`.
fn wait<'a>(
    doorbell: &'a Doorbell,
    interrupts: impl Iterator<Item = BorrowedFd<'a>>,
    applications: &mut Applications,
    timeout: Option<Duration>,
) -> Woken {
    let mut rang = [None; DOMAINS_MAX];
    let woken = {
        let own = PollFd::from_borrowed_fd(doorbell.as_fd(), PollFlags::IN);
        let mut descriptors: [PollFd<'_>; DESCRIPTORS_MAX] = std::array::from_fn(|_| own.clone());
        let interrupts = interrupts
            .take(INTERRUPTS_MAX)
            .map(|descriptor| (None, descriptor));
        let ears = applications.ears().map(|(place, ear)| (Some(place), ear));
        let mut places = [None; DESCRIPTORS_MAX];
        let mut count = 1;
        let free = descriptors.iter_mut().zip(&mut places).skip(1);
        for ((descriptor, place), (whose, waited)) in free.zip(interrupts.chain(ears)) {
            *descriptor = PollFd::from_borrowed_fd(waited, PollFlags::IN);
            *place = whose;
            count += 1;
        }
        let used = descriptors.get_mut(..count).unwrap_or_default();
        let woken = poll_all(used, timeout);
        let told = used
            .iter()
            .zip(places)
            .filter(|(ear, _)| !ear.revents().is_empty());
        let told = told.filter_map(|(ear, place)| Some((place?, ear.revents())));
        for (place, one) in rang.iter_mut().zip(told) {
            *place = Some(one);
        }
        woken
    };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    for (place, events) in rang.into_iter().flatten() {
        applications.clear_ear(place, events.intersects(gone));
    }
    match (woken, rang[0]) {
        (Woken::Doorbell, _) => {
            doorbell.clear();
            Woken::Doorbell
        }
        (Woken::Port, Some(_)) => Woken::Application,
        (woken, _) => woken,
    }
}

fn poll_all(descriptors: &mut [PollFd<'_>], timeout: Option<Duration>) -> Woken {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    });
    // An error here is a signal, after which the next turn looks at everything anyway.
    match poll(descriptors, timeout.as_ref()).unwrap_or(0) {
        0 => Woken::Timer,
        _ if descriptors
            .first()
            .is_some_and(|bell| !bell.revents().is_empty()) =>
        {
            Woken::Doorbell
        }
        _ => Woken::Port,
    }
}

/// Shortest nap.
const NAP_MIN: Duration = Duration::from_micros(50);
/// Interrupts that one sleep can wait for; ports beyond wake by deadlines only.
const INTERRUPTS_MAX: usize = 32;
/// Those, the doorbell, and what applications ring.
const DESCRIPTORS_MAX: usize = 1 + INTERRUPTS_MAX + DOMAINS_MAX;
