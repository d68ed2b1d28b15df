//! The HTTP endpoint: `/metrics`, `/healthz`, `/readyz`, on the control thread's own poll.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use coremill_config::schema::Metrics;
use coremill_protocol::{Answer, Reply};
use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use prometheus::TextEncoder;

use super::collector::{Rows, StackCollector};
use super::connection::{Connection, Progress, Request, Status};
use crate::failure::Failure;
use crate::stack::Stack;

/// The listening socket and its connections.
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
    connections: BTreeMap<Token, Connection>,
    connections_max: usize,
    metrics: prometheus::Registry,
    rows: Arc<Mutex<Rows>>,
}

impl Endpoint {
    /// Listens, where the configuration wants an endpoint.
    pub fn bind(config: &Metrics) -> Result<Option<Self>, Failure> {
        if !config.enabled {
            return Ok(None);
        }
        let failed = |source| Failure::MetricsAddress {
            address: config.address,
            source,
        };
        let listener = TcpListener::bind(config.address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Some(Self {
            listener,
            address,
            connections: BTreeMap::new(),
            connections_max: config.connections_max,
            metrics: prometheus::Registry::new(),
            rows: Arc::default(),
        }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint with `stack` to read from.
    pub fn serving(self, stack: &Arc<Stack>) -> Self {
        let collector = StackCollector::new(Arc::clone(stack), Arc::clone(&self.rows));
        if let Err(error) = self.metrics.register(Box::new(collector)) {
            tracing::error!("metrics are not available: {error}");
        }
        self
    }

    /// Makes a poll watch the listening socket.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.listener, token, Interest::READABLE)
    }

    /// Accepts whoever waits, so many in a round; beyond the bound a connection is closed at once.
    pub fn accept(&mut self, registry: &Registry, next_token: &mut usize) {
        for _ in 0..ACCEPTS_MAX {
            let Ok((mut stream, _)) = self.listener.accept() else {
                return;
            };
            if self.connections.len() >= self.connections_max {
                continue;
            }
            let token = Token(*next_token);
            *next_token += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            if registry.register(&mut stream, token, interest).is_ok() {
                self.connections
                    .insert(token, Connection::new(stream, Instant::now()));
            }
        }
    }

    /// Carries a connection on as far as it goes.
    pub fn serve(&mut self, token: Token, registry: &Registry, stack: &Stack, stopping: bool) {
        let Some(mut connection) = self.connections.remove(&token) else {
            return;
        };
        let progress = match connection.advance() {
            Progress::Asked(request) => self.answer(&mut connection, &request, stack, stopping),
            other => other,
        };
        if progress == Progress::Over {
            let _ = registry.deregister(&mut connection.stream);
        } else {
            self.connections.insert(token, connection);
        }
    }

    /// Gives up connections that take too long.
    pub fn expire(&mut self, now: Instant, registry: &Registry) {
        self.connections.retain(|_, connection| {
            let keep = connection.deadline > now;
            if !keep {
                let _ = registry.deregister(&mut connection.stream);
            }
            keep
        });
    }

    /// Keeps rows for the next scrape.
    pub fn remember(&mut self, answer: Answer) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Answer::Reply(Reply::Listeners { listeners }) => rows.listeners = listeners,
            Answer::Reply(Reply::Services { services }) => rows.services = services,
            Answer::Reply(Reply::Apps { apps }) => rows.applications = apps,
            // A worker was too busy to answer: the rows stay as they were.
            _ => {}
        }
    }

    fn answer(
        &self,
        connection: &mut Connection,
        request: &Request,
        stack: &Stack,
        stopping: bool,
    ) -> Progress {
        let (path, head_only) = match request {
            Request::Get(path) => (path.as_str(), false),
            Request::Head(path) => (path.as_str(), true),
            Request::Wrong(status) => {
                return connection.answer(*status, TEXT, &line(*status), false);
            }
        };
        let (status, kind, body) = match path {
            "/metrics" => match TextEncoder::new().encode_to_string(&self.metrics.gather()) {
                Ok(body) => (Status::Ok, METRICS_TEXT, body),
                Err(error) => (Status::Unavailable, TEXT, format!("{error}\n")),
            },
            "/healthz" => (Status::Ok, TEXT, "ok\n".into()),
            "/readyz" if stopping => (Status::Unavailable, TEXT, "draining\n".into()),
            "/readyz" => (
                Status::Ok,
                TEXT,
                format!("ready: {} workers\n", stack.workers.len()),
            ),
            _ => (
                Status::NotFound,
                TEXT,
                "there are /metrics, /healthz and /readyz\n".into(),
            ),
        };
        connection.answer(status, kind, &body, head_only)
    }
}

fn line(status: Status) -> String {
    format!("{}\n", status.line())
}

/// Connections accepted in a round.
const ACCEPTS_MAX: usize = 64;
const TEXT: &str = "text/plain; charset=utf-8";
/// Prometheus's text format, as its documentation names it.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
