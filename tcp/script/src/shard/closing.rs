//! close, with its linger.

use coremill_tcp::State;

use super::Stack;
use super::sockets::{Kind, Socket, Sockets, Surroundings};
use crate::language::{Call, Value};
use crate::subject::{Outcome, Progress};
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn close(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        if self
            .of(call)
            .is_some_and(|socket| socket.lingers(around.machine, progress))
        {
            return Ok(Outcome::Wait);
        }
        let descriptor = call.arguments.first().and_then(Value::number);
        let socket = descriptor.and_then(|descriptor| self.table.remove(&descriptor));
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        match socket.map(|socket| (socket.kind, socket.linger)) {
            None if descriptor.is_some_and(|fd| self.epolls.close(fd)) => {}
            None => return Ok(Outcome::Failed("EBADF")),
            Some((Kind::Fresh, _)) => {}
            Some((Kind::Listening(id), _)) => shard.close_listener(now, id),
            Some((Kind::Connection(id), Some(0))) => shard.abort(now, id),
            Some((Kind::Connection(id), None)) => shard.close(now, id),
            // The time that it was given is over, or all is acknowledged.
            Some((Kind::Connection(id), Some(_))) => shard.close(now, id),
        }
        Ok(Outcome::Done(0))
    }
}

impl Socket {
    /// True while a close that lingers waits for the peer: all that is unsent goes before, as with SHUT_WR.
    fn lingers(&self, machine: &mut Stack, progress: &mut Progress) -> bool {
        let seconds = self.linger.and_then(|seconds| u64::try_from(seconds).ok());
        let (Some(seconds @ 1..), Some(id)) = (seconds, self.connection()) else {
            return false;
        };
        let row = machine.shard.row(machine.now, id);
        // Unread bytes: closing resets, and waits for nothing.
        if row.is_none_or(|row| row.receive_queue_bytes > 0) {
            return false;
        }
        if progress.waited().is_zero() {
            // It may have been shut down before.
            let _ = machine.shard.shutdown(machine.now, id);
        }
        let waits = matches!(
            self.state(machine),
            Some(State::FinWait1 | State::Closing | State::LastAck)
        );
        waits && progress.waited().as_secs() < seconds
    }
}
