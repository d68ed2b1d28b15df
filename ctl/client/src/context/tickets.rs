//! Answers that are due: who waits for each, or what is to be done with it when nobody does.

use std::collections::HashMap;
use std::sync::Arc;

use coremill_ring::handle::Handle;
use coremill_ring::info::PAGE_WORDS;

use crate::told::Told;

/// The answer to a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) error: u16,
    pub(crate) socket: Option<Handle>,
    pub(crate) value: u64,
}

/// What became of an asked command.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// It was answered.
    Answer(Answer),
    /// It was answered by pages, which have these words.
    Words(Vec<u64>),
}

/// Whose an answer is.
#[derive(Debug)]
enum Waiter {
    /// A thread waits for it, and finds it here.
    Thread {
        asked: Option<Asked>,
        /// Words of the pages that came.
        words: Vec<u64>,
        /// Pages that are to come in all; 0 for an answer of another kind.
        pages: usize,
    },
    /// It names a new socket, whose user goes on without it.
    Opening(Arc<Told>),
    /// Only that it failed is of interest.
    Late(Arc<Told>),
    /// Who waited has given up. What was opened for it is to be closed.
    Nobody {
        /// Pages that are to come.
        pages: usize,
    },
}

/// The answers that are due.
#[derive(Debug)]
pub(crate) struct Tickets {
    last: u64,
    waiters: HashMap<u64, Waiter>,
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            last: ABOVE_SOCKETS,
            waiters: HashMap::new(),
        }
    }
}

/// What an answer asks for.
#[derive(Debug)]
pub(crate) enum Due {
    /// Nothing more.
    Nothing,
    /// This socket is now known by its name.
    Name(Arc<Told>, Handle),
    /// Nobody wants this socket.
    Close(Handle),
}

impl Tickets {
    /// A ticket that a thread waits for, answered by so many pages.
    pub(crate) fn for_thread(&mut self, pages: usize) -> u64 {
        self.add(Waiter::Thread {
            asked: None,
            words: Vec::new(),
            pages,
        })
    }

    /// A ticket whose answer names a new socket.
    pub(crate) fn for_opening(&mut self, told: &Arc<Told>) -> u64 {
        self.add(Waiter::Opening(Arc::clone(told)))
    }

    /// A ticket of which only a failure is of interest.
    pub(crate) fn for_failure(&mut self, told: &Arc<Told>) -> u64 {
        self.add(Waiter::Late(Arc::clone(told)))
    }

    /// The command was not sent after all.
    pub(crate) fn cancel(&mut self, ticket: u64) {
        self.waiters.remove(&ticket);
    }

    /// Takes what came for a thread.
    pub(crate) fn take(&mut self, ticket: u64) -> Option<Asked> {
        let Some(Waiter::Thread { asked, .. }) = self.waiters.get_mut(&ticket) else {
            return None;
        };
        let found = asked.take()?;
        self.waiters.remove(&ticket);
        Some(found)
    }

    /// The thread that waited does so no more.
    pub(crate) fn give_up(&mut self, ticket: u64) {
        if let Some(waiter) = self.waiters.get_mut(&ticket) {
            let pages = match waiter {
                Waiter::Thread { pages, .. } => *pages,
                _ => 0,
            };
            *waiter = Waiter::Nobody { pages };
        }
    }

    /// Whether any answer is due, whoever waits for it.
    pub(crate) fn is_any_due(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// An answer came.
    pub(crate) fn answer(&mut self, ticket: u64, answer: Answer) -> Due {
        match self.waiters.get_mut(&ticket) {
            Some(Waiter::Thread { asked, .. }) => {
                *asked = Some(Asked::Answer(answer));
                return Due::Nothing;
            }
            None => return Due::Nothing,
            Some(_) => {}
        }
        match (self.waiters.remove(&ticket), answer.socket) {
            (Some(Waiter::Opening(told)), Some(handle)) if answer.error == 0 => {
                match told.is_abandoned() {
                    true => Due::Close(handle),
                    false => Due::Name(told, handle),
                }
            }
            (Some(Waiter::Opening(told)), _) => {
                told.fail(answer.error);
                Due::Nothing
            }
            (Some(Waiter::Late(told)), _) => {
                told.note_late(answer.error);
                Due::Nothing
            }
            (Some(Waiter::Nobody { .. }), Some(handle)) if answer.error == 0 => Due::Close(handle),
            _ => Due::Nothing,
        }
    }

    /// A page came; with the last one all is known.
    pub(crate) fn page(&mut self, ticket: u64, page: u32, words: [u64; PAGE_WORDS]) {
        let count = page as usize + 1;
        match self.waiters.get_mut(&ticket) {
            Some(Waiter::Thread {
                asked,
                words: all,
                pages,
            }) => {
                all.extend(words);
                if count == *pages {
                    *asked = Some(Asked::Words(std::mem::take(all)));
                }
            }
            Some(Waiter::Nobody { pages }) if count == *pages => self.cancel(ticket),
            _ => {}
        }
    }

    fn add(&mut self, waiter: Waiter) -> u64 {
        self.last += 1;
        self.waiters.insert(self.last, waiter);
        self.last
    }
}

/// A subscription's ticket is its socket's number: should it be refused, the answer is nobody else's.
const ABOVE_SOCKETS: u64 = 1 << 62;
