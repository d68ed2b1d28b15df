//! The control loop's part in the life of attachments: begin, end, and who is told.

use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use coremill_protocol::{Answer, ErrorBody, ErrorKind, Reply};
use mio::unix::SourceFd;
use mio::{Interest, Token};

use super::ControlLoop;
use crate::applications::{Begun, Entry, Made, Phase, Reason, Wanted};
use crate::inquiry::{Asker, Task};
use crate::process_watch;
use crate::requests::applications::{Apps, Attach, Detach};

impl ControlLoop {
    /// Begins an attachment for the process of a session; gives the answer when it is known at once.
    pub(super) fn attach(&mut self, token: Token, layout: u32, flags: u32) -> Option<Answer> {
        let error = self.begin_attach(token, layout, flags).err()?;
        let answer = error.into();
        self.note_refused(token, &answer);
        Some(answer)
    }

    /// Goes on with attachments whose parts are made.
    pub(super) fn attachments_made(&mut self) {
        self.applications.maker().clear();
        while let Some(Made { id, parts }) = self.applications.maker().next() {
            let failed = match parts {
                Ok(parts) => {
                    let begun = self.applications.equip(id, parts);
                    begun.and_then(|Begun { commands, view }| {
                        self.ask(Asker::Attach(id), Box::new(Attach::new(commands, view)))
                    })
                }
                Err(error) => Some(error.into()),
            };
            if let Some(answer) = failed {
                self.answer_attach(id, answer);
            }
            self.forget_unmade(id);
        }
    }

    /// One that ended before it was made: no worker knows it.
    fn forget_unmade(&mut self, id: u64) {
        let is_over = |entry: &mut Entry| entry.attachment.is_none() && !entry.is_live();
        if self.applications.get_mut(id).is_some_and(is_over) {
            self.answer_detach(id, &Reply::Detach {}.into());
        }
    }

    /// Workers took a new attachment, or did not.
    pub(super) fn answer_attach(&mut self, id: u64, answer: Answer) {
        let Some(entry) = self.applications.get_mut(id) else {
            return;
        };
        let Some(token) = entry.session else {
            return;
        };
        if let Answer::Error { .. } = answer {
            self.note_refused(token, &answer);
            self.begin_detach(id, Reason::Failed);
            if let Some(session) = self.sessions.get_mut(&token) {
                session.answer(&answer);
            }
        } else {
            entry.phase = Phase::Attached;
            let descriptors = std::mem::take(&mut entry.descriptors);
            tracing::info!(
                process = %entry.peer.process.as_raw_nonzero(),
                user = entry.peer.user,
                "{:?} attached as {id}",
                entry.client
            );
            self.applications.counters().attached.increment();
            if let Some(session) = self.sessions.get_mut(&token) {
                session.answer_with(&answer, descriptors);
            }
        }
        self.serve(token);
    }

    /// Ends an attachment for a session, which is answered when workers have let go of it.
    pub(super) fn detach(&mut self, token: Token, which: Option<u64>) -> Option<Answer> {
        let own = self.applications.of_session(token).map(|entry| entry.id);
        let Some(id) = which.or(own) else {
            let message = "this session has attached nothing; name an attachment";
            return Some(Answer::error(ErrorKind::Invalid, message));
        };
        let Some(entry) = self.applications.get_mut(id) else {
            let message =
                format!("there is no attachment {id}; `coremill apps` shows those there are");
            return Some(Answer::error(ErrorKind::Invalid, message));
        };
        entry.waiting.push(token);
        let reason = if Some(id) == own {
            Reason::Asked
        } else {
            Reason::Operator
        };
        self.begin_detach(id, reason);
        None
    }

    /// Workers have let go of an attachment, or some of them did not answer.
    pub(super) fn answer_detach(&mut self, id: u64, answer: &Answer) {
        let Some(entry) = self.applications.get_mut(id) else {
            return;
        };
        let waiting = std::mem::take(&mut entry.waiting);
        if let (Some(attachment), Answer::Reply(_)) = (&entry.attachment, answer) {
            attachment.hang_up();
        }
        if let Answer::Error { error } = answer {
            tracing::warn!("attachment {id} is not at its end yet: {}", error.message);
            entry.retry = Some(Instant::now() + RETRY);
        } else if entry.still_sends.get() {
            // As orphans may. Whoever waits for its end has nothing to wait for.
            entry.retry = Some(Instant::now() + LOOK_AGAIN);
        } else if let Some(entry) = self.applications.remove(id)
            && let Phase::Detaching(reason) = entry.phase
        {
            tracing::info!(
                "{:?}, attachment {id}, is detached: {}",
                entry.client,
                reason.name()
            );
            self.applications.counters().count_detached(reason);
        }
        for token in waiting {
            if let Some(session) = self.sessions.get_mut(&token) {
                session.answer(answer);
                self.serve(token);
            }
        }
    }

    /// Tells workers once more what they did not answer.
    pub(super) fn retry_detaching(&mut self, now: Instant) {
        for id in self.applications.due(now) {
            self.ask_detach(id);
        }
    }

    /// A session is over; its attachment goes on if its process ever got it.
    pub(super) fn session_closed(&mut self, token: Token, unsent: bool) {
        if let Some(id) = self.applications.forget_session(token, unsent) {
            self.begin_detach(id, Reason::Abandoned);
        }
    }

    /// Whether `token` tells of a process's death; its attachment is then ended.
    pub(super) fn process_died(&mut self, token: Token) -> bool {
        let Some(id) = self.applications.watched_by(token) else {
            return false;
        };
        self.begin_detach(id, Reason::Died);
        true
    }

    /// Ends attachments that broke the rules.
    pub(super) fn detach_liars(&mut self) {
        self.applications.alarm().clear();
        for (id, violation) in self.applications.liars() {
            self.applications.counters().count_violation(violation);
            if let Some(withheld) = self.log_limit.admit(Instant::now()) {
                tracing::warn!(
                    withheld,
                    "attachment {id} broke the rules of shared memory ({violation}) and is detached"
                );
            }
            self.begin_detach(id, Reason::Lied);
        }
    }

    /// The question for all attachments' rows.
    pub(super) fn apps(&self) -> Box<dyn Task> {
        Box::new(Apps::new(self.applications.views(Instant::now())))
    }

    fn begin_attach(&mut self, token: Token, layout: u32, flags: u32) -> Result<(), ErrorBody> {
        if self.shutdown.is_stopping() {
            return Err(ErrorBody::new(
                ErrorKind::Stopping,
                "the daemon is about to stop",
            ));
        }
        let Some(session) = self.sessions.get(&token) else {
            return Err(ErrorBody::new(ErrorKind::Internal, "no such session"));
        };
        let wanted = Wanted {
            peer: session.peer,
            client: &session.client,
            session: token,
            layout,
            flags,
            watch: process_watch::watch(&session.stream, session.peer.process, session.opened),
        };
        let abandoned = self.applications.abandoned_by(wanted.peer);
        if let Some(entry) = abandoned.and_then(|id| self.applications.get_mut(id)) {
            entry.phase = Phase::Detaching(Reason::Abandoned);
        }
        let begun = self.applications.begin(wanted, Instant::now());
        if let Some(id) = abandoned {
            self.ask_detach(id);
        }
        let id = begun?;
        if let Err(error) = self.watch(id) {
            self.applications.remove(id);
            let message = format!("the process cannot be watched: {error}");
            return Err(ErrorBody::new(ErrorKind::Busy, message));
        }
        Ok(())
    }

    /// Has the poll tell of the process's death.
    fn watch(&mut self, id: u64) -> std::io::Result<()> {
        let Some(entry) = self.applications.get_mut(id) else {
            return Ok(());
        };
        let token = Token(self.next_token);
        self.next_token += 1;
        let descriptor = entry.watch.as_raw_fd();
        self.poll
            .registry()
            .register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
        entry.watch_token = Some(token);
        Ok(())
    }

    /// Begins the end of an attachment, once.
    fn begin_detach(&mut self, id: u64, reason: Reason) {
        let Some(entry) = self.applications.get_mut(id) else {
            return;
        };
        if !entry.is_live() {
            return;
        }
        let is_unanswered =
            entry.is_unfinished() && !matches!(reason, Reason::Failed | Reason::Abandoned);
        let session = entry.session;
        entry.phase = Phase::Detaching(reason);
        self.ask_detach(id);
        // Its session still waits for the answer; it would wait for ever, and nobody would see it close.
        if let Some(token) = session.filter(|_| is_unanswered)
            && let Some(session) = self.sessions.get_mut(&token)
        {
            let message = format!(
                "the attachment ended before it was complete: {}",
                reason.name()
            );
            session.answer(&Answer::error(ErrorKind::Invalid, message));
            self.serve(token);
        }
    }

    fn ask_detach(&mut self, id: u64) {
        let Some(entry) = self.applications.get_mut(id) else {
            return;
        };
        entry.descriptors.clear();
        let still_sends = Rc::clone(&entry.still_sends);
        if entry.watch_token.take().is_some() {
            let descriptor = entry.watch.as_raw_fd();
            let _ = self.poll.registry().deregister(&mut SourceFd(&descriptor));
        }
        if entry.attachment.is_none() {
            // What is being made for it comes first.
            return;
        }
        let burial = self.applications.maker().burial();
        let task = Detach::new(id, still_sends, burial);
        self.inquiries.forget(Asker::Attach(id));
        if let Some(answer) = self.ask(Asker::Detach(id), Box::new(task)) {
            self.answer_detach(id, &answer);
        }
    }

    fn note_refused(&mut self, token: Token, answer: &Answer) {
        self.applications.counters().refused.increment();
        let Answer::Error { error } = answer else {
            return;
        };
        let Some(session) = self.sessions.get(&token) else {
            return;
        };
        if let Some(withheld) = self.log_limit.admit(Instant::now()) {
            tracing::warn!(
                withheld,
                user = session.peer.user,
                "{:?} is not attached: {}",
                session.client,
                error.message
            );
        }
    }
}

/// How soon workers that did not answer are told again.
const RETRY: Duration = Duration::from_millis(200);
/// How soon workers with connections that still send are asked again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
