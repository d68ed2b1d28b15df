//! Clients of the control socket: who is let in, and how far each is served in a round.

use std::io::Write;
use std::time::{Duration, Instant};

use coremill_protocol::{Answer, ErrorBody, ErrorKind, Reply, Request, encode};
use mio::net::UnixStream;
use mio::{Interest, Token};

use super::ControlLoop;
use crate::access::Peer;
use crate::inquiry::{Asker, Task};
use crate::requests::{self, Action};
use crate::session::{Session, Wish};

impl ControlLoop {
    /// Takes in who waits. An error may concern one peer, or this process's descriptors: the next
    /// round tries again.
    pub(super) fn accept(&mut self) {
        for _ in 0..ACCEPTS_MAX {
            let Ok((mut stream, _)) = self.socket.listener.accept() else {
                return;
            };
            let token = Token(self.next_token);
            self.next_token += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self
                .poll
                .registry()
                .register(&mut stream, token, interest)
                .is_err()
            {
                self.closer.close(stream);
                continue;
            }
            match self.admit(&stream) {
                Ok(peer) => {
                    self.sessions.insert(token, Session::new(stream, peer));
                    self.serve(token);
                }
                Err(refusal) => {
                    // Its one line fits into an empty socket buffer.
                    let line = encode(&Answer::from(refusal)).unwrap_or_default();
                    let _ = stream.write(&line);
                    let _ = self.poll.registry().deregister(&mut stream);
                    self.closer.close(stream);
                }
            }
        }
    }

    fn admit(&mut self, stream: &UnixStream) -> Result<Peer, ErrorBody> {
        let peer = self.access.peer(stream).map_err(|stranger| {
            if let Some(withheld) = self.log_limit.admit(Instant::now()) {
                tracing::warn!(withheld, "{stranger} may not use the control socket");
            }
            let message = format!("{stranger} may not ask; add it to control.allowed_uids");
            ErrorBody::new(ErrorKind::Forbidden, message)
        })?;
        // Those of applications have a bound of their own.
        let open = (self.sessions.len() + self.closer.pending())
            .saturating_sub(self.applications.sessions());
        if open >= self.sessions_max {
            let message = format!("{open} sessions are open already (control.sessions_max)");
            return Err(ErrorBody::new(ErrorKind::Busy, message));
        }
        Ok(peer)
    }

    /// Goes on with those that had more to ask than a round's share.
    pub(super) fn serve_eager(&mut self) {
        for token in std::mem::take(&mut self.eager) {
            self.serve(token);
        }
    }

    /// Carries a session on as far as it goes, but not beyond its share of a round: one that never
    /// stops asking must not keep the thread from signals and from the others.
    pub(super) fn serve(&mut self, token: Token) {
        for _ in 0..REQUESTS_MAX {
            let Some(session) = self.sessions.get_mut(&token) else {
                return;
            };
            match session.next() {
                Wish::Nothing => return,
                Wish::Close => self.close(token),
                Wish::Answer(request) => {
                    note(&request);
                    let answer = match session.peer.may(&request) {
                        true => self.carry_out(token, request),
                        false => Some(not_an_operator(session.peer)),
                    };
                    if let (Some(answer), Some(session)) = (answer, self.sessions.get_mut(&token)) {
                        session.answer(&answer);
                    }
                }
            }
        }
        self.eager.insert(token);
    }

    fn close(&mut self, token: Token) {
        if let Some(mut session) = self.sessions.remove(&token) {
            let _ = self.poll.registry().deregister(&mut session.stream);
            self.inquiries.forget(Asker::Session(token));
            self.session_closed(token, session.holds_descriptors());
            self.closer.close(session.stream);
        }
    }

    /// Closes sessions that have asked for nothing for long: others may want their places. That of an attached
    /// application stays.
    pub(super) fn close_idle(&mut self, now: Instant) {
        let idle: Vec<Token> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_idle(now, self.idle_timeout))
            .map(|(token, _)| *token)
            .collect();
        for token in idle {
            if self.applications.of_session(token).is_none() {
                self.close(token);
            }
        }
    }

    /// Does what a session asks for; gives the answer when it is known at once.
    fn carry_out(&mut self, token: Token, request: Request) -> Option<Answer> {
        match request {
            Request::Attach { layout, flags } => return self.attach(token, layout, flags),
            Request::Detach { attachment } => return self.detach(token, attachment),
            Request::Apps {} => return self.ask(Asker::Session(token), self.apps()),
            _ => {}
        }
        match requests::dispatch(request, &self.stack, self.shutdown.is_stopping()) {
            Action::Answer(answer) => Some(answer),
            Action::Ask(task) => self.ask(Asker::Session(token), task),
            Action::Shutdown { drain, timeout_ms } => {
                let timeout = timeout_ms.map_or(self.drain_timeout, Duration::from_millis);
                self.stop(drain, timeout.min(DRAIN_MAX), "the control socket");
                Some(Reply::Shutdown {}.into())
            }
        }
    }

    /// Asks workers; gives the answer when it is known at once.
    pub(super) fn ask(&mut self, asker: Asker, task: Box<dyn Task>) -> Option<Answer> {
        let deadline = Instant::now() + self.answer_timeout;
        let answered = self.inquiries.begin(asker, task, deadline);
        answered.map(|(_, answer)| answer)
    }
}

fn not_an_operator(peer: Peer) -> Answer {
    let message = format!(
        "user {} may attach but not ask; add it to control.allowed_uids",
        peer.user
    );
    Answer::error(ErrorKind::Forbidden, message)
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
        // Keys stay out of the log.
        Request::DestinationsForget { .. } | Request::FastOpenKeys { .. } => {
            tracing::info!("{}, asked over the control socket", request.name());
        }
        _ => tracing::debug!("{}, asked over the control socket", request.name()),
    }
}

/// Longest drain that a client may ask for.
const DRAIN_MAX: Duration = Duration::from_secs(3_600);
/// Sessions accepted in a round.
const ACCEPTS_MAX: usize = 64;
/// Requests of one session in a round.
pub(super) const REQUESTS_MAX: usize = 32;
