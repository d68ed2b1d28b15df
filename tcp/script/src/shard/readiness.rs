//! poll and epoll: what may be done with sockets now.

use coremill_tcp::State;
use coremill_tcp::error::ReceiveError;

use super::Stack;
use super::sockets::{Kind, Socket, Sockets, Surroundings};
use crate::language::Call;
use crate::polling;
use crate::subject::{Outcome, Progress};
use crate::symbols::event;
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn poll(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &Progress,
    ) -> Result<Outcome, Trouble> {
        polling::poll(call, progress.waited(), |descriptor| {
            self.ready(around.machine, descriptor)
        })
    }

    pub(super) fn epoll(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &Progress,
    ) -> Result<Outcome, Trouble> {
        match call.name.as_str() {
            "epoll_create" | "epoll_create1" => {
                let last = self.table.last_key_value().map_or(2, |(last, _)| *last);
                let expected = call.result.number().filter(|number| *number >= 0);
                Ok(self.epolls.create(expected.unwrap_or(last + 1)))
            }
            "epoll_ctl" => self.epolls.control(call),
            "epoll_wait" => {
                let mut epolls = std::mem::take(&mut self.epolls);
                let outcome = epolls.wait(call, progress.waited(), |descriptor| {
                    self.ready(around.machine, descriptor)
                });
                self.epolls = epolls;
                outcome
            }
            name => Err(Trouble::Unsupported(format!("system call {name}"))),
        }
    }

    /// The events that a descriptor is ready for.
    fn ready(&self, machine: &mut Stack, descriptor: i64) -> Result<u32, Trouble> {
        let Some(socket) = self.table.get(&descriptor) else {
            return Err(Trouble::Unsupported("poll of anything but sockets".into()));
        };
        let events = socket.readiness(machine);
        Ok(events.iter().filter_map(|name| event(name)).sum())
    }
}

impl Socket {
    /// As Linux tells of TCP sockets.
    fn readiness(&self, machine: &mut Stack) -> Vec<&'static str> {
        let id = match self.kind {
            Kind::Fresh => return vec!["POLLOUT", "POLLHUP"],
            Kind::Listening(_) => {
                let mut waiting = 0;
                let local = self.bound;
                machine.shard.listener_rows(&mut |row| {
                    if Some(row.local) == local {
                        waiting = row.accept_queue;
                    }
                });
                return if waiting > 0 { vec!["POLLIN"] } else { vec![] };
            }
            Kind::Connection(id) => id,
        };
        let received = machine.shard.receive_slice(id).map(<[u8]>::len);
        let has_ended = matches!(
            received,
            Err(ReceiveError::EndOfStream | ReceiveError::Failed(_))
        );
        let has_failed = machine.shard.error(id).is_some();
        let is_connecting = received == Err(ReceiveError::NotConnected);
        let mut events = Vec::new();
        if has_ended || received.is_ok_and(|count| count > 0) || self.is_read_shut {
            events.push("POLLIN");
        }
        let mark = machine.shard.urgent_mark(id);
        if mark.is_some_and(|mark| mark.is_here) {
            events.push("POLLPRI");
        }
        let is_closed = self
            .state(machine)
            .is_none_or(|state| state == State::Closed);
        if !is_connecting && (machine.shard.send_room(id) > 0 || self.is_write_shut || is_closed) {
            events.push("POLLOUT");
        }
        if has_ended || self.is_peer_done(machine) {
            events.push("POLLRDHUP");
        }
        if has_failed && !self.is_error_told {
            events.push("POLLERR");
        }
        if is_closed || (self.is_write_shut && has_ended) {
            events.push("POLLHUP");
        }
        events
    }
}

impl Socket {
    /// The peer's FIN has arrived, though bytes before it may be unread.
    fn is_peer_done(&self, machine: &Stack) -> bool {
        let state = self.state(machine);
        state.is_none_or(|state| {
            matches!(
                state,
                State::CloseWait
                    | State::Closing
                    | State::LastAck
                    | State::TimeWait
                    | State::Closed
            )
        })
    }
}
