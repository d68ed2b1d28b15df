//! Carrying out commands of the control thread: a few a turn, each a bounded slice of work, the answer
//! in the vector that came with the question.

use crate::applications::{AttachmentId, Left};
use crate::clock::Clock;
use crate::command::{Command, SocketFilter};
use crate::nic::Port;
use crate::options::RouteOptions;
use crate::routes::{Route, Routes};
use crate::snapshot::{ConnectionRow, Cursor, DestinationRow, ListenerRow};
use crate::worker::Worker;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Carries out waiting commands as long as their answers find room; gives their number.
    pub(crate) fn carry_out_commands(&mut self) -> usize {
        let mut done = 0;
        // A look at what is empty costs less than a try to take something.
        while done < self.turn.commands_max
            && !self.mailbox.commands.is_empty()
            && !self.mailbox.answers.is_full()
        {
            let Some(command) = self.mailbox.commands.pop() else {
                break;
            };
            let answer = self.carry_out(command);
            // There was room, and nobody else answers here.
            if self.mailbox.answers.push(answer).is_ok() {
                self.mailbox.answered.write();
            }
            self.counters.engine.commands.increment();
            done += 1;
        }
        done
    }

    fn carry_out(&mut self, command: Command) -> Command {
        match command {
            Command::Sockets {
                filter,
                cursor,
                rows,
            } => self.list_sockets(filter, cursor, rows),
            Command::Listeners { rows } => self.list_listeners(rows),
            Command::Neighbors { start, mut rows } => {
                let start = self.neighbors.rows(self.now, start.unwrap_or(0), &mut rows);
                Command::Neighbors { start, rows }
            }
            Command::Destinations { start, rows } => self.list_destinations(start, rows),
            Command::ForgetDestinations { address, .. } => Command::ForgetDestinations {
                address,
                forgotten: self.shard.forget_destinations(address),
            },
            Command::FastOpenKeys { present, previous } => {
                self.shard.set_fast_open_keys(&present, previous.as_ref());
                Command::FastOpenKeys { present, previous }
            }
            Command::Routes { mut rows } => {
                self.routes.rows(&mut |row| {
                    if rows.len() < rows.capacity() {
                        rows.push(row);
                    }
                });
                Command::Routes { rows }
            }
            Command::Services { mut rows } => {
                self.services.rows(&mut rows);
                Command::Services { rows }
            }
            Command::AddRoute(options) => {
                self.add_route(&options);
                Command::AddRoute(options)
            }
            Command::RemoveRoute(options) => {
                // A route that is not there is as good as removed; `Routes` shows what is.
                let _absent = self.routes.remove(options.network, options.prefix_length);
                self.routes_changed();
                Command::RemoveRoute(options)
            }
            Command::Attach(domain) => {
                Command::Attach(domain.and_then(|domain| self.applications.attach(domain)))
            }
            Command::Detach { attachment, .. } => self.detach(attachment),
            Command::Applications { mut rows } => {
                self.applications.rows(&mut rows);
                Command::Applications { rows }
            }
            Command::Drain => {
                self.services.drain(self.now, &mut self.shard);
                self.with_applications(|applications, turn| applications.drain(turn));
                Command::Drain
            }
            Command::Stop => {
                self.services.drain(self.now, &mut self.shard);
                self.with_applications(|applications, turn| applications.drain(turn));
                self.stopping = true;
                Command::Stop
            }
        }
    }

    fn detach(&mut self, attachment: AttachmentId) -> Command {
        let (left, domain) =
            self.with_applications(|applications, turn| applications.detach(attachment, turn));
        Command::Detach {
            attachment,
            is_finished: left == Left::Nothing,
            still_sends: left == Left::Senders,
            domain,
        }
    }

    fn list_listeners(&mut self, mut rows: Vec<ListenerRow>) -> Command {
        self.shard.listener_rows(&mut |row| {
            if rows.len() < rows.capacity() {
                rows.push(*row);
            }
        });
        Command::Listeners { rows }
    }

    fn list_destinations(&self, start: Option<usize>, mut rows: Vec<DestinationRow>) -> Command {
        let mut place = start.unwrap_or(0);
        let places_max = (rows.capacity() - rows.len()).min(SLOTS_MAX);
        let more = self
            .shard
            .destination_rows(self.now, &mut place, places_max, &mut |row| rows.push(*row));
        let start = more.then_some(place);
        Command::Destinations { start, rows }
    }

    fn list_sockets(
        &mut self,
        filter: SocketFilter,
        cursor: Option<Cursor>,
        mut rows: Vec<ConnectionRow>,
    ) -> Command {
        let mut cursor = cursor.unwrap_or_default();
        let slots_max = (rows.capacity() - rows.len()).min(SLOTS_MAX);
        let more = self
            .shard
            .connection_rows(self.now, &mut cursor, slots_max, &mut |row| {
                if rows.len() < rows.capacity() && matches(&filter, row) {
                    rows.push(*row);
                }
            });
        let cursor = more.then_some(cursor);
        Command::Sockets {
            filter,
            cursor,
            rows,
        }
    }

    /// Resets every connection and sends the RSTs as far as the ports take them: the peers shall not
    /// wait for a host that is gone.
    pub(crate) fn reset_connections(&mut self) {
        let mut slot = 0;
        loop {
            let more = self.shard.abort_slice(self.now, &mut slot, ABORT_SLOTS);
            self.transmit();
            // Whoever is here too is reset too; its RST would stand in the way of the others'.
            self.inside.clear();
            if !more {
                break;
            }
        }
    }

    fn add_route(&mut self, options: &RouteOptions) {
        if let Some(slot_source) = self.local.first(options.port, options.network)
            && self.ports.len() > options.port
        {
            let source = options.source.unwrap_or(slot_source);
            // A full table or a route that cannot be is left out; `Routes` shows what was taken.
            let _refused = self.routes.add(route_of(options, source));
            self.routes_changed();
        }
    }
}

/// The route that `options` ask for, with its source found.
pub(crate) fn route_of(options: &RouteOptions, source: std::net::IpAddr) -> Route {
    Route {
        network: options.network,
        prefix_length: options.prefix_length,
        gateway: options.gateway,
        port: options.port,
        source,
        local_through_port: options.local_through_port,
    }
}

fn matches(filter: &SocketFilter, row: &ConnectionRow) -> bool {
    let ends = [row.flow.local, row.flow.remote];
    filter.state.is_none_or(|state| state == row.state)
        && filter
            .address
            .is_none_or(|address| ends.iter().any(|end| end.address == address))
        && filter
            .port
            .is_none_or(|port| ends.iter().any(|end| end.port == port))
}

/// Slots of the shard's tables looked at for one command.
const SLOTS_MAX: usize = 256;
/// Connections reset between two bursts: no more than a burst holds.
const ABORT_SLOTS: u32 = 32;
