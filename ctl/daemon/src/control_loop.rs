//! The control thread: one poll over the control socket, workers' answers, signals and metrics.
//! It never waits for anything but the poll.

mod clients;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coremill_config::Config;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::access::Access;
use crate::applications::Applications;
use crate::closer::Closer;
use crate::control_socket::ControlSocket;
use crate::failure::{Failure, system};
use crate::inquiry::{Answered, Asker, Inquiries};
use crate::log_limit::LogLimit;
use crate::metrics::Endpoint;
use crate::requests::rows;
use crate::session::Session;
use crate::shutdown::{Drain, Shutdown};
use crate::signals::Signals;
use crate::stack::Stack;

mod applications;
mod refusals;

/// What the control thread watches, beside sessions and workers.
pub struct Ends {
    /// Where sessions come from.
    pub socket: ControlSocket,
    /// Signals.
    pub signals: Signals,
    /// The metrics endpoint, where there is one.
    pub metrics: Option<Endpoint>,
    /// Attached applications.
    pub applications: Applications,
}

/// Everything the control thread looks after.
pub struct ControlLoop {
    poll: Poll,
    stack: Arc<Stack>,
    socket: ControlSocket,
    access: Access,
    sessions: BTreeMap<Token, Session>,
    sessions_max: usize,
    closer: Closer,
    applications: Applications,
    /// Those that have more to ask than they were answered.
    eager: BTreeSet<Token>,
    inquiries: Inquiries,
    answer_timeout: Duration,
    idle_timeout: Duration,
    signals: Signals,
    metrics: Option<Endpoint>,
    refresh: Duration,
    next_refresh: Instant,
    drain_timeout: Duration,
    shutdown: Shutdown,
    /// Not every worker took the order to drain yet.
    drain_due: bool,
    next_token: usize,
    log_limit: LogLimit,
    refusals: refusals::Refusals,
}

impl ControlLoop {
    /// Registers everything with a new poll.
    pub fn new(config: &Config, stack: Arc<Stack>, ends: Ends) -> Result<Self, Failure> {
        let Ends {
            mut socket,
            mut signals,
            mut metrics,
            applications,
        } = ends;
        let poll = Poll::new().map_err(system("making a poll"))?;
        let registry = poll.registry();
        let failed = || system("registering with the poll");
        registry
            .register(&mut socket.listener, CONTROL, Interest::READABLE)
            .map_err(failed())?;
        registry
            .register(&mut signals.stop, STOP, Interest::READABLE)
            .map_err(failed())?;
        registry
            .register(&mut signals.reload, RELOAD, Interest::READABLE)
            .map_err(failed())?;
        let alarm = applications.alarm().as_fd().as_raw_fd();
        registry
            .register(&mut SourceFd(&alarm), ALARM, Interest::READABLE)
            .map_err(failed())?;
        let made = applications.maker().as_fd().as_raw_fd();
        registry
            .register(&mut SourceFd(&made), MADE, Interest::READABLE)
            .map_err(failed())?;
        if let Some(metrics) = &mut metrics {
            metrics.register(registry, METRICS).map_err(failed())?;
        }
        for (index, worker) in stack.workers.iter().enumerate() {
            let descriptor = worker.answers_fd().as_raw_fd();
            let token = Token(FIRST_WORKER + index);
            registry
                .register(&mut SourceFd(&descriptor), token, Interest::READABLE)
                .map_err(failed())?;
        }
        Ok(Self {
            poll,
            inquiries: Inquiries::new(stack.workers.clone()),
            next_token: FIRST_WORKER + stack.workers.len(),
            stack,
            socket,
            access: Access::new(config),
            applications,
            sessions: BTreeMap::new(),
            sessions_max: config.control.sessions_max,
            closer: Closer::new().map_err(system("starting a thread"))?,
            eager: BTreeSet::new(),
            answer_timeout: config.control.answer_timeout,
            idle_timeout: config.control.idle_timeout,
            signals,
            metrics,
            refresh: config.metrics.refresh,
            next_refresh: Instant::now(),
            drain_timeout: config.shutdown.drain_timeout,
            shutdown: Shutdown::Running,
            drain_due: false,
            log_limit: LogLimit::new(Instant::now()),
            refusals: refusals::Refusals::default(),
        })
    }

    /// Serves until the daemon shall stop; `failure` tells of a worker that failed.
    pub fn run(&mut self, failure: &dyn Fn() -> Option<String>) -> Result<(), Failure> {
        let mut events = Events::with_capacity(256);
        let mut answered = Vec::new();
        loop {
            let timeout = self.timeout(Instant::now());
            if let Err(error) = self.poll.poll(&mut events, Some(timeout))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                return Err(system("waiting for events")(error));
            }
            for event in &events {
                self.handle(event.token(), &mut answered);
            }
            self.serve_eager();
            // The event comes once, also when nobody could be accepted.
            self.accept();
            if let Some(metrics) = &mut self.metrics {
                metrics.accept(self.poll.registry(), &mut self.next_token);
            }
            let now = Instant::now();
            self.close_idle(now);
            self.inquiries.expire(now, &mut answered);
            self.deliver(&mut answered);
            self.retry_detaching(now);
            self.refresh_metrics(now);
            if let Some(refused) = self.refusals.due(now, &self.stack) {
                tracing::warn!("signed connections: not believed: {refused}");
            }
            self.order_drain(now);
            if let Some(failure) = failure() {
                return Err(Failure::Worker(failure));
            }
            if self.shutdown.is_due(now, self.stack.open_connections()) {
                self.finish();
                return Ok(());
            }
        }
    }

    fn handle(&mut self, token: Token, answered: &mut Vec<Answered>) {
        match token {
            // Who waits is accepted in each round.
            CONTROL | METRICS => {}
            STOP | RELOAD => self.signalled(),
            ALARM => self.detach_liars(),
            MADE => self.attachments_made(),
            Token(number) if number < FIRST_WORKER + self.stack.workers.len() => {
                self.inquiries.collect(number - FIRST_WORKER, answered);
            }
            token if self.sessions.contains_key(&token) => self.serve(token),
            token if self.process_died(token) => {}
            token => {
                let stopping = self.shutdown.is_stopping();
                if let Some(metrics) = &mut self.metrics {
                    metrics.serve(token, self.poll.registry(), &self.stack, stopping);
                }
            }
        }
    }

    fn deliver(&mut self, answered: &mut Vec<Answered>) {
        for (asker, answer) in answered.drain(..) {
            match asker {
                Asker::Session(token) => {
                    if let Some(session) = self.sessions.get_mut(&token) {
                        session.answer(&answer);
                        self.serve(token);
                    }
                }
                Asker::Metrics => {
                    if let Some(metrics) = &mut self.metrics {
                        metrics.remember(answer);
                    }
                }
                Asker::Attach(id) => self.answer_attach(id, answer),
                Asker::Detach(id) => self.answer_detach(id, &answer),
                Asker::Daemon => {}
            }
        }
    }

    /// Asks for the rows that metrics need beyond counters; a scrape then reads what came last.
    fn refresh_metrics(&mut self, now: Instant) {
        let Some(metrics) = &mut self.metrics else {
            return;
        };
        metrics.expire(now, self.poll.registry());
        if now < self.next_refresh {
            return;
        }
        self.next_refresh = now + self.refresh;
        // A refused refresh leaves the rows as they were; the next one comes soon.
        let _ = self.ask(Asker::Metrics, Box::new(rows::Listeners::default()));
        let _ = self.ask(Asker::Metrics, Box::new(rows::Services::default()));
        let _ = self.ask(Asker::Metrics, self.apps());
    }

    fn signalled(&mut self) {
        let (stops, reloads) = self.signals.take();
        if reloads > 0 && self.log_limit.admit(Instant::now()).is_some() {
            tracing::warn!(
                "SIGHUP: reloading is not supported yet; restart to use a new configuration"
            );
        }
        for _ in 0..stops.min(2) {
            self.stop(true, self.drain_timeout, "a signal");
        }
    }

    fn stop(&mut self, drain: bool, timeout: Duration, by: &str) {
        let now = Instant::now();
        let begins = self.shutdown.drain(now, timeout);
        if !drain || !begins {
            self.shutdown = Shutdown::Now;
            tracing::info!("stopping at once, asked by {by}");
            return;
        }
        tracing::info!(
            open = self.stack.open_connections(),
            "draining for up to {timeout:?}, asked by {by}; ask again to stop at once"
        );
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        self.drain_due = true;
        self.order_drain(now);
    }

    /// Orders the workers to drain, again as long as one has too many commands waiting.
    fn order_drain(&mut self, now: Instant) {
        if self.drain_due {
            let (task, deadline) = (Box::new(Drain::default()), now + self.answer_timeout);
            let refused = self.inquiries.begin(Asker::Daemon, task, deadline);
            self.drain_due = refused.is_some();
        }
    }

    /// Gives sessions the answers they are owed, without waiting for slow ones.
    fn finish(&mut self) {
        let open = self.stack.open_connections();
        if open > 0 {
            tracing::warn!(open, "stopping with open connections; they are reset");
        }
        for session in self.sessions.values_mut() {
            let _ = session.next();
        }
    }

    fn timeout(&self, now: Instant) -> Duration {
        if !self.eager.is_empty() {
            return Duration::ZERO;
        }
        let mut timeout = if self.shutdown.is_stopping() {
            DRAIN_CHECK
        } else {
            FAILURE_CHECK
        };
        let refresh = self.metrics.is_some().then_some(self.next_refresh);
        let deadlines = [
            self.inquiries.next_deadline(),
            refresh,
            self.applications.next_deadline(),
        ];
        for deadline in deadlines.into_iter().flatten() {
            timeout = timeout.min(deadline.saturating_duration_since(now));
        }
        // A poll rounds down to milliseconds: never spin through the last one.
        timeout.max(Duration::from_millis(1))
    }
}

const CONTROL: Token = Token(0);
const STOP: Token = Token(1);
const RELOAD: Token = Token(2);
const METRICS: Token = Token(3);
const ALARM: Token = Token(4);
const MADE: Token = Token(5);
const FIRST_WORKER: usize = 6;
/// How soon a worker's failure is seen.
const FAILURE_CHECK: Duration = Duration::from_millis(500);
/// How soon the last connection's end is seen.
const DRAIN_CHECK: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
