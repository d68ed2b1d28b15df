//! Commands to the workers, and waiting for what they answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::info::{Info, PAGE_WORDS, PAGES};
use coremill_ring::injection::point;
use coremill_ring::listing;
use rustix::io::Errno;

use super::tickets::{Answer, Asked, Tickets};
use super::{Context, Inner, Patience, broken, gone};
use crate::lane::Pushed;
use crate::told::{Told, error_from};

impl Context {
    /// Sends a command that has no answer, if `command` gives one. It is made behind the lock, so that cumulative
    /// counts of several threads reach the worker in their order, and not before there is room for it: what the caller
    /// counts as sent there is sent.
    pub(crate) fn submit(
        &self,
        worker: u32,
        payload: &[u8],
        patience: Patience,
        command: impl FnOnce() -> Option<Command>,
    ) -> io::Result<()> {
        let mut inner = self.lock_with_room(worker, patience)?;
        match command() {
            Some(command) => self.push(&mut inner, worker, &command, payload),
            None => Ok(()),
        }
    }

    /// As `submit`, of bytes to send: what each message goes through. `counts` are the bytes sent before and those read.
    #[inline]
    pub(crate) fn submit_bytes(
        &self,
        worker: u32,
        patience: Patience,
        (socket, payload): (Handle, &[u8]),
        counts: impl FnOnce() -> (u64, u64),
    ) -> io::Result<()> {
        let mut inner = self.lock();
        // Nearly always nothing stands in the way of it.
        if inner.departing.waiting_for(worker) == 0
            && !inner.tickets.is_any_due()
            && !self.gone.load(Ordering::Acquire)
            && let Some(lane) = inner.commands.get_mut(worker as usize)
            && lane.has_room().map_err(broken)?
        {
            let pushed = lane.push_send(socket, counts(), payload).map_err(broken)?;
            return self.heed_pushed(worker, pushed).map(drop);
        }
        drop(inner);
        let mut inner = self.lock_with_room(worker, patience)?;
        let (offset, read) = counts();
        let command = Command::Send {
            socket,
            offset,
            read,
        };
        self.push(&mut inner, worker, &command, payload)
    }

    /// Sends a command and waits for its answer, which comes in the worker's next turn.
    pub(crate) fn ask(
        &self,
        worker: u32,
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<Answer> {
        match self.ask_any(worker, &[], 0, command)? {
            Asked::Answer(answer) => Ok(answer),
            Asked::Words(_) => Err(Errno::PROTO.into()),
        }
    }

    /// The same with a secret, of which nothing stays in this process's own memory.
    pub(crate) fn ask_with_secret(
        &self,
        worker: u32,
        secret: &[u8],
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<()> {
        let asked = self.ask_any(worker, secret, 0, command);
        self.lock().message.wipe();
        asked.map(drop)
    }

    /// The same for what a connection has come to.
    pub(crate) fn ask_info(&self, worker: u32, socket: Handle) -> io::Result<Info> {
        let asked = self.ask_any(worker, &[], PAGES, |ticket| Command::Info {
            ticket,
            socket,
        })?;
        let Asked::Words(words) = asked else {
            return Err(Errno::PROTO.into());
        };
        let mut pages = [[0; PAGE_WORDS]; PAGES];
        for (page, words) in pages.iter_mut().zip(words.chunks_exact(PAGE_WORDS)) {
            page.copy_from_slice(words);
        }
        Ok(Info::from_pages(&pages))
    }

    /// The same for an option that is several numbers.
    pub(crate) fn ask_listing(
        &self,
        worker: u32,
        socket: Handle,
        option: u32,
    ) -> io::Result<Vec<u64>> {
        let pages = listing::pages(option).unwrap_or(0);
        let asked = self.ask_any(worker, &[], pages, |ticket| Command::GetOption {
            ticket,
            socket,
            option,
        })?;
        match asked {
            Asked::Words(words) => Ok(words),
            Asked::Answer(_) => Err(Errno::PROTO.into()),
        }
    }

    /// Sends a command that opens a socket; its name comes with the answer.
    pub(crate) fn open(
        &self,
        worker: u32,
        patience: Patience,
        told: &Arc<Told>,
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<()> {
        let mut inner = self.lock_with_room(worker, patience)?;
        let ticket = inner.tickets.for_opening(told);
        self.push_or_cancel(&mut inner, worker, ticket, &command(ticket), &[])
    }

    /// Sends a command, if `command` gives one, and does not wait for the answer; should it fail, the socket is told.
    pub(crate) fn send_off(
        &self,
        worker: u32,
        patience: Patience,
        told: &Arc<Told>,
        command: impl FnOnce(u64) -> Option<Command>,
    ) -> io::Result<()> {
        let mut inner = self.lock_with_room(worker, patience)?;
        let ticket = inner.tickets.for_failure(told);
        match command(ticket) {
            Some(command) => self.push_or_cancel(&mut inner, worker, ticket, &command, &[]),
            None => {
                inner.tickets.cancel(ticket);
                Ok(())
            }
        }
    }

    /// Asks for chunks to fill; they go to `told`.
    pub(crate) fn ask_for_room(
        &self,
        worker: u32,
        patience: Patience,
        (told, socket): (&Arc<Told>, Handle),
        bytes: u32,
    ) -> io::Result<()> {
        let mut inner = self.lock_with_room(worker, patience)?;
        inner.asking.insert(socket, Arc::clone(told));
        let command = Command::WantRoom { socket, bytes };
        self.push(&mut inner, worker, &command, &[])
    }

    /// The last two commands of a socket: what was read, and that nobody holds it any more. When there is no room they
    /// wait here, and go before whatever is sent next; with patience, so does the caller.
    pub(crate) fn let_go(&self, worker: u32, patience: Patience, told: &Told) {
        let mut inner = self.lock();
        let (socket, read) = match told.name() {
            Some(Ok(name)) => {
                let read = told.reading.command(name.handle, &self.untold);
                (name.handle, read)
            }
            Some(Err(_)) => return,
            None => return told.abandon(),
        };
        inner.asking.remove(&socket);
        point("close: begun");
        let last = read.into_iter().chain([Command::Close { socket }]);
        last.for_each(|command| inner.departing.push(worker, command));
        // If the daemon is gone, so is the socket.
        let _gone = self.send_departing(&mut inner);
        self.call_courier(&mut inner);
        drop(inner);
        if patience == Patience::Waits {
            self.wait_for_departure(worker);
        }
    }

    /// Sends a command off as `send_off` does; without room in its ring it goes as soon as there is some. Never waits.
    ///
    /// # Errors
    /// `ENOBUFS` when too many wait for room already.
    pub(crate) fn send_off_soon(
        &self,
        worker: u32,
        told: &Arc<Told>,
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<()> {
        let command = |tickets: &mut Tickets| Some(command(tickets.for_failure(told)));
        match self.send_soon_if_few(worker, command)? {
            true => Ok(()),
            false => Err(Errno::NOBUFS.into()),
        }
    }

    /// As `send_soon`; false, and nothing is made, when too many wait for room already.
    pub(crate) fn send_soon_if_few(
        &self,
        worker: u32,
        command: impl FnOnce(&mut Tickets) -> Option<Command>,
    ) -> io::Result<bool> {
        let mut inner = self.lock();
        if inner.departing.waiting_for(worker) >= DEPARTING_MAX {
            return Ok(false);
        }
        self.depart(&mut inner, worker, command).map(|()| true)
    }

    /// Sends a command that nobody takes back, if `command` gives one; without room in its ring it goes as soon as there
    /// is some. Never waits.
    pub(crate) fn send_soon(
        &self,
        worker: u32,
        command: impl FnOnce(&mut Tickets) -> Option<Command>,
    ) -> io::Result<()> {
        self.depart(&mut self.lock(), worker, command)
    }

    fn depart(
        &self,
        inner: &mut Inner,
        worker: u32,
        command: impl FnOnce(&mut Tickets) -> Option<Command>,
    ) -> io::Result<()> {
        if self.gone.load(Ordering::Acquire) {
            return Err(gone());
        }
        if let Some(command) = command(&mut inner.tickets) {
            inner.departing.push(worker, command);
            self.send_departing(inner)?;
            self.call_courier(inner);
        }
        Ok(())
    }

    fn ask_any(
        &self,
        worker: u32,
        payload: &[u8],
        pages: usize,
        command: impl FnOnce(u64) -> Command,
    ) -> io::Result<Asked> {
        let ticket = {
            let mut inner = self.lock_with_room(worker, Patience::Waits)?;
            let ticket = inner.tickets.for_thread(pages);
            self.push_or_cancel(&mut inner, worker, ticket, &command(ticket), payload)?;
            ticket
        };
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let waited = self.wait(Some(deadline), |inner| inner.tickets.take(ticket));
        match waited {
            Ok(Some(Asked::Answer(answer))) if answer.error != 0 => Err(error_from(answer.error)),
            Ok(Some(asked)) => Ok(asked),
            Ok(None) => {
                self.lock().tickets.give_up(ticket);
                Err(io::ErrorKind::TimedOut.into())
            }
            Err(error) => {
                self.lock().tickets.give_up(ticket);
                Err(error)
            }
        }
    }

    fn push_or_cancel(
        &self,
        inner: &mut Inner,
        worker: u32,
        ticket: u64,
        command: &Command,
        payload: &[u8],
    ) -> io::Result<()> {
        let pushed = self.push(inner, worker, command, payload);
        if pushed.is_err() {
            inner.tickets.cancel(ticket);
        }
        pushed
    }

    /// Publishes a command for which there is room.
    fn push(
        &self,
        inner: &mut Inner,
        worker: u32,
        command: &Command,
        payload: &[u8],
    ) -> io::Result<()> {
        match self.try_push(inner, worker, command, payload)? {
            true => Ok(()),
            // Room was looked for behind the same lock, and no command needs more.
            false => {
                debug_assert!(false, "no room where there was some");
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }

    /// Publishes a command; false when the ring is full.
    pub(super) fn try_push(
        &self,
        inner: &mut Inner,
        worker: u32,
        command: &Command,
        payload: &[u8],
    ) -> io::Result<bool> {
        if self.gone.load(Ordering::Acquire) {
            return Err(gone());
        }
        let Inner {
            commands, message, ..
        } = inner;
        let lane = commands.get_mut(worker as usize);
        let lane = lane.ok_or(io::Error::from(Errno::INVAL))?;
        let pushed = lane.push(command, payload, message).map_err(broken)?;
        self.heed_pushed(worker, pushed)
    }

    /// Wakes a worker that sleeps; false when the command found no room.
    #[inline]
    fn heed_pushed(&self, worker: u32, pushed: Pushed) -> io::Result<bool> {
        match pushed {
            Pushed::Awake => Ok(true),
            Pushed::Asleep => {
                point("bell: not rung");
                if let Some(bell) = self.bells.get(worker as usize) {
                    bell.ring();
                }
                point("bell: rung");
                Ok(true)
            }
            Pushed::Full => Ok(false),
        }
    }
}

/// Commands that may wait for room in one ring while more are sent off.
const DEPARTING_MAX: usize = 4_096;
/// A worker answers, and makes room, within a turn; one that takes this long is stuck.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
