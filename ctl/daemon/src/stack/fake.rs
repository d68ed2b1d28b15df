//! A worker for tests: answers when told to.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use coremill_engine::command::Command;
use coremill_engine::counters::WorkerCounters;
use coremill_tcp::TcpCounters;

use super::Worker;

/// Holds commands until `work` turns them into answers.
pub struct FakeWorker {
    pub counters: WorkerCounters,
    pub tcp: TcpCounters,
    commands: Mutex<VecDeque<Command>>,
    answers: Mutex<VecDeque<Command>>,
    descriptor: UnixStream,
    /// What it makes of a command.
    pub answer: Mutex<Box<dyn FnMut(Command) -> Command + Send>>,
}

impl FakeWorker {
    pub const COMMANDS_MAX: usize = 8;

    pub fn new() -> Arc<Self> {
        let (descriptor, _) = UnixStream::pair().unwrap();
        Arc::new(Self {
            counters: WorkerCounters::default(),
            tcp: TcpCounters::default(),
            commands: Mutex::default(),
            answers: Mutex::default(),
            descriptor,
            answer: Mutex::new(Box::new(|command| command)),
        })
    }

    /// Carries out up to `count` commands.
    pub fn work(&self, count: usize) {
        for _ in 0..count {
            let Some(command) = self.commands.lock().unwrap().pop_front() else {
                return;
            };
            let answer = (self.answer.lock().unwrap())(command);
            self.answers.lock().unwrap().push_back(answer);
        }
    }
}

impl Worker for FakeWorker {
    fn core(&self) -> Option<usize> {
        Some(3)
    }

    fn counters(&self) -> &WorkerCounters {
        &self.counters
    }

    fn tcp_counters(&self) -> &TcpCounters {
        &self.tcp
    }

    fn submit(&self, command: Command) -> Result<(), Command> {
        let mut commands = self.commands.lock().unwrap();
        if commands.len() >= Self::COMMANDS_MAX {
            return Err(command);
        }
        commands.push_back(command);
        Ok(())
    }

    fn take_answer(&self) -> Option<Command> {
        self.answers.lock().unwrap().pop_front()
    }

    fn answers_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
