//! Sockets of the daemon in this process, and the network between them: bytes in flight, bounded, in order.

mod calls;
mod socket;
mod traffic;

use std::collections::BTreeMap;

use coremill_ring::command::{Command, Direction};
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::layout::Layout;
use coremill_ring::lender::Lender;
use coremill_ring::local_address::LocalWriter;
use coremill_ring::untrusted::Violation;
use coremill_ring::words::SharedWrite;
use rustix::io::Errno;

use socket::{Socket, find};

/// Everything.
pub struct World {
    layout: Layout,
    daemon: SharedWrite,
    locals: LocalWriter,
    application: SharedWrite,
    receive_chunks: Lender,
    send_chunks: Lender,
    slots: Vec<(u32, Option<Socket>)>,
    next_port: u16,
    next_listener: u32,
    /// What was set, by slot and number.
    options: BTreeMap<(u32, u32), u64>,
}

impl World {
    pub fn new(layout: Layout, daemon: SharedWrite, application: SharedWrite) -> Self {
        let shape = *layout.shape();
        Self {
            locals: LocalWriter::new(daemon.clone(), layout),
            layout,
            daemon,
            application,
            receive_chunks: Lender::new(&shape.receive_chunks),
            send_chunks: Lender::new(&shape.send_chunks),
            slots: (0..shape.sockets).map(|_| (0, None)).collect(),
            next_port: 40_000,
            next_listener: 0,
            options: BTreeMap::new(),
        }
    }

    /// Sockets held by the application, and chunks lent to it.
    pub fn held(&self) -> (usize, usize) {
        let sockets = self.slots.iter().filter_map(|(_, socket)| socket.as_ref());
        let held = sockets.filter(|socket| !socket.closed).count();
        (held, self.receive_chunks.lent() + self.send_chunks.lent())
    }

    pub fn obey(
        &mut self,
        worker: u32,
        command: &Command,
        payload: &[u8],
    ) -> Result<Vec<Event>, Violation> {
        let answer = |ticket, result: Result<(Option<Handle>, u64), Errno>| {
            let (socket, value) = result.unwrap_or_default();
            let error = result.map_or_else(
                |error| u16::try_from(error.raw_os_error()).expect("small"),
                |_| 0,
            );
            Ok(vec![Event::Answer {
                ticket,
                error,
                socket,
                value,
            }])
        };
        match *command {
            Command::Open { ticket } => {
                let handle = self.open(worker);
                answer(ticket, handle.map(|handle| (Some(handle), 0)))
            }
            Command::Bind {
                ticket,
                socket,
                local,
            } => {
                let result = self.bind(socket, local);
                answer(ticket, result.map(|()| (None, 0)))
            }
            Command::Listen { ticket, socket, .. } => {
                let result = self.listen(socket);
                answer(ticket, result.map(|number| (None, u64::from(number))))
            }
            Command::Connect {
                ticket,
                socket,
                remote,
            } => {
                let result = self.connect(socket, remote);
                answer(ticket, result.map(|()| (None, 0)))
            }
            Command::ConnectNew {
                ticket,
                local,
                remote,
            } => {
                let result = self.connect_new(worker, local, remote);
                answer(ticket, result.map(|handle| (Some(handle), 0)))
            }
            Command::Info { ticket, socket } => match self.info(socket) {
                Ok(info) => Ok((0..)
                    .zip(info.pages())
                    .map(|(page, words)| Event::Info {
                        ticket,
                        page,
                        words,
                    })
                    .collect()),
                Err(error) => answer(ticket, Err(error)),
            },
            Command::Take {
                ticket,
                listener,
                slot,
                round,
            } => {
                let result = self.take(worker, listener, slot, round);
                answer(ticket, result.map(|handle| (Some(handle), 0)))
            }
            Command::Shutdown {
                ticket,
                socket,
                direction,
            } => {
                let ended = self
                    .socket(socket)
                    .map(|socket| socket.fin |= direction != Direction::Receive);
                answer(ticket, ended.map(|()| (None, 0)))
            }
            Command::SetOption {
                ticket,
                socket,
                option,
                value,
            } => {
                let is_known = option != coremill_ring::option::RECEIVE_BUFFER;
                self.options.insert((socket.slot, option), value);
                let set = is_known.then_some((None, 0));
                answer(ticket, set.ok_or(Errno::NOPROTOOPT))
            }
            Command::GetOption {
                ticket,
                socket,
                option,
            } => {
                let value = self.options.get(&(socket.slot, option));
                answer(ticket, Ok((None, value.copied().unwrap_or(0))))
            }
            _ => self.obey_silently(command, payload).map(|()| Vec::new()),
        }
    }

    fn obey_silently(&mut self, command: &Command, payload: &[u8]) -> Result<(), Violation> {
        match *command {
            Command::Send {
                socket,
                offset,
                read,
            }
            | Command::SendMarked {
                socket,
                offset,
                read,
                ..
            } => {
                self.read(socket, read)?;
                self.send(socket, offset, payload)
            }
            Command::SendFilled {
                socket,
                offset,
                read,
                filled,
                ..
            } => {
                self.read(socket, read)?;
                let Self {
                    application,
                    layout,
                    send_chunks,
                    slots,
                    ..
                } = self;
                let Some(found) = find(slots, socket) else {
                    return Ok(());
                };
                let start = found.lease.filled();
                let mut bytes = vec![0; usize::try_from(found.lease.fill(filled)?).expect("small")];
                let copied =
                    found
                        .lease
                        .copy_out(start, &mut bytes, (application, layout), send_chunks);
                assert_eq!(copied, bytes.len());
                found.lease.finish(filled, send_chunks);
                self.send(socket, offset, &bytes)
            }
            Command::GiveBack { socket, filled } => {
                let Self {
                    send_chunks, slots, ..
                } = self;
                let Some(found) = find(slots, socket) else {
                    return Ok(());
                };
                found.lease.fill(filled)?;
                found.lease.finish(filled, send_chunks);
                Ok(())
            }
            Command::Read { socket, read } => self.read(socket, read),
            Command::WantRoom { socket, bytes } => {
                if let Some(found) = find(&mut self.slots, socket) {
                    found.wanted = Some(bytes as usize);
                }
                Ok(())
            }
            Command::Close { socket } => {
                self.close(socket);
                Ok(())
            }
            Command::Subscribe {
                ticket,
                socket,
                notifier,
                ..
            } => {
                if let Some(found) = find(&mut self.slots, socket) {
                    found.subscriptions.retain(|(known, _)| *known != notifier);
                    found.subscriptions.push((notifier, ticket));
                    found.changed = true;
                }
                Ok(())
            }
            Command::Unsubscribe { socket, notifier } => {
                if let Some(found) = find(&mut self.slots, socket) {
                    found.subscriptions.retain(|(known, _)| *known != notifier);
                }
                Ok(())
            }
            _ => Err(Violation::UnknownKind),
        }
    }

    fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.slots.iter().filter_map(|(_, socket)| socket.as_ref())
    }

    fn socket(&mut self, socket: Handle) -> Result<&mut Socket, Errno> {
        find(&mut self.slots, socket).ok_or(Errno::BADF)
    }
}
