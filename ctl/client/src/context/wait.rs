//! Waiting: look for a while, then sleep on the doorbell, or for the word of a thread that does.

use std::io;
use std::os::fd::AsFd;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
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
            let patience = deadline.map_or(FALLBACK, |deadline| (deadline - now).min(FALLBACK));
            if inner.somebody_sleeps {
                // Its word may be for this thread, or that it leaves the doorbell to somebody else.
                let waited = self.changed.wait_timeout(inner, patience);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
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

    /// For calls that do not wait: whether the attachment is over, looked at not too often.
    pub(crate) fn look_for_end(&self) -> io::Result<()> {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let before_ms = self.looked_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(before_ms) >= LOOK_EVERY_MS {
            self.looked_ms.store(now_ms, Ordering::Relaxed);
            self.heed(seen(&self.ear, Duration::ZERO)?);
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
pub(crate) fn listen(ear: &Ear, patience: Duration) -> io::Result<Heard> {
    let heard = seen(ear, patience)?;
    if heard == Heard::Ring {
        point("sleep: rung");
        ear.clear();
    }
    Ok(heard)
}

/// Waits for a ring.
fn seen(ear: &Ear, patience: Duration) -> io::Result<Heard> {
    let descriptor = ear.as_fd();
    let mut descriptors = [PollFd::new(&descriptor, PollFlags::IN | PollFlags::RDHUP)];
    let patience = Timespec::try_from(patience).map_err(|_| io::Error::from(Errno::INVAL))?;
    match poll(&mut descriptors, Some(&patience)) {
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

/// A sleep is never longer: a lost wake-up then costs this time, and no call hangs.
const FALLBACK: Duration = Duration::from_millis(100);
/// How often calls that do not wait look whether the daemon is there.
const LOOK_EVERY_MS: u64 = 10;
