//! The control thread's end of a worker: bounded queues of commands and answers, and the counters.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use coremill_tcp::TcpCounters;
use crossbeam::queue::ArrayQueue;

use crate::command::Command;
use crate::counters::WorkerCounters;
use crate::doorbell::Doorbell;

/// One worker, seen from the control thread.
#[derive(Clone, Debug)]
pub struct WorkerHandle {
    core: Option<usize>,
    counters: Arc<WorkerCounters>,
    tcp_counters: Arc<TcpCounters>,
    mailbox: Arc<Mailbox>,
}

impl WorkerHandle {
    /// The control thread's end of the worker that has `mailbox`, pinned to `core`.
    pub fn new(
        core: Option<usize>,
        counters: Arc<WorkerCounters>,
        tcp_counters: Arc<TcpCounters>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self {
            core,
            counters,
            tcp_counters,
            mailbox,
        }
    }

    /// The core it is pinned to, if any.
    pub fn core(&self) -> Option<usize> {
        self.core
    }

    /// Its counters, read in place.
    pub fn counters(&self) -> &WorkerCounters {
        &self.counters
    }

    /// The counters of its TCP shard, read in place.
    pub fn tcp_counters(&self) -> &TcpCounters {
        &self.tcp_counters
    }

    /// Gives it a command and wakes it if it sleeps. Answers come in the order of the commands.
    ///
    /// # Errors
    /// The command itself when [`MAILBOX_LENGTH`] commands wait already.
    pub fn submit(&self, command: Command) -> Result<(), Command> {
        self.mailbox.commands.push(command)?;
        self.mailbox.doorbell.ring();
        Ok(())
    }

    /// The oldest answer. Clears the readiness of `answers_fd` when there is none left.
    pub fn take_answer(&self) -> Option<Command> {
        if let Some(answer) = self.mailbox.answers.pop() {
            return Some(answer);
        }
        self.mailbox.answered.clear();
        self.mailbox.answers.pop()
    }

    /// Readable when answers wait.
    pub fn answers_fd(&self) -> BorrowedFd<'_> {
        self.mailbox.answered.as_fd()
    }
}

/// What control thread and worker share.
#[derive(Debug)]
pub struct Mailbox {
    /// To the worker.
    pub(crate) commands: ArrayQueue<Command>,
    /// From the worker.
    pub(crate) answers: ArrayQueue<Command>,
    /// Wakes the worker; other workers ring it too.
    pub(crate) doorbell: Arc<Doorbell>,
    /// Tells the control thread of answers.
    pub(crate) answered: Doorbell,
}

impl Mailbox {
    /// An empty mailbox of the worker that `doorbell` wakes.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new(doorbell: Arc<Doorbell>) -> io::Result<Self> {
        Ok(Self {
            commands: ArrayQueue::new(MAILBOX_LENGTH),
            answers: ArrayQueue::new(MAILBOX_LENGTH),
            doorbell,
            answered: Doorbell::new()?,
        })
    }
}

/// Commands, and answers, that may wait.
pub const MAILBOX_LENGTH: usize = 64;
