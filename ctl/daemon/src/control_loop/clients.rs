//! Clients of the control socket: who is let in, and how far each is served in a round.

use std::time::{Duration, Instant};

use coremill_protocol::{Answer, ErrorKind, Reply, Request};
use mio::net::UnixStream;
use mio::{Interest, Token};

use super::ControlLoop;
use crate::inquiry::Asker;
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
        self.eager.insert(token);
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

/// Longest drain that a client may ask for.
const DRAIN_MAX: Duration = Duration::from_secs(3_600);
/// Sessions accepted in a round.
const ACCEPTS_MAX: usize = 64;
/// Requests of one session in a round.
pub(super) const REQUESTS_MAX: usize = 32;
