//! Room for commands in a worker's ring: looked for before a command is made, so that nothing is counted as sent that
//! was not; and waited for without the lock, so that nobody else waits for it.

use std::io;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::speak::ANSWER_TIMEOUT;
use super::{Context, Inner, broken, gone};

/// Whether a call waits for room in a ring of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It does, and gives up after a time in which any daemon that is well would have made some.
    Waits,
    /// It gives `WouldBlock`.
    Never,
}

impl Context {
    /// What is behind the lock, and room for any one command.
    ///
    /// # Errors
    /// Without room: `WouldBlock`, or `ENOBUFS` after a long wait, as the patience is.
    pub(super) fn lock_with_room(
        &self,
        worker: u32,
        patience: Patience,
    ) -> io::Result<MutexGuard<'_, Inner>> {
        let mut full_since = None;
        loop {
            let mut inner = self.lock();
            if self.find_room(&mut inner, worker)? {
                return Ok(inner);
            }
            drop(inner);
            if patience == Patience::Never {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            if full_since.get_or_insert_with(Instant::now).elapsed() > ANSWER_TIMEOUT {
                return Err(Errno::NOBUFS.into());
            }
            std::thread::sleep(NAP);
        }
    }

    /// Waits until nothing waits for room in a worker's ring, as long as `lock_with_room` would.
    pub(super) fn wait_for_departure(&self, worker: u32) {
        let begun = Instant::now();
        loop {
            let mut inner = self.lock();
            let waits = self.send_departing(&mut inner).is_ok()
                && inner.departing.waiting_for(worker) > 0
                && self.pump(&mut inner).is_ok()
                && self.look_for_end().is_ok();
            drop(inner);
            if !waits || begun.elapsed() > ANSWER_TIMEOUT {
                return;
            }
            std::thread::sleep(NAP);
        }
    }

    /// Whether there is room for any command. Events are taken, so that a worker who waits for that goes on.
    fn find_room(&self, inner: &mut Inner, worker: u32) -> io::Result<bool> {
        if self.gone.load(Ordering::Acquire) {
            return Err(gone());
        }
        if inner.tickets.is_any_due() {
            self.pump(inner)?;
        }
        if self.has_room(inner, worker)? {
            return Ok(true);
        }
        self.pump(inner)?;
        self.look_for_end()?;
        self.has_room(inner, worker)
    }

    fn has_room(&self, inner: &mut Inner, worker: u32) -> io::Result<bool> {
        self.send_departing(inner)?;
        let lane = inner.commands.get_mut(worker as usize);
        let lane = lane.ok_or(io::Error::from(Errno::INVAL))?;
        let has_room = lane.has_room().map_err(broken)?;
        Ok(has_room && inner.departing.waiting_for(worker) == 0)
    }

    /// Sends what waits for room, as far as there is some.
    pub(super) fn send_departing(&self, inner: &mut Inner) -> io::Result<()> {
        if inner.departing.is_empty() {
            return Ok(());
        }
        for worker in 0..self.workers() {
            while let Some(command) = inner.departing.next(worker) {
                if !self.try_push(inner, worker, &command, &[])? {
                    break;
                }
                inner.departing.pop(worker);
            }
        }
        Ok(())
    }
}

/// Between two looks at a full ring.
const NAP: Duration = Duration::from_micros(50);
