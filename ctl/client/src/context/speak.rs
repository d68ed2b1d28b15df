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

use super::tickets::{Answer, Asked};
use super::{Context, Inner, broken, gone};
use crate::lane::Pushed;
use crate::told::{Told, error_from};

/// Whether a call waits for room in a ring of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It does, and gives up after a time in which any daemon that is well would have made some.
    Waits,
    /// It gives `WouldBlock`.
    Never,
}

impl Context {
    /// Sends a command that has no answer, if `command` gives one. It is made behind the lock, so that cumulative
    /// counts of several threads reach the worker in their order; without patience it is not made if there is no room.
    pub(crate) fn submit(
        &self,
        worker: u32,
        payload: &[u8],
        patience: Patience,
        command: impl FnOnce() -> Option<Command>,
    ) -> io::Result<()> {
        let mut inner = self.lock();
        if patience == Patience::Never {
            self.find_room(&mut inner, worker)?;
        }
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
        if inner.departing.is_empty()
            && !inner.tickets.is_any_due()
            && !self.gone.load(Ordering::Acquire)
            && let Some(lane) = inner.commands.get_mut(worker as usize)
            && lane.has_room().map_err(broken)?
        {
            let pushed = lane.push_send(socket, counts(), payload).map_err(broken)?;
            return self.heed_pushed(worker, pushed).map(drop);
        }
        if patience == Patience::Never {
            self.find_room(&mut inner, worker)?;
        }
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
        let mut inner = self.lock();
        if patience == Patience::Never {
            self.find_room(&mut inner, worker)?;
        }
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
        let mut inner = self.lock();
        if patience == Patience::Never {
            self.find_room(&mut inner, worker)?;
        }
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
        let mut inner = self.lock();
        if patience == Patience::Never {
            self.find_room(&mut inner, worker)?;
        }
        inner.asking.insert(socket, Arc::clone(told));
        let command = Command::WantRoom { socket, bytes };
        self.push(&mut inner, worker, &command, &[])
    }

    /// The last two commands of a socket: what was read, and that nobody holds it any more. Without patience they wait
    /// here when there is no room, and go before whatever is sent next.
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
        for command in read.into_iter().chain([Command::Close { socket }]) {
            match patience {
                // If the daemon is gone, so is the socket.
                Patience::Waits => drop(self.push(&mut inner, worker, &command, &[])),
                Patience::Never => inner.departing.push_back((worker, command)),
            }
        }
        let _gone = self.send_departing(&mut inner);
        self.call_courier(&mut inner);
    }

    /// Sends a command that has no answer and that nobody takes back, if `command` gives one; without room in its ring it
    /// goes as soon as there is some. Never waits.
    pub(crate) fn send_soon(
        &self,
        worker: u32,
        command: impl FnOnce() -> Option<Command>,
    ) -> io::Result<()> {
        let mut inner = self.lock();
        if self.gone.load(Ordering::Acquire) {
            return Err(gone());
        }
        if let Some(command) = command() {
            inner.departing.push_back((worker, command));
            self.send_departing(&mut inner)?;
            self.call_courier(&mut inner);
        }
        Ok(())
    }

    /// Room for any command, or `WouldBlock`. Events are taken, so that a worker who waits for that goes on.
    fn find_room(&self, inner: &mut Inner, worker: u32) -> io::Result<()> {
        if self.gone.load(Ordering::Acquire) {
            return Err(gone());
        }
        if inner.tickets.is_any_due() {
            self.pump(inner)?;
        }
        if self.has_room(inner, worker)? {
            return Ok(());
        }
        self.pump(inner)?;
        self.look_for_end()?;
        match self.has_room(inner, worker)? {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn has_room(&self, inner: &mut Inner, worker: u32) -> io::Result<bool> {
        self.send_departing(inner)?;
        let lane = inner.commands.get_mut(worker as usize);
        let lane = lane.ok_or(io::Error::from(Errno::INVAL))?;
        let has_room = lane.has_room().map_err(broken)?;
        Ok(has_room && inner.departing.is_empty())
    }

    /// Sends what waits for room, as far as there is some.
    pub(super) fn send_departing(&self, inner: &mut Inner) -> io::Result<()> {
        while let Some((worker, command)) = inner.departing.front().copied() {
            if !self.try_push(inner, worker, &command, &[])? {
                break;
            }
            inner.departing.pop_front();
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
            let mut inner = self.lock();
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

    /// Publishes a command; takes events and naps while the ring is full.
    fn push(
        &self,
        inner: &mut Inner,
        worker: u32,
        command: &Command,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut full_since = None;
        loop {
            self.send_departing(inner)?;
            if inner.departing.is_empty() && self.try_push(inner, worker, command, payload)? {
                return Ok(());
            }
            self.pump(inner)?;
            self.look_for_end()?;
            if full_since.get_or_insert_with(Instant::now).elapsed() > ANSWER_TIMEOUT {
                return Err(Errno::NOBUFS.into());
            }
            std::thread::sleep(NAP);
        }
    }

    /// Publishes a command; false when the ring is full.
    fn try_push(
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

/// Between two looks at a full ring.
const NAP: Duration = Duration::from_micros(50);
/// A worker answers within a turn; one that takes this long is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
