//! The control thread: one poll over the control socket, workers' answers, signals and metrics.
//! It never waits for anything but the poll.

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coremill_config::Config;
use coremill_protocol::{Answer, ErrorKind, Reply, Request};
use mio::net::UnixStream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::access::Access;
use crate::control_socket::ControlSocket;
use crate::failure::{Failure, system};
use crate::inquiry::{Answered, Asker, Inquiries};
use crate::log_limit::LogLimit;
use crate::metrics::Endpoint;
use crate::requests::{self, Action, rows};
use crate::session::{Session, Wish};
use crate::shutdown::{Drain, Shutdown};
use crate::signals::Signals;
use crate::stack::Stack;

/// Everything the control thread looks after.
pub struct ControlLoop {
    poll: Poll,
    stack: Arc<Stack>,
    socket: ControlSocket,
    access: Access,
    sessions: BTreeMap<Token, Session>,
    sessions_max: usize,
    inquiries: Inquiries,
    answer_timeout: Duration,
    signals: Signals,
    metrics: Option<Endpoint>,
    refresh: Duration,
    next_refresh: Instant,
    drain_timeout: Duration,
    shutdown: Shutdown,
    next_token: usize,
    log_limit: LogLimit,
}

impl ControlLoop {
    /// Registers everything with a new poll.
    pub fn new(
        config: &Config,
        stack: Arc<Stack>,
        mut socket: ControlSocket,
        mut signals: Signals,
        mut metrics: Option<Endpoint>,
    ) -> Result<Self, Failure> {
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
            access: Access::new(&config.control),
            sessions: BTreeMap::new(),
            sessions_max: config.control.sessions_max,
            answer_timeout: config.control.answer_timeout,
            signals,
            metrics,
            refresh: config.metrics.refresh,
            next_refresh: Instant::now(),
            drain_timeout: config.shutdown.drain_timeout,
            shutdown: Shutdown::Running,
            log_limit: LogLimit::new(Instant::now()),
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
            let now = Instant::now();
            self.inquiries.expire(now, &mut answered);
            self.deliver(&mut answered);
            self.refresh_metrics(now);
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
            CONTROL => self.accept(),
            STOP | RELOAD => self.signalled(),
            METRICS => {
                if let Some(metrics) = &mut self.metrics {
                    metrics.accept(self.poll.registry(), &mut self.next_token);
                }
            }
            Token(number) if number < FIRST_WORKER + self.stack.workers.len() => {
                self.inquiries.collect(number - FIRST_WORKER, answered);
            }
            token if self.sessions.contains_key(&token) => self.serve(token),
            token => {
                let stopping = self.shutdown.is_stopping();
                if let Some(metrics) = &mut self.metrics {
                    metrics.serve(token, self.poll.registry(), &self.stack, stopping);
                }
            }
        }
    }

    fn accept(&mut self) {
        // Edge-triggered: until there is nobody left. An error of one accept concerns one peer.
        while let Ok((mut stream, _)) = self.socket.listener.accept() {
            let token = Token(self.next_token);
            self.next_token += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self
                .poll
                .registry()
                .register(&mut stream, token, interest)
                .is_err()
            {
                continue;
            }
            let refusal = self.refusal(&stream);
            let mut session = Session::new(stream);
            if let Some(answer) = refusal {
                session.refuse(&answer);
                // Its one line fits into an empty socket buffer.
                let _ = session.next();
                let _ = self.poll.registry().deregister(&mut session.stream);
                continue;
            }
            self.sessions.insert(token, session);
            self.serve(token);
        }
    }

    fn refusal(&mut self, stream: &UnixStream) -> Option<Answer> {
        if let Some(peer) = self.access.refuses(stream) {
            if let Some(withheld) = self.log_limit.admit(Instant::now()) {
                tracing::warn!(withheld, "{peer} may not use the control socket");
            }
            let message = format!("{peer} may not ask; add it to control.allowed_uids");
            return Some(Answer::error(ErrorKind::Forbidden, message));
        }
        (self.sessions.len() >= self.sessions_max).then(|| {
            let message = format!(
                "{} sessions are open already (control.sessions_max)",
                self.sessions.len()
            );
            Answer::error(ErrorKind::Busy, message)
        })
    }

    /// Carries a session on as far as it goes.
    fn serve(&mut self, token: Token) {
        while let Some(session) = self.sessions.get_mut(&token) {
            match session.next() {
                Wish::Nothing => return,
                Wish::Close => {
                    let _ = self.poll.registry().deregister(&mut session.stream);
                    self.sessions.remove(&token);
                    self.inquiries.forget(Asker::Session(token));
                }
                Wish::Answer(request) => {
                    note(&request);
                    let stopping = self.shutdown.is_stopping();
                    let answer = match requests::dispatch(request, &self.stack, stopping) {
                        Action::Answer(answer) => Some(answer),
                        Action::Ask(task) => {
                            let deadline = Instant::now() + self.answer_timeout;
                            let asker = Asker::Session(token);
                            self.inquiries
                                .begin(asker, task, deadline)
                                .map(|(_, answer)| answer)
                        }
                        Action::Shutdown { drain, timeout_ms } => {
                            let timeout =
                                timeout_ms.map_or(self.drain_timeout, Duration::from_millis);
                            self.stop(drain, timeout.min(DRAIN_MAX), "the control socket");
                            Some(Reply::Shutdown {}.into())
                        }
                    };
                    if let (Some(answer), Some(session)) = (answer, self.sessions.get_mut(&token)) {
                        session.answer(&answer);
                    }
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
        let deadline = now + self.answer_timeout;
        // A refused refresh leaves the rows as they were; the next one comes soon.
        let _ = self.inquiries.begin(
            Asker::Metrics,
            Box::new(rows::Listeners::default()),
            deadline,
        );
        let _ = self.inquiries.begin(
            Asker::Metrics,
            Box::new(rows::Services::default()),
            deadline,
        );
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
        let task = Box::new(Drain::default());
        if self
            .inquiries
            .begin(Asker::Daemon, task, now + self.answer_timeout)
            .is_some()
        {
            tracing::warn!("a worker has too many commands waiting and keeps its listeners");
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
        let mut timeout = if self.shutdown.is_stopping() {
            DRAIN_CHECK
        } else {
            FAILURE_CHECK
        };
        let refresh = self.metrics.is_some().then_some(self.next_refresh);
        for deadline in [self.inquiries.next_deadline(), refresh]
            .into_iter()
            .flatten()
        {
            timeout = timeout.min(deadline.saturating_duration_since(now));
        }
        // A poll rounds down to milliseconds: never spin through the last one.
        timeout.max(Duration::from_millis(1))
    }
}

/// What changes something is logged where an operator looks.
fn note(request: &Request) {
    match request {
        Request::RouteAdd(change) | Request::RouteRemove(change) => {
            tracing::info!(
                "{} {}, asked over the control socket",
                request.name(),
                change.network
            );
        }
        _ => tracing::debug!("{}, asked over the control socket", request.name()),
    }
}

const CONTROL: Token = Token(0);
const STOP: Token = Token(1);
const RELOAD: Token = Token(2);
const METRICS: Token = Token(3);
const FIRST_WORKER: usize = 4;
/// How soon a worker's failure is seen.
const FAILURE_CHECK: Duration = Duration::from_millis(500);
/// How soon the last connection's end is seen.
const DRAIN_CHECK: Duration = Duration::from_millis(20);
/// Longest drain that a client may ask for.
const DRAIN_MAX: Duration = Duration::from_secs(3_600);
