//! Writing: small writes inside commands, large ones through chunks that the daemon grants.

use std::io::{self, IoSlice};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coremill_ring::command::{Command, SendMark};
use coremill_ring::injection::point;
use coremill_ring::message::INLINE_BYTES_MAX;
use coremill_ring::send_lease::SendFiller;
use coremill_ring::socket_state::Flags;
use rustix::io::Errno;

use super::Inner;
use crate::context::{Patience, lock};
use crate::socket::{Wanted, deadline, is_over};

/// The writing end.
#[derive(Debug, Default)]
pub(super) struct Send {
    /// The last write was cut short: more is to come.
    is_short: bool,
    pub(super) chunks: Box<Chunks>,
}

/// What large writes need.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    pub(super) filler: SendFiller,
    /// When room was asked for that has not come.
    asked: Option<Instant>,
}

impl Inner {
    /// Sends of `pieces`, from the front, what finds room.
    pub(super) fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if let [piece] = pieces
            && let Some(sent) = self.send_small(piece)
        {
            return sent;
        }
        self.send_any(pieces, false)
    }

    /// The same; `follows`: the caller will send more behind all of it (MSG_MORE).
    pub(super) fn send_any(&self, pieces: &[IoSlice<'_>], follows: bool) -> io::Result<usize> {
        let total = pieces
            .iter()
            .fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
        if total == 0 {
            return Ok(0);
        }
        let (sent, mut send) = self.wait_for_room(|send, room| {
            // Who finds the buffer full may have to wait long before he can go on (as Linux).
            let follows = follows && total <= room;
            self.send_now(send, pieces, (total.min(room), follows))
        })?;
        send.is_short = sent < total;
        Ok(sent)
    }

    /// Waits until there is room, and until `act` could do something with it; gives how much, and the writing end.
    pub(super) fn wait_for_room(
        &self,
        mut act: impl FnMut(&mut Send, usize) -> io::Result<usize>,
    ) -> io::Result<(usize, MutexGuard<'_, Send>)> {
        let deadline = deadline(self.settings.write_timeout());
        if !self.socket.is_nonblocking() {
            self.socket.wait_for_name(deadline)?;
        }
        loop {
            // Looked at once where nobody else writes.
            let alone = self.send.try_lock().ok();
            let room = self.room()?;
            if room > 0 {
                let (mut send, room) = match alone {
                    Some(send) => (send, room),
                    // Another writer may have taken it meanwhile.
                    None => (lock(&self.send), self.room()?),
                };
                let done = match room {
                    0 => 0,
                    room => act(&mut send, room)?,
                };
                if done > 0 {
                    return Ok((done, send));
                }
            } else {
                drop(alone);
            }
            let before = self.socket.sent.load(Ordering::Acquire);
            let found = self.socket.wait(deadline, Wanted::Write, |snapshot| {
                (is_over(snapshot.condition) || snapshot.send_limit > before).then_some(())
            })?;
            found.ok_or(io::Error::from(io::ErrorKind::WouldBlock))?;
        }
    }

    /// How many bytes the connection takes now.
    fn room(&self) -> io::Result<usize> {
        let condition = self.socket.glance()?.condition;
        if self.socket.send_ended.load(Ordering::Acquire) {
            return Err(Errno::PIPE.into());
        }
        if is_over(condition) {
            let error = self.socket.take_error(condition);
            return Err(error.unwrap_or_else(|| Errno::PIPE.into()));
        }
        if !condition.flags.contains(Flags::CONNECTED) {
            return Ok(0);
        }
        let sent = self.socket.sent.load(Ordering::Acquire);
        let mut limit = self.socket.send_limit.load(Ordering::Relaxed);
        if limit.saturating_sub(sent) < ROOM_LITTLE_BYTES {
            limit = self.socket.snapshot()?.send_limit;
            self.socket.send_limit.fetch_max(limit, Ordering::Relaxed);
        }
        Ok(usize::try_from(limit.saturating_sub(sent)).unwrap_or(usize::MAX))
    }

    /// Sends the first `total` bytes of `pieces`, or as many of these as find a way now; the rest comes with the next
    /// call, and a segment that is not full waits for it.
    fn send_now(
        &self,
        send: &mut Send,
        pieces: &[IoSlice<'_>],
        (total, follows): (usize, bool),
    ) -> io::Result<usize> {
        if total > INLINE_BYTES_MAX {
            self.find_chunks(send, total)?;
            if send.chunks.filler.room() > 0 {
                return self.send_filled(send, pieces, (total, follows));
            }
            if self.socket.is_nonblocking()
                && let Some(until) = send.may_come_until()
            {
                // Chunks come when there is room for one, which small commands would use up. Pollers say so meanwhile.
                self.socket.await_chunks(until);
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        // Small, or no chunk is to be had: inside the command there always is room.
        let count = total.min(INLINE_BYTES_MAX);
        let has_more = follows || count < total;
        if let [piece] = pieces {
            return self.send_beside(piece.get(..count).unwrap_or(piece), has_more);
        }
        let mut inline = [0; INLINE_BYTES_MAX];
        let count = gather(pieces, count, &mut inline);
        self.send_beside(inline.get(..count).unwrap_or_default(), has_more)
    }

    /// Sends bytes inside a command, which says whether more of them follow.
    pub(super) fn send_beside(&self, bytes: &[u8], has_more: bool) -> io::Result<usize> {
        match has_more {
            true => self.submit_marked(bytes, SendMark::More),
            false => self.send_inline(bytes),
        }
    }

    /// Sends bytes inside a command.
    #[inline]
    fn send_inline(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.submit_bytes(self.socket.name()?, bytes)?;
        Ok(bytes.len())
    }

    /// A small write where an event said a moment ago that the connection is well, and there is room for sure: all that
    /// could be found by a look at the state. None where there is more to find out.
    #[inline]
    fn send_small(&self, bytes: &[u8]) -> Option<io::Result<usize>> {
        let socket = &self.socket;
        if bytes.is_empty() || bytes.len() > INLINE_BYTES_MAX {
            return None;
        }
        let name = socket.told.name()?.ok()?;
        let mut send = self.send.try_lock().ok()?;
        let sent = socket.sent.load(Ordering::Acquire);
        let limit = socket.send_limit.load(Ordering::Relaxed);
        if limit.saturating_sub(sent) < ROOM_LITTLE_BYTES
            || self.socket.send_ended.load(Ordering::Acquire)
            || !socket.told.announcement.take_fresh()
        {
            return None;
        }
        send.is_short = false;
        Some(socket.submit_bytes(name, bytes).map(|()| bytes.len()))
    }

    fn send_filled(
        &self,
        send: &mut Send,
        pieces: &[IoSlice<'_>],
        (total, follows): (usize, bool),
    ) -> io::Result<usize> {
        let context = &self.socket.context;
        let (memory, layout) = (&context.application, &context.layout);
        let filler = &mut send.chunks.filler;
        let write = |filler: &SendFiller| {
            let mut written = 0;
            for piece in pieces {
                let part = piece.get(..piece.len().min(total - written));
                let part = part.unwrap_or_default();
                let count = filler.write_ahead(written, part, memory, layout);
                written += count;
                if count < part.len() || written == total {
                    break;
                }
            }
            written
        };
        // One who waits for room in the ring copies before, outside of the lock.
        let mut filled = match self.socket.is_nonblocking() {
            false => write(filler),
            true => 0,
        };
        point("send: filled, not told");
        let socket = self.socket.name()?.handle;
        self.socket.submit_with_read(&[], |read| {
            if filled == 0 {
                filled = write(filler);
            }
            // Only now: what is not told is not filled.
            filler.advance(filled);
            Command::SendFilled {
                socket,
                offset: self.socket.advance(filled),
                read,
                filled: filler.filled(),
                has_more: follows || filled < total,
            }
        })?;
        if filled < total && send.chunks.filler.room() == 0 {
            // More is to come: the next chunks are there by then. The bytes are sent, whatever becomes of this.
            let _asked = self.ask_for_chunks(send, Patience::Never, total - filled);
        }
        Ok(filled)
    }

    /// Tells that the first `count` bytes of granted room were filled in place.
    pub(super) fn send_in_place(
        &self,
        send: &mut Send,
        (count, has_more): (usize, bool),
    ) -> io::Result<()> {
        let socket = self.socket.name()?.handle;
        let layout = &self.socket.context.layout;
        point("send: filled in place, not told");
        self.socket.submit_with_read(&[], |read| {
            send.chunks.filler.commit(count, layout);
            Command::SendFilled {
                socket,
                offset: self.socket.advance(count),
                read,
                filled: send.chunks.filler.filled(),
                has_more,
            }
        })
    }

    /// Takes up what was granted. When there is none, asks; and one who may wait waits a moment: the answer takes a
    /// worker's turn.
    pub(super) fn find_chunks(&self, send: &mut Send, bytes: usize) -> io::Result<()> {
        self.take_grants(send)?;
        if send.chunks.filler.room() > 0 {
            return Ok(());
        }
        self.ask_for_chunks(send, self.socket.patience(), bytes)?;
        if self.socket.is_nonblocking() {
            self.socket.context.look()?;
        } else {
            let until = Instant::now() + GRANT_PATIENCE;
            let grants = &self.socket.name()?.grants;
            let came = |_: &mut _| (!lock(grants).is_empty()).then_some(());
            self.socket.context.wait(Some(until), came)?;
        }
        self.take_grants(send)
    }

    fn ask_for_chunks(&self, send: &mut Send, patience: Patience, bytes: usize) -> io::Result<()> {
        if send.chunks.asked.is_some() {
            return Ok(());
        }
        let bytes = u32::try_from(bytes.min(ASK_BYTES_MAX)).unwrap_or(u32::MAX);
        let (socket, name) = (&self.socket, self.socket.name()?);
        let asked = socket.context.ask_for_room(
            socket.worker,
            patience,
            (&socket.told, name.handle),
            bytes,
        );
        match asked {
            // Whoever has no room for that command has none for bytes either, and hears so.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            asked => {
                send.chunks.asked = asked.is_ok().then(Instant::now);
                asked
            }
        }
    }

    fn take_grants(&self, send: &mut Send) -> io::Result<()> {
        let mut grants = lock(&self.socket.name()?.grants);
        while let Some(grant) = grants.pop_front() {
            send.chunks.asked = None;
            send.chunks.filler.add(grant);
        }
        Ok(())
    }

    /// Room that this connection does not need is for others: called by a reader that is about to wait.
    pub(super) fn give_room_back(&self) -> io::Result<()> {
        // A writer at work needs it.
        let Ok(mut send) = self.send.try_lock() else {
            return Ok(());
        };
        self.take_grants(&mut send)?;
        if send.chunks.filler.room() == 0 || send.is_short {
            return Ok(());
        }
        let socket = self.socket.name()?.handle;
        let context = &self.socket.context;
        context.send_soon(self.socket.worker, |_| {
            let filled = send.chunks.filler.give_back();
            Some(Command::GiveBack { socket, filled })
        })
    }
}

impl Send {
    /// As long as chunks that were asked for may still come soon: until when.
    fn may_come_until(&self) -> Option<Instant> {
        let until = self.chunks.asked? + CHUNK_PATIENCE;
        (Instant::now() < until).then_some(until)
    }
}

/// Copies the first `total` bytes of `pieces`, as far as `out` has room; gives how many.
fn gather(pieces: &[IoSlice<'_>], total: usize, out: &mut [u8]) -> usize {
    let mut count = 0;
    for piece in pieces {
        let rest = out.get_mut(count..total).unwrap_or_default();
        let length = piece.len().min(rest.len());
        let (Some(to), Some(from)) = (rest.get_mut(..length), piece.get(..length)) else {
            break;
        };
        to.copy_from_slice(from);
        count += length;
    }
    count
}

/// With less room than this the limit is looked up again: the worker says a new one at about the same point.
const ROOM_LITTLE_BYTES: u64 = 64 << 10;
/// Most that is asked for at once: what a worker grants at once.
const ASK_BYTES_MAX: usize = 64 << 10;
/// How long one that does not block comes again for a chunk before it sends inside a command.
const CHUNK_PATIENCE: Duration = Duration::from_millis(100);
/// How long a writer waits for a chunk before it sends inside commands.
const GRANT_PATIENCE: Duration = Duration::from_millis(2);
