//! Waiting: look for a while, then sleep on the doorbell, or for the word of a thread that does.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coremill_ring::doorbell::Ear;
use coremill_ring::injection::point;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Context, Inner, gone};

impl Context {
    /// Waits until `ready` gives something; None when the deadline passed before. Whatever it looks at must be
    /// announced to this context's notifier by the daemon, or come with an event.
    pub(crate) fn wait<T>(
        &self,
        deadline: Option<Instant>,
        mut ready: impl FnMut(&mut Inner) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let spin_until = Instant::now() + self.spin;
        let mut has_told = false;
        loop {
            let mut inner = self.lock();
            self.pump(&mut inner)?;
            if let Some(found) = ready(&mut inner) {
                return Ok(Some(found));
            }
            if self.gone.load(Ordering::Acquire) {
                return Err(gone());
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            if now < spin_until {
                drop(inner);
                std::hint::spin_loop();
                continue;
            }
            if !has_told {
                has_told = true;
                drop(inner);
                self.tell_all_read()?;
                continue;
            }
            let mut patience = self.patience(deadline, now);
            if !inner.departing.is_empty() {
                // Nobody tells when the ring of commands has room, and there may be more to tell then.
                has_told = false;
                patience = Some(patience.map_or(DEPARTING_PATIENCE, |patience| {
                    patience.min(DEPARTING_PATIENCE)
                }));
                self.send_departing(&mut inner)?;
            }
            if inner.somebody_sleeps {
                // Its word may be for this thread, or that it leaves the doorbell to somebody else.
                self.wait_for_word(inner, patience);
                continue;
            }
            inner.sleeper.arm();
            if self.pump(&mut inner)? {
                inner.sleeper.disarm();
                continue;
            }
            if let Some(found) = ready(&mut inner) {
                inner.sleeper.disarm();
                return Ok(Some(found));
            }
            inner.somebody_sleeps = true;
            drop(inner);
            point("sleep: about to sleep");
            let heard = listen(&self.ear, patience);
            let mut inner = self.lock();
            inner.sleeper.disarm();
            inner.somebody_sleeps = false;
            self.changed.notify_all();
            self.heed(heard?);
        }
    }

    /// How long a sleep may last.
    pub(crate) fn patience(&self, deadline: Option<Instant>, now: Instant) -> Option<Duration> {
        let rest = deadline.map(|deadline| deadline.saturating_duration_since(now));
        match (rest, self.fallback) {
            (Some(rest), Some(fallback)) => Some(rest.min(fallback)),
            (rest, fallback) => rest.or(fallback),
        }
    }

    fn wait_for_word(&self, inner: MutexGuard<'_, Inner>, patience: Option<Duration>) {
        match patience {
            Some(patience) => {
                let waited = self.changed.wait_timeout(inner, patience);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
            }
            None => {
                let waited = self.changed.wait(inner);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// For calls that do not wait: whether the attachment is over, looked at not too often.
    pub(crate) fn look_for_end(&self) -> io::Result<()> {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let before_ms = self.looked_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(before_ms) >= LOOK_EVERY_MS {
            self.looked_ms.store(now_ms, Ordering::Relaxed);
            self.heed(seen(&self.ear, Some(Duration::ZERO))?);
        }
        match self.gone.load(Ordering::Acquire) {
            true => Err(gone()),
            false => Ok(()),
        }
    }

    /// Takes over what a doorbell of this attachment said.
    pub(crate) fn heed(&self, heard: Heard) {
        if heard == Heard::End {
            self.gone.store(true, Ordering::Release);
            self.changed.notify_all();
        }
    }
}

/// What came of waiting for a doorbell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was rung.
    Ring,
    /// Nothing.
    Silence,
    /// Nobody is there to ring it any more: the attachment is over.
    End,
}

/// Waits for a ring, takes the rings that came.
pub(crate) fn listen(ear: &Ear, patience: Option<Duration>) -> io::Result<Heard> {
    let heard = seen(ear, patience)?;
    if heard == Heard::Ring {
        point("sleep: rung");
        ear.clear();
    }
    Ok(heard)
}

/// Waits for a ring.
fn seen(ear: &Ear, patience: Option<Duration>) -> io::Result<Heard> {
    let descriptor = ear.as_fd();
    let mut descriptors = [PollFd::new(&descriptor, PollFlags::IN | PollFlags::RDHUP)];
    // What is longer than the clock can say is no limit.
    let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
    match poll(&mut descriptors, patience.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [descriptor] = descriptors;
    let found = descriptor.revents();
    let over = PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR | PollFlags::NVAL;
    Ok(if found.intersects(over) {
        Heard::End
    } else if found.contains(PollFlags::IN) {
        Heard::Ring
    } else {
        Heard::Silence
    })
}

/// Sleeps are as short as this while commands wait for room in their ring.
const DEPARTING_PATIENCE: Duration = Duration::from_millis(1);
/// How often calls that do not wait look whether the daemon is there.
const LOOK_EVERY_MS: u64 = 10;
