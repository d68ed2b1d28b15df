//! Writing: small writes inside commands, large ones through chunks that the daemon grants.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coremill_ring::command::Command;
use coremill_ring::injection::point;
use coremill_ring::message::INLINE_BYTES_MAX;
use coremill_ring::send_lease::SendFiller;
use coremill_ring::socket_state::Flags;
use rustix::io::Errno;

use super::Inner;
use crate::context::lock;
use crate::socket::{deadline, is_over};

/// The writing end.
#[derive(Debug, Default)]
pub(super) struct Send {
    filler: SendFiller,
    /// Room was asked for and has not come.
    asked: bool,
}

impl Inner {
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let deadline = deadline(self.settings.write_timeout());
        loop {
            let sent = {
                let mut send = lock(&self.send);
                let room = self.room()?;
                let take = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                self.send_now(&mut send, bytes.get(..take).unwrap_or_default())?
            };
            if sent > 0 {
                return Ok(sent);
            }
            let before = self.socket.sent.load(Ordering::Acquire);
            let found = self.socket.wait(deadline, |snapshot| {
                (is_over(snapshot) || snapshot.send_limit > before).then_some(())
            })?;
            found.ok_or(io::Error::from(io::ErrorKind::WouldBlock))?;
        }
    }

    /// How many bytes the connection takes now.
    fn room(&self) -> io::Result<u64> {
        let snapshot = self.socket.snapshot()?;
        if self.settings.send_ended.load(Ordering::Acquire) {
            return Err(Errno::PIPE.into());
        }
        if is_over(&snapshot) {
            let error = self.socket.take_error(&snapshot);
            return Err(error.unwrap_or_else(|| Errno::PIPE.into()));
        }
        let connected = snapshot.condition.flags.contains(Flags::CONNECTED);
        let sent = self.socket.sent.load(Ordering::Acquire);
        let room = snapshot.send_limit.saturating_sub(sent);
        Ok(if connected { room } else { 0 })
    }

    /// Sends what finds a way now, from the front of `bytes`.
    fn send_now(&self, send: &mut Send, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > INLINE_BYTES_MAX {
            self.find_room(send, bytes.len())?;
        }
        let offset = self.socket.sent.load(Ordering::Acquire);
        let socket = self.socket.handle;
        let context = &self.socket.context;
        let filled = match bytes.len() > INLINE_BYTES_MAX {
            true => send
                .filler
                .write(bytes, &context.application, &context.layout),
            false => 0,
        };
        if filled > 0 {
            let filled_up_to = send.filler.filled();
            point("send: filled, not told");
            self.advance(filled);
            self.socket
                .submit_with_read(&[], |read| Command::SendFilled {
                    socket,
                    offset,
                    read,
                    filled: filled_up_to,
                })?;
            return Ok(filled);
        }
        // Small, or no chunk is to be had: inside the command there always is room.
        let count = bytes.len().min(INLINE_BYTES_MAX);
        let bytes = bytes.get(..count).unwrap_or_default();
        if !bytes.is_empty() {
            self.advance(count);
            self.socket.submit_with_read(bytes, |read| Command::Send {
                socket,
                offset,
                read,
            })?;
        }
        Ok(count)
    }

    /// Takes up what was granted. When there is none, asks, and waits a moment: the answer takes a worker's turn.
    fn find_room(&self, send: &mut Send, bytes: usize) -> io::Result<()> {
        self.take_grants(send);
        if send.filler.room() > 0 {
            return Ok(());
        }
        if !send.asked {
            let bytes = u32::try_from(bytes.min(ASK_BYTES_MAX)).unwrap_or(u32::MAX);
            let socket = self.socket.handle;
            self.socket.submit(Command::WantRoom { socket, bytes })?;
            send.asked = true;
        }
        let until = Instant::now() + GRANT_PATIENCE;
        let grants = &self.socket.grants;
        self.socket
            .context
            .wait(Some(until), |_| (!lock(grants).is_empty()).then_some(()))?;
        self.take_grants(send);
        Ok(())
    }

    fn take_grants(&self, send: &mut Send) {
        let mut grants = lock(&self.socket.grants);
        while let Some(grant) = grants.pop_front() {
            send.asked = false;
            send.filler.add(grant);
        }
    }

    /// Room that this connection does not need is for others: called by a reader that is about to wait.
    pub(super) fn give_room_back(&self) -> io::Result<()> {
        // A writer at work needs it.
        let Ok(mut send) = self.send.try_lock() else {
            return Ok(());
        };
        self.take_grants(&mut send);
        if send.filler.room() == 0 {
            return Ok(());
        }
        let filled = send.filler.give_back();
        let socket = self.socket.handle;
        self.socket.submit(Command::GiveBack { socket, filled })
    }

    fn advance(&self, count: usize) {
        self.socket.sent.fetch_add(count as u64, Ordering::AcqRel);
    }
}

/// Most that is asked for at once: what a worker grants at once.
const ASK_BYTES_MAX: usize = 64 << 10;
/// How long a writer waits for a chunk before it sends inside commands.
const GRANT_PATIENCE: Duration = Duration::from_millis(2);
