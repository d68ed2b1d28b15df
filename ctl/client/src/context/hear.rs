//! Events from the workers: answers to whoever asked, grants to whoever asked for room.

use std::io;

use coremill_ring::command::Command;
use coremill_ring::event::Event;

use super::tickets::{Answer, Due};
use super::{Context, Inner, broken, lock};

impl Context {
    /// Takes all events that wait, for those who look at what answers have said.
    pub(crate) fn look(&self) -> io::Result<()> {
        let mut inner = self.lock();
        self.pump(&mut inner)?;
        drop(inner);
        self.look_for_end()
    }

    /// The same, and sends what waits for room in a ring; true when some still does.
    pub(crate) fn look_and_send(&self) -> io::Result<bool> {
        let mut inner = self.lock();
        self.pump(&mut inner)?;
        self.send_departing(&mut inner)?;
        Ok(!inner.departing.is_empty())
    }

    /// Takes all events. True when there were any; then other threads were told.
    pub(super) fn pump(&self, inner: &mut Inner) -> io::Result<bool> {
        let Inner {
            events,
            tickets,
            asking,
            departing,
            ..
        } = inner;
        let drained = events.drain(|event| match event {
            Event::Answer {
                ticket,
                error,
                socket,
                value,
            } => {
                let answer = Answer {
                    error,
                    socket,
                    value,
                };
                match tickets.answer(ticket, answer) {
                    Due::Nothing => {}
                    Due::Name(told, handle) => {
                        match self.name(handle.slot % self.workers(), handle) {
                            Some(name) => told.set_name(name),
                            None => told.fail(0),
                        }
                    }
                    Due::Close(socket) => {
                        let worker = socket.slot % self.workers();
                        departing.push(worker, Command::Close { socket });
                    }
                }
            }
            Event::Info {
                ticket,
                page,
                words,
            } => tickets.page(ticket, page, words),
            Event::Granted { socket, grant } => {
                if let Some(Ok(name)) = asking.get(&socket).and_then(|told| told.name()) {
                    lock(&name.grants).push_back(grant);
                }
            }
            // Who waits for it looks at the state.
            Event::Ready { .. } => {}
        });
        let any = drained.map_err(broken)?.count > 0;
        if any {
            self.changed.notify_all();
            self.send_departing(inner)?;
            self.call_courier(inner);
        }
        Ok(any)
    }
}
