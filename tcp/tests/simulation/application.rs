//! One end of a connection: sends its bytes, checks the other's, and leaves as planned. It looks at
//! its connection only when a hint or its own clock tells it to, so that a missing hint is found.

use std::time::Duration;

use coremill_tcp::error::{ConnectionError, ReceiveError, SendError};
use coremill_tcp::options::SocketOption;
use coremill_tcp::{ConnectionId, Instant, Shard};

use super::allocations::none;
use super::choices::KEY_IDS;
use super::plan::{EndPlan, Ending};
use super::random::{Random, pattern};
use super::watched_memory::WatchedMemory;

/// An end at work.
#[derive(Debug)]
pub struct Application {
    pub connection: usize,
    pub side: usize,
    id: ConnectionId,
    pub plan: EndPlan,
    random: Random,
    pub began: Instant,
    paused_until: Instant,
    pub progress: Progress,
}

/// How far an end has come: the world compares the two of a connection.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub sent: usize,
    pub received: usize,
    /// It has shut its direction after sending all it wanted.
    pub is_shut: bool,
    /// It has read the end of the stream, and when.
    pub is_at_end: bool,
    pub ended_at: Instant,
    pub is_established: bool,
    pub error: Option<ConnectionError>,
    /// It has let go of the connection.
    pub is_closed: bool,
    /// Urgent bytes it sent, and marks it saw; writes with more to follow; times it changed its key.
    pub urgent: u64,
    pub marks_seen: u64,
    pub more: u64,
    pub key_changes: u64,
    /// Writes that found less room than they had bytes, where a mark says what may wait unsent.
    pub marked_low: u64,
    /// What came of the options of its socket, as it is known when it leaves.
    pub options: OptionsPlayed,
}

/// Options that were more than set: they made a difference.
#[derive(Clone, Copy, Debug, Default)]
pub struct OptionsPlayed {
    /// Its buffers had grown: to send, to receive.
    pub grown: [bool; 2],
    /// They were fixed, and less than what was sent, or received.
    pub fixed: [bool; 2],
    /// It received more than the window it was clamped to.
    pub is_clamped: bool,
    /// Its rate decided how long it took.
    pub is_rated: bool,
    /// Its user's timeout ended it.
    pub is_timed_out: bool,
}

impl Application {
    pub fn new(
        (connection, side): (usize, usize),
        id: ConnectionId,
        plan: EndPlan,
        random: Random,
        now: Instant,
    ) -> Self {
        let progress = Progress::default();
        Self {
            connection,
            side,
            id,
            plan,
            random,
            began: now,
            paused_until: now,
            progress,
        }
    }

    /// Does what can be done now; returns when it wants to be called again even without a hint.
    pub fn run(&mut self, shard: &mut Shard<WatchedMemory>, now: Instant) -> Option<Instant> {
        if self.progress.is_closed {
            return None;
        }
        if let Ending::Abort(after) = self.plan.ending {
            if now >= self.began + after {
                none(|| shard.abort(now, self.id));
                return self.leave();
            }
        } else if now < self.paused_until {
            return Some(self.paused_until);
        }
        if let Err(error) = self
            .receive(shard, now)
            .and_then(|()| self.send(shard, now))
        {
            self.progress.error = Some(error);
            self.progress.options.is_timed_out =
                error == ConnectionError::TimedOut && self.plan.socket.user_timeout_millis > 0;
            none(|| shard.close(now, self.id));
            return self.leave();
        }
        if self.has_finished() {
            self.note_options(shard, now);
            none(|| shard.close(now, self.id));
            return self.leave();
        }
        let abort = match self.plan.ending {
            Ending::Abort(after) => Some(self.began + after),
            _ => None,
        };
        let resumes = (now < self.paused_until).then_some(self.paused_until);
        abort.into_iter().chain(resumes).min()
    }

    fn leave(&mut self) -> Option<Instant> {
        self.progress.is_closed = true;
        None
    }

    fn note_options(&mut self, shard: &Shard<WatchedMemory>, now: Instant) {
        let (socket, progress) = (&self.plan.socket, &mut self.progress);
        // What is not fixed begins at 16 and 64 KiB.
        let buffer = |option| shard.option(self.id, option).unwrap_or(0);
        let has_grown = [
            buffer(SocketOption::SendBuffer) > 16 << 10,
            buffer(SocketOption::ReceiveBuffer) > 64 << 10,
        ];
        let fixed =
            [socket.send_buffer_bytes, socket.receive_buffer_bytes].map(|size| size as usize);
        let moved = [progress.sent, progress.received];
        let options = &mut progress.options;
        options.grown = [0, 1].map(|way| fixed[way] == 0 && has_grown[way]);
        options.fixed = [0, 1].map(|way| fixed[way] > 0 && moved[way] > fixed[way]);
        let clamp = socket.window_clamp as usize;
        options.is_clamped = clamp > 0 && progress.received > clamp;
        let elapsed = now.since(self.began).as_millis() as u64;
        let by_rate = progress.sent as u64 * 1_000 / socket.pacing_rate_max.max(1);
        options.is_rated = socket.pacing_rate_max > 0 && by_rate > 0 && elapsed < 2 * by_rate;
    }

    fn receive(
        &mut self,
        shard: &mut Shard<WatchedMemory>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let key = stream_key(self.connection, 1 - self.side);
        while !self.progress.is_at_end && now >= self.paused_until {
            let slice = match shard.receive_slice(self.id) {
                Err(ReceiveError::NotConnected) => return Ok(()),
                Ok([]) => {
                    self.progress.is_established = true;
                    return Ok(());
                }
                Ok(slice) => slice,
                Err(ReceiveError::EndOfStream) => {
                    self.progress.is_at_end = true;
                    self.progress.ended_at = now;
                    self.progress.is_established = true;
                    return Ok(());
                }
                Err(ReceiveError::Failed(error)) => return Err(error),
                Err(ReceiveError::NoConnection) => panic!("the connection vanished under its user"),
            };
            let count = slice.len().min(self.plan.receive_piece);
            for (index, byte) in slice[..count].iter().enumerate() {
                let offset = self.progress.received + index;
                assert_eq!(
                    *byte,
                    pattern(key, offset),
                    "wrong byte at {offset}: {self:?}"
                );
            }
            if shard
                .urgent_mark(self.id)
                .is_some_and(|mark| mark.bytes_before < count)
            {
                self.progress.marks_seen += 1;
            }
            self.progress.received += count;
            self.progress.is_established = true;
            none(|| shard.consume(now, self.id, count));
            self.may_pause(now);
        }
        Ok(())
    }

    fn send(
        &mut self,
        shard: &mut Shard<WatchedMemory>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if self.plan.ending == Ending::Last && !self.progress.is_at_end {
            return Ok(());
        }
        let key = stream_key(self.connection, self.side);
        while self.progress.sent < self.plan.send_bytes && now >= self.paused_until {
            let count = (self.plan.send_bytes - self.progress.sent).min(self.plan.send_piece);
            let first = self.progress.sent;
            let data: Vec<u8> = (first..first + count).map(|at| pattern(key, at)).collect();
            match self.write(shard, now, &data) {
                Ok(0) | Err(SendError::NotConnected) => return Ok(()),
                Ok(taken) => {
                    assert!(taken <= count);
                    let is_cut = taken < count && self.plan.socket.unsent_low_water > 0;
                    self.progress.marked_low += u64::from(is_cut);
                    self.progress.sent += taken;
                    self.progress.is_established = true;
                }
                Err(SendError::Failed(error)) => return Err(error),
                Err(error) => panic!("{error}: {self:?}"),
            }
            self.may_pause(now);
        }
        let is_leaving = matches!(self.plan.ending, Ending::Orderly | Ending::Last);
        if self.progress.sent == self.plan.send_bytes && is_leaving && !self.progress.is_shut {
            match none(|| shard.shutdown(now, self.id)) {
                Ok(()) => {
                    self.progress.is_shut = true;
                    self.progress.is_established = true;
                }
                Err(SendError::NotConnected) => {}
                Err(SendError::Failed(error)) => return Err(error),
                Err(error) => panic!("{error}: {self:?}"),
            }
        }
        Ok(())
    }

    /// As the plan says: plainly, with more to follow, or with an urgent byte at the end.
    fn write(
        &mut self,
        shard: &mut Shard<WatchedMemory>,
        now: Instant,
        data: &[u8],
    ) -> Result<usize, SendError> {
        if self.plan.changes_key && self.progress.sent > self.plan.send_bytes / 2 {
            self.plan.changes_key = false;
            let [_, second] = KEY_IDS;
            let chosen = none(|| shard.choose_ao_keys(now, self.id, Some(second), Some(second)));
            self.progress.key_changes += u64::from(chosen.is_ok());
        }
        if self.plan.is_urgent && self.random.chance(1, 8) {
            let taken = match none(|| shard.send_urgent(now, self.id, data)) {
                // Its place is remembered in a block, of which there may be none left.
                Err(SendError::NoExtension) => return none(|| shard.send(now, self.id, data)),
                taken => taken?,
            };
            self.progress.urgent += u64::from(taken == data.len());
            return Ok(taken);
        }
        if self.plan.says_more && self.random.chance(1, 2) {
            self.progress.more += 1;
            return none(|| shard.send_more(now, self.id, data));
        }
        none(|| shard.send(now, self.id, data))
    }

    fn has_finished(&self) -> bool {
        let has_sent = self.progress.sent == self.plan.send_bytes;
        match self.plan.ending {
            Ending::Orderly | Ending::Last => self.progress.is_shut && self.progress.is_at_end,
            Ending::Careless => has_sent && self.progress.is_established,
            Ending::Abort(_) => false,
        }
    }

    fn may_pause(&mut self, now: Instant) {
        if let Some(pause) = self.plan.pause
            && self.random.chance(1, 16)
        {
            self.paused_until = now + pause + Duration::from_nanos(1);
        }
    }
}

/// Names the bytes that `side` of a connection sends.
pub fn stream_key(connection: usize, side: usize) -> u64 {
    (connection as u64 * 2 + side as u64) << 40
}
