//! Questions to workers that are under way. The control thread never waits for a worker: it hands
//! over commands, takes answers as they come, and gives up at a deadline.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use coremill_engine::command::Command;
use coremill_protocol::{Answer, ErrorBody, ErrorKind};
use mio::Token;

use crate::stack::Worker;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A session of the control socket.
    Session(Token),
    /// The metrics endpoint's periodic refresh.
    Metrics,
    /// A new attachment; the workers take it.
    Attach(u64),
    /// An attachment at its end; the workers let go of it.
    Detach(u64),
    /// The daemon itself; nobody reads the answer.
    Daemon,
}

/// A question that takes answers of one or several workers.
pub trait Task {
    /// The first commands, each with its worker.
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)>;
    /// Takes the answer of a worker.
    fn take(&mut self, worker: usize, answer: Command) -> Step;
    /// The time is over: what there is so far, where that makes sense.
    fn expire(&mut self) -> Option<Answer> {
        None
    }
}

/// What follows on an answer.
pub enum Step {
    /// More answers are due.
    Wait,
    /// More commands, each with its worker.
    Ask(Vec<(usize, Command)>),
    /// All is known.
    Done(Answer),
}

/// All questions under way.
pub struct Inquiries {
    workers: Vec<Arc<dyn Worker>>,
    /// Per worker, the questions whose answers are due, in the order of the commands.
    due: Vec<VecDeque<u64>>,
    open: BTreeMap<u64, Open>,
    next: u64,
}

struct Open {
    asker: Asker,
    deadline: Instant,
    task: Box<dyn Task>,
}

/// An answered question.
pub type Answered = (Asker, Answer);

impl Inquiries {
    /// None yet.
    pub fn new(workers: Vec<Arc<dyn Worker>>) -> Self {
        let due = workers.iter().map(|_| VecDeque::new()).collect();
        Self {
            workers,
            due,
            open: BTreeMap::new(),
            next: 0,
        }
    }

    /// Starts a question; gives the answer when it is known at once.
    pub fn begin(
        &mut self,
        asker: Asker,
        mut task: Box<dyn Task>,
        deadline: Instant,
    ) -> Option<Answered> {
        let id = self.next;
        self.next += 1;
        let commands = task.start(self.workers.len());
        if let Err(error) = self.submit(id, commands) {
            return Some((asker, error.into()));
        }
        self.open.insert(
            id,
            Open {
                asker,
                deadline,
                task,
            },
        );
        None
    }

    /// Takes all answers that a worker has ready.
    pub fn collect(&mut self, worker: usize, answered: &mut Vec<Answered>) {
        while let Some(answer) = self
            .workers
            .get(worker)
            .and_then(|worker| worker.take_answer())
        {
            let id = self.due.get_mut(worker).and_then(VecDeque::pop_front);
            let Some(id) = id else { continue };
            // Its asker may have given up: the answer is then only taken out of the way.
            let Some(mut open) = self.open.remove(&id) else {
                continue;
            };
            match open.task.take(worker, answer) {
                Step::Wait => {
                    self.open.insert(id, open);
                }
                Step::Done(answer) => answered.push((open.asker, answer)),
                Step::Ask(commands) => match self.submit(id, commands) {
                    Ok(()) => {
                        self.open.insert(id, open);
                    }
                    Err(error) => answered.push((open.asker, error.into())),
                },
            }
        }
    }

    /// Gives up questions whose time is over.
    pub fn expire(&mut self, now: Instant, answered: &mut Vec<Answered>) {
        let late: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, open)| open.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            let Some(mut open) = self.open.remove(&id) else {
                continue;
            };
            let answer = open.task.expire().unwrap_or_else(|| {
                let silent: Vec<String> = self.silent(id).map(|worker| worker.to_string()).collect();
                let message = format!(
                    "worker {} did not answer in time (control.answer_timeout); it is overloaded or stuck",
                    silent.join(", ")
                );
                Answer::error(ErrorKind::Timeout, message)
            });
            answered.push((open.asker, answer));
        }
    }

    /// When `expire` has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.open.values().map(|open| open.deadline).min()
    }

    /// Forgets the questions of an asker that is gone.
    pub fn forget(&mut self, asker: Asker) {
        self.open.retain(|_, open| open.asker != asker);
    }

    fn silent(&self, id: u64) -> impl Iterator<Item = usize> + '_ {
        let due = self.due.iter().enumerate();
        due.filter(move |(_, ids)| ids.contains(&id))
            .map(|(worker, _)| worker)
    }

    fn submit(&mut self, id: u64, commands: Vec<(usize, Command)>) -> Result<(), ErrorBody> {
        for (index, command) in commands {
            let (Some(worker), Some(due)) = (self.workers.get(index), self.due.get_mut(index))
            else {
                return Err(ErrorBody::new(
                    ErrorKind::Internal,
                    format!("there is no worker {index}"),
                ));
            };
            if worker.submit(command).is_err() {
                let message = format!("worker {index} has too many commands waiting; try again");
                return Err(ErrorBody::new(ErrorKind::Busy, message));
            }
            due.push_back(id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
