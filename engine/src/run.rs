//! The loop of a worker. A turn is bounded in each of its parts, reads the clock once, and makes no
//! system call, allocation or log line of its own unless it found nothing to do for long.

use crate::clock::Clock;
use crate::nic::Port;
use crate::routes::Routes;
use crate::worker::Worker;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Turns until told to stop.
    pub fn run(&mut self) {
        while self.turn() {}
    }

    /// One turn; false after the one in which it was told to stop.
    pub fn turn(&mut self) -> bool {
        self.now = self.clock.now();
        self.idle.turn_began(self.now, &self.counters);
        let mut work = 0;
        self.stage = Stage::Receive;
        work += self.receive_ports();
        self.stage = Stage::Strays;
        work += self.take_strays();
        work += self.take_inside();
        self.stage = Stage::Applications;
        self.applications.post_arrived();
        work += self.take_application_commands();
        self.stage = Stage::Timers;
        work += self.run_timers();
        self.stage = Stage::Services;
        work += self.run_services();
        self.stage = Stage::Transmit;
        work += self.transmit();
        self.stage = Stage::Doorbells;
        self.ring_doorbells();
        self.applications.ring_doorbells();
        self.stage = Stage::Commands;
        work += self.carry_out_commands();
        self.stage = Stage::Idle;
        self.counters.engine.turns.increment();
        if self.idle.turn_ended(work > 0, &self.counters) {
            self.shard.count_pool_entries();
        }
        if self.stopping {
            self.reset_connections();
            return false;
        }
        self.rest(work);
        true
    }

    /// Wakes the workers that were given something in this turn, each once.
    fn ring_doorbells(&mut self) {
        for (worker, given) in self.to_ring.iter_mut().enumerate() {
            if std::mem::take(given) {
                self.exchange.ring(worker);
            }
        }
    }
}

/// What a worker is doing, for the report of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not in its loop yet.
    Start,
    /// Packets from ports.
    Receive,
    /// Packets from other workers, and from inside.
    Strays,
    /// Commands of applications.
    Applications,
    /// Timers.
    Timers,
    /// Services.
    Services,
    /// Packets to ports.
    Transmit,
    /// Waking other workers.
    Doorbells,
    /// Control commands.
    Commands,
    /// Nothing to do.
    Idle,
}

impl Stage {
    /// The stage in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Stage::Start => "start",
            Stage::Receive => "receive",
            Stage::Strays => "strays",
            Stage::Applications => "applications",
            Stage::Timers => "timers",
            Stage::Services => "services",
            Stage::Transmit => "transmit",
            Stage::Doorbells => "doorbells",
            Stage::Commands => "commands",
            Stage::Idle => "idle",
        }
    }
}
