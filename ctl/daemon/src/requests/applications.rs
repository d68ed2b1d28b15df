//! `attach`, `detach` and `apps` as questions to workers.

use std::cell::Cell;
use std::rc::Rc;

use coremill_engine::applications::AttachmentId;
use coremill_engine::command::Command;
use coremill_engine::snapshot::ApplicationRow;
use coremill_protocol::{Answer, AttachView, AttachmentView, ErrorKind, Reply};

use super::mismatch;
use crate::applications::Burial;
use crate::inquiry::{Step, Task};

/// Gives each worker its part of a new attachment.
pub struct Attach {
    commands: Vec<Command>,
    view: AttachView,
    due: usize,
    refused: Option<usize>,
}

/// Makes each worker let go of an attachment.
pub struct Detach {
    attachment: AttachmentId,
    due: usize,
    /// Set when connections of it still send on some worker.
    still_sends: Rc<Cell<bool>>,
    burial: Burial,
}

/// What the workers know of all attachments.
pub struct Apps {
    due: usize,
    rows: Vec<AttachmentView>,
    /// Per row, the most listeners that a worker told of: each worker has them all.
    listeners: Vec<u64>,
}

impl Attach {
    /// `commands` in the order of the workers; `view` is the answer.
    pub fn new(commands: Vec<Command>, view: AttachView) -> Self {
        Self {
            due: commands.len(),
            commands,
            view,
            refused: None,
        }
    }
}

impl Detach {
    /// Of the attachment `id`. `still_sends` is true in the end if the question is to be asked again in a while.
    pub fn new(id: u64, still_sends: Rc<Cell<bool>>, burial: Burial) -> Self {
        still_sends.set(false);
        Self {
            attachment: AttachmentId(id),
            due: 0,
            still_sends,
            burial,
        }
    }

    fn command(&self) -> Command {
        Command::Detach {
            attachment: self.attachment,
            is_finished: false,
            still_sends: false,
            domain: None,
        }
    }
}

impl Apps {
    /// Completes rows that lack what workers know.
    pub fn new(rows: Vec<AttachmentView>) -> Self {
        Self {
            due: 0,
            listeners: vec![0; rows.len()],
            rows,
        }
    }

    fn add(&mut self, row: &ApplicationRow) {
        let found = self
            .rows
            .iter_mut()
            .zip(&mut self.listeners)
            .find(|(view, _)| view.attachment == row.attachment.0);
        // It may have attached since the question began.
        let Some((view, listeners)) = found else {
            return;
        };
        view.contexts.used = view.contexts.used.max(row.contexts);
        *listeners = (*listeners).max(row.listeners);
        view.listeners.used = *listeners;
        view.sockets.used += row.connections + row.unconnected;
        view.receive_chunks.used += row.receive_chunks_lent;
        view.send_chunks.used += row.send_chunks_lent;
        view.received_bytes += row.received_bytes;
        view.sent_bytes += row.sent_bytes;
        view.commands += row.commands;
        view.events += row.events;
        view.events_pending += row.events_pending;
    }
}

impl Task for Attach {
    fn start(&mut self, _workers: usize) -> Vec<(usize, Command)> {
        self.commands.drain(..).enumerate().collect()
    }

    fn take(&mut self, worker: usize, answer: Command) -> Step {
        match answer {
            Command::Attach(None) => {}
            Command::Attach(Some(_refused)) => self.refused = Some(worker),
            _ => return Step::Done(mismatch()),
        }
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return Step::Wait;
        }
        Step::Done(match self.refused {
            None => Answer::from(Reply::Attach {
                attach: self.view.clone(),
            }),
            Some(worker) => Answer::error(
                ErrorKind::Quota,
                format!("worker {worker} holds as many applications as it can"),
            ),
        })
    }
}

impl Task for Detach {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        (0..workers)
            .map(|worker| (worker, self.command()))
            .collect()
    }

    fn take(&mut self, worker: usize, answer: Command) -> Step {
        let Command::Detach {
            is_finished,
            still_sends,
            domain,
            ..
        } = answer
        else {
            return Step::Done(mismatch());
        };
        // The worker's part comes back with the last answer.
        if let Some(domain) = domain {
            self.burial.domain(domain);
        }
        if still_sends {
            self.still_sends.set(true);
        } else if !is_finished {
            return Step::Ask(vec![(worker, self.command())]);
        }
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            Step::Wait
        } else {
            Step::Done(Reply::Detach {}.into())
        }
    }
}

impl Task for Apps {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        let capacity = self.rows.len();
        let command = |worker| {
            let rows = Vec::with_capacity(capacity);
            (worker, Command::Applications { rows })
        };
        (0..workers).map(command).collect()
    }

    fn take(&mut self, _worker: usize, answer: Command) -> Step {
        let Command::Applications { rows } = answer else {
            return Step::Done(mismatch());
        };
        for row in &rows {
            self.add(row);
        }
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return Step::Wait;
        }
        for view in &mut self.rows {
            view.sockets.used += view.listeners.used;
        }
        let apps = std::mem::take(&mut self.rows);
        Step::Done(Reply::Apps { apps }.into())
    }
}
