//! poll: what may be done with sockets now.

use coremill_tcp::State;
use coremill_tcp::error::ReceiveError;

use super::Stack;
use super::sockets::{Kind, Socket, Sockets, Surroundings};
use crate::language::{Call, Value};
use crate::subject::{Outcome, Progress};
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn poll(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let asked = call.arguments.first().map(Value::list).unwrap_or_default();
        let mut ready = 0;
        let mut wrong = None;
        for entry in asked {
            let descriptor = entry.field("fd").and_then(Value::number).unwrap_or(-1);
            let Some(socket) = self.table.get(&descriptor) else {
                return Err(Trouble::Unsupported("poll of anything but sockets".into()));
            };
            let wanted = entry.field("events");
            let mut events = socket.readiness(around.machine);
            events.retain(|event| {
                matches!(*event, "POLLERR" | "POLLHUP")
                    || wanted.is_some_and(|wanted| wanted.has(event))
            });
            ready += i64::from(!events.is_empty());
            let expected = entry.field("revents").unwrap_or(&Value::Number(0));
            if !is_same(expected, &events) {
                wrong = Some(format!("poll of {descriptor} gives {}", events.join("|")));
            }
        }
        let timeout = call.arguments.get(2).and_then(Value::number).unwrap_or(-1);
        let waited = around.machine.now.since(progress.started).as_millis();
        let is_over = u128::try_from(timeout).is_ok_and(|timeout| waited >= timeout);
        match wrong {
            _ if ready == 0 && !is_over => Ok(Outcome::Wait),
            Some(wrong) => Err(Trouble::Difference(wrong)),
            None => Ok(Outcome::Done(ready)),
        }
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

/// True when the script expects exactly these events.
fn is_same(expected: &Value, events: &[&str]) -> bool {
    match expected {
        Value::Words(words) => {
            words.len() == events.len() && words.iter().all(|word| events.contains(&word.as_str()))
        }
        Value::Number(0) => events.is_empty(),
        _ => true,
    }
}
