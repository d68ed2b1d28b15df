//! A client: opens connections to an echo service and plays requests, the next when the answer is
//! complete and found equal. Refused or broken connections are opened anew after a pause.

mod call;

use std::time::Duration;

use coremill_tcp::Endpoint;
use coremill_tcp::memory::Memory;
use coremill_tcp::options::{ConnectOptions, SocketOptions};
use coremill_tcp::shard::Shard;
use hdrhistogram::Histogram;

use super::session::Sessions;
use super::statistics::Statistics;
use super::*;
use call::{Call, Requests, Step};

/// What the client plays.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The server, any echo service.
    pub target: Endpoint,
    /// Connections held open.
    pub connections: usize,
    /// Bytes of a request and of its answer.
    pub request_bytes: usize,
    /// Requests on a connection before it is closed and opened anew; 0: never.
    pub requests: u64,
}

/// The rpc client on one worker.
#[derive(Debug)]
pub struct Rpc {
    name: String,
    index: u16,
    plan: Plan,
    requests: Requests,
    sessions: Sessions<Call>,
    /// No open is tried before this; moves on after failures.
    open_at: Instant,
    pause: Duration,
    stopped: bool,
    statistics: Statistics,
    /// Nanoseconds from writing a request to reading the end of its answer, by turns' clocks.
    latencies: Histogram<u64>,
}

impl Rpc {
    /// A client that begins at once.
    pub fn new(name: String, index: u16, plan: Plan, now: Instant) -> Self {
        Self {
            name,
            index,
            plan,
            requests: Requests::new(plan.request_bytes),
            sessions: Sessions::new(plan.connections),
            open_at: now,
            pause: PAUSE_MIN,
            stopped: false,
            statistics: Statistics::default(),
            latencies: latency_histogram(),
        }
    }

    fn wants_open(&self) -> bool {
        !self.stopped && !self.sessions.is_full()
    }

    /// Opens one connection; false when it could not and the pause began.
    fn open<M: Memory>(
        &mut self,
        now: Instant,
        shard: &mut Shard<M>,
        opening: &dyn Opening,
    ) -> bool {
        let Plan { target: remote, .. } = self.plan;
        let Some((source, mtu)) = opening.path(remote.address) else {
            self.begin_pause(now);
            return false;
        };
        let socket = SocketOptions {
            no_delay: true,
            ..SocketOptions::default()
        };
        let cookie = Cookie::listener(self.index).0;
        let options = ConnectOptions {
            source,
            source_port: None,
            remote,
            mtu,
            cookie,
            socket,
        };
        let Ok(connection) = shard.connect(now, &options, &|flow| opening.comes_home(flow)) else {
            self.begin_pause(now);
            return false;
        };
        if let Some(slot) = self.sessions.insert(connection, Call::new(now)) {
            shard.set_cookie(connection, Cookie::slot_of(self.index, slot).0);
            self.statistics.connections_total += 1;
        }
        true
    }

    /// Failures follow each other at growing distance: a server that is down is not hammered.
    fn begin_pause(&mut self, now: Instant) {
        self.statistics.errors += 1;
        self.open_at = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    fn share<M: Memory>(&mut self, now: Instant, shard: &mut Shard<M>, slot: u32) {
        let Some(session) = self.sessions.session(slot) else {
            return;
        };
        let connection = session.connection;
        for _ in 0..STEPS_MAX {
            let call = &mut session.state;
            match call.step(now, shard, connection, &self.requests, &mut self.statistics) {
                Step::Waiting => return,
                Step::Moved => {}
                Step::Completed { latency } => {
                    self.pause = PAUSE_MIN;
                    self.latencies
                        .saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
                    if self.stopped || call.completed() == self.plan.requests {
                        shard.close(now, connection);
                        return self.sessions.remove(slot);
                    }
                }
                Step::Failed => {
                    shard.close(now, connection);
                    self.sessions.remove(slot);
                    return self.begin_pause(now);
                }
            }
        }
        self.sessions.wait(slot);
    }
}

impl<M: Memory> Running<M> for Rpc {
    fn event(&mut self, now: Instant, shard: &mut Shard<M>, event: &Event) {
        let slot = Cookie(event.cookie).slot();
        if let Subject::Connection(connection) = event.subject
            && self.sessions.session_of(slot, connection).is_some()
        {
            self.share(now, shard, slot);
        }
    }

    fn proceed(
        &mut self,
        now: Instant,
        shard: &mut Shard<M>,
        opening: &dyn Opening,
        budget: usize,
    ) -> usize {
        let mut steps = 0;
        for _ in 0..self.sessions.waiting().min(budget) {
            let Some(slot) = self.sessions.next_waiting() else {
                break;
            };
            self.share(now, shard, slot);
            steps += 1;
        }
        while steps < budget && self.wants_open() && self.open_at <= now {
            steps += 1;
            if !self.open(now, shard, opening) {
                break;
            }
        }
        steps
    }

    fn has_work(&self) -> bool {
        self.sessions.waiting() > 0
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.wants_open().then_some(self.open_at)
    }

    fn drain(&mut self, _now: Instant, _shard: &mut Shard<M>) {
        // Requests under way complete; each connection closes with its answer.
        self.stopped = true;
    }

    fn row(&self) -> ServiceRow {
        let target = self.plan.target;
        ServiceRow {
            name: self.name.clone(),
            kind: "rpc",
            address: Some((target.address, target.port).into()),
            latency_p50_nanoseconds: self.latencies.value_at_quantile(0.50),
            latency_p99_nanoseconds: self.latencies.value_at_quantile(0.99),
            ..self.statistics.row(self.sessions.len())
        }
    }
}

/// 100 ns to 100 s within 1 %; recording into it never allocates.
fn latency_histogram() -> Histogram<u64> {
    // Both bounds and the digits are constants that hdrhistogram allows.
    Histogram::new_with_bounds(100, 100_000_000_000, 2).expect("constant bounds are valid")
}

const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Steps of one connection before another has its turn.
const STEPS_MAX: usize = 32;
