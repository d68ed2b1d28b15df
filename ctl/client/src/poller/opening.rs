//! Sources that the daemon has not opened yet.

use std::io;

use super::Poller;

impl Poller {
    /// Subscribes to what the daemon has opened since the last look.
    pub(super) fn look_at_opening(&mut self) -> io::Result<()> {
        if self.opening.is_empty() {
            return Ok(());
        }
        self.context.look()?;
        let mut opening = std::mem::take(&mut self.opening);
        opening.retain(|key| {
            let Some(source) = self.sources.get_mut(*key) else {
                return false;
            };
            let Some(watched) = source.watched.upgrade() else {
                return false;
            };
            match watched.socket().told.name() {
                None => true,
                // Its failure is seen as readiness, like any other; nothing else announces it.
                Some(Err(_)) => {
                    if !std::mem::replace(&mut source.is_candidate, true) {
                        self.candidates.push(*key);
                    }
                    false
                }
                Some(Ok(_)) => {
                    let interest = source.interest.bits();
                    // If the daemon is gone, `wait` says so.
                    let _ = watched.socket().subscribe_to(self.notifier, *key, interest);
                    false
                }
            }
        });
        self.opening = opening;
        Ok(())
    }
}
