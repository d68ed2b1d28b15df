//! What all listening services have in common: accepting up to a bound, and fair shares of a turn.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use coremill_tcp::error::ListenError;
use coremill_tcp::memory::Memory;
use coremill_tcp::options::{ListenOptions, SocketOptions};
use coremill_tcp::shard::Shard;

use super::session::Sessions;
use super::statistics::Statistics;
use super::*;

/// What a service does with one connection.
pub trait Serve: Debug + Send {
    /// What it keeps for each connection.
    type State: Debug + Send;

    /// The service's kind, in one word.
    fn kind(&self) -> &'static str;

    /// The state of a connection just accepted.
    fn open(&self) -> Self::State;

    /// Does what can be done now, up to a share (`SHARE_BYTES`), and says what is next.
    fn serve<M: Memory>(
        &mut self,
        exchange: &mut Exchange<'_, M>,
        state: &mut Self::State,
    ) -> Progress;
}

/// How far a connection came in this share of the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing more to do before the next event.
    Waiting,
    /// There is more to do at once: another share, please.
    More,
    /// Done: FIN after what is queued.
    Finished,
    /// The connection failed.
    Failed,
}

/// One connection and what surrounds it.
#[derive(Debug)]
pub struct Exchange<'a, M: Memory> {
    /// The time of this turn.
    pub now: Instant,
    /// The shard.
    pub shard: &'a mut Shard<M>,
    /// The connection.
    pub connection: ConnectionId,
    /// Its slot, below the number of sessions of the service.
    pub slot: u32,
    /// The service's numbers.
    pub statistics: &'a mut Statistics,
}

/// Bytes that one connection may move before another has its turn.
pub const SHARE_BYTES: usize = 64 << 10;

/// A listening service on one worker.
#[derive(Debug)]
pub struct Server<S: Serve> {
    name: String,
    index: u16,
    address: SocketAddr,
    serve: S,
    listener: Option<ListenerId>,
    /// The accept queue may hold more.
    acceptable: bool,
    sessions: Sessions<S::State>,
    statistics: Statistics,
}

impl<S: Serve> Server<S> {
    /// Opens the listener.
    ///
    /// # Errors
    /// When the address is listened on already, or the table is full.
    pub fn start<M: Memory>(
        shard: &mut Shard<M>,
        name: String,
        index: u16,
        listening: &Listening,
        queued: Arc<AtomicUsize>,
        serve: S,
        sessions: usize,
    ) -> Result<Self, ListenError> {
        let listener = shard.listen(ListenOptions {
            local: listening.address.into(),
            backlog: listening.backlog,
            queued,
            cookie: Cookie::listener(index).0,
            socket: SocketOptions {
                no_delay: true,
                ..SocketOptions::default()
            },
        })?;
        Ok(Self {
            name,
            index,
            address: listening.address,
            serve,
            listener: Some(listener),
            acceptable: false,
            sessions: Sessions::new(sessions),
            statistics: Statistics::default(),
        })
    }

    fn can_accept(&self) -> bool {
        self.acceptable && self.listener.is_some() && !self.sessions.is_full()
    }

    fn accept<M: Memory>(&mut self, now: Instant, shard: &mut Shard<M>) {
        let Some(connection) = self.listener.and_then(|listener| shard.accept(listener)) else {
            self.acceptable = false;
            return;
        };
        let Some(slot) = self.sessions.insert(connection, self.serve.open()) else {
            shard.abort(now, connection);
            return;
        };
        self.statistics.connections_total += 1;
        shard.set_cookie(connection, Cookie::slot_of(self.index, slot).0);
        // Data may have come with the handshake or before the accept: no event will tell.
        self.share(now, shard, slot);
    }

    fn share<M: Memory>(&mut self, now: Instant, shard: &mut Shard<M>, slot: u32) {
        let Some(session) = self.sessions.session(slot) else {
            return;
        };
        let connection = session.connection;
        let statistics = &mut self.statistics;
        let mut exchange = Exchange {
            now,
            shard,
            connection,
            slot,
            statistics,
        };
        match self.serve.serve(&mut exchange, &mut session.state) {
            Progress::Waiting => return,
            Progress::More => return self.sessions.wait(slot),
            Progress::Finished => {}
            Progress::Failed => self.statistics.errors += 1,
        }
        shard.close(now, connection);
        self.sessions.remove(slot);
    }
}

impl<M: Memory, S: Serve> Running<M> for Server<S> {
    fn event(&mut self, now: Instant, shard: &mut Shard<M>, event: &Event) {
        match event.subject {
            Subject::Listener(_) => self.acceptable = true,
            Subject::Connection(connection) => {
                let slot = Cookie(event.cookie).slot();
                if self.sessions.session_of(slot, connection).is_some() {
                    self.share(now, shard, slot);
                }
            }
        }
    }

    fn proceed(
        &mut self,
        now: Instant,
        shard: &mut Shard<M>,
        _opening: &dyn Opening,
        budget: usize,
    ) -> usize {
        let mut steps = 0;
        // Those that wait now, not those that begin to wait meanwhile.
        for _ in 0..self.sessions.waiting().min(budget) {
            let Some(slot) = self.sessions.next_waiting() else {
                break;
            };
            self.share(now, shard, slot);
            steps += 1;
        }
        while steps < budget && self.can_accept() {
            self.accept(now, shard);
            steps += 1;
        }
        steps
    }

    fn has_work(&self) -> bool {
        self.sessions.waiting() > 0 || self.can_accept()
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    fn drain(&mut self, now: Instant, shard: &mut Shard<M>) {
        if let Some(listener) = self.listener.take() {
            shard.close_listener(now, listener);
        }
    }

    fn row(&self) -> ServiceRow {
        ServiceRow {
            name: self.name.clone(),
            kind: self.serve.kind(),
            address: Some(self.address),
            ..self.statistics.row(self.sessions.len())
        }
    }
}
