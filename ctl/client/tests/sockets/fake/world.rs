//! Sockets of the daemon in this process, and the network between them: bytes in flight, bounded, in order.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use coremill_ring::accept_ring::{Offer, Offers};
use coremill_ring::command::{Command, Direction};
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::info::Info;
use coremill_ring::layout::Layout;
use coremill_ring::lender::Lender;
use coremill_ring::receive_queue::ReceiveQueue;
use coremill_ring::send_lease::SendLease;
use coremill_ring::socket_state::{Condition, Flags, StateWriter};
use coremill_ring::untrusted::Violation;
use coremill_ring::words::SharedWrite;
use rustix::io::Errno;

/// Everything.
pub struct World {
    layout: Layout,
    daemon: SharedWrite,
    application: SharedWrite,
    receive_chunks: Lender,
    send_chunks: Lender,
    slots: Vec<(u32, Option<Socket>)>,
    next_port: u16,
    next_listener: u32,
    /// What was set, by slot and number.
    options: BTreeMap<(u32, u32), u64>,
}

struct Socket {
    handle: Handle,
    worker: u32,
    state: StateWriter,
    condition: Condition,
    local: Option<SocketAddr>,
    listener: Option<Vec<Offers>>,
    /// Slot of the other end.
    peer: Option<u32>,
    receive: ReceiveQueue,
    lease: SendLease,
    received: u64,
    sent: u64,
    delivered: u64,
    in_flight: VecDeque<u8>,
    fin: bool,
    closed: bool,
    wanted: Option<usize>,
    /// Notifier and ticket.
    subscriptions: Vec<(u32, u64)>,
    changed: bool,
}

impl World {
    pub fn new(layout: Layout, daemon: SharedWrite, application: SharedWrite) -> Self {
        let shape = *layout.shape();
        Self {
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

    /// Moves bytes in flight to where they go; true when any moved.
    pub fn deliver(&mut self) -> bool {
        let mut moved = false;
        for slot in 0..u32::try_from(self.slots.len()).expect("small") {
            moved |= self.grant(slot) | self.deliver_from(slot);
        }
        moved
    }

    fn deliver_from(&mut self, slot: u32) -> bool {
        let Some(mut from) = self.slots[slot as usize].1.take() else {
            return false;
        };
        let mut moved = false;
        if let Some(peer) = from.peer {
            let to = self.slots[peer as usize]
                .1
                .as_mut()
                .expect("a peer lives as long");
            let room = usize::try_from(WINDOW - to.receive.unread().min(WINDOW)).expect("small");
            let bytes: Vec<u8> = from.in_flight.iter().copied().take(room).collect();
            let count = match to.closed {
                true => bytes.len(),
                false => {
                    let memory = (&self.daemon, &self.layout);
                    let books = (&mut self.receive_chunks, &to.state);
                    let count = to.receive.write_at(to.received, &bytes, memory, books);
                    to.receive.publish(count, &to.state);
                    to.received += count as u64;
                    count
                }
            };
            if count > 0 {
                from.in_flight.drain(..count);
                from.delivered += count as u64;
                from.state
                    .set_sent(from.sent, from.delivered, from.delivered + WINDOW);
                from.state.raise_writable();
                to.state.raise_readable();
                (from.changed, to.changed, moved) = (true, true, true);
            }
            if from.fin && from.in_flight.is_empty() && !to.condition.flags.contains(Flags::RDHUP) {
                to.add(Flags::RDHUP);
                from.add(Flags::DELIVERED);
                moved = true;
            }
        }
        let over = from.closed
            && from.peer.is_none_or(|peer| {
                self.slots[peer as usize]
                    .1
                    .as_ref()
                    .is_none_or(|peer| peer.closed)
            });
        if !over {
            self.slots[slot as usize].1 = Some(from);
        } else if let Some(peer) = from.peer {
            self.slots[peer as usize].1 = None;
        }
        moved
    }

    /// Grants what was asked for, if there is any.
    fn grant(&mut self, slot: u32) -> bool {
        let Self {
            slots, send_chunks, ..
        } = self;
        let Some(socket) = &mut slots[slot as usize].1 else {
            return false;
        };
        socket.changed |= socket.wanted.is_some() && !socket.closed;
        let _ = send_chunks;
        false
    }

    /// Shows what changed to `post`, with notifier and worker; it says whether the event need not be shown again.
    pub fn changed(&mut self, mut post: impl FnMut((u32, u32), u32, &Event) -> bool) {
        let Self {
            slots, send_chunks, ..
        } = self;
        for (slot, (_, socket)) in (0..).zip(slots) {
            let Some(socket) = socket.as_mut().filter(|socket| socket.changed) else {
                continue;
            };
            socket.changed = false;
            while let Some(wanted) = socket.wanted {
                let Some(grant) = socket.lease.grant(wanted, send_chunks) else {
                    break;
                };
                let event = Event::Granted {
                    socket: socket.handle,
                    grant,
                };
                // As an event that stands for itself: under a number of its own, which no subscription has.
                assert!(
                    post((0, socket.worker), u32::MAX, &event),
                    "room for a grant"
                );
                socket.wanted = None;
            }
            socket.changed |= socket.wanted.is_some();
            for (notifier, ticket) in &socket.subscriptions {
                let event = Event::Ready {
                    ticket: *ticket,
                    socket: socket.handle,
                    flags: socket.condition.flags,
                    received: socket.received,
                    acknowledged: socket.delivered,
                    unread: None,
                };
                socket.changed |= !post((*notifier, socket.worker), slot, &event);
            }
        }
    }

    pub fn has_changed(&self) -> bool {
        let mut sockets = self.slots.iter().filter_map(|(_, socket)| socket.as_ref());
        sockets.any(|socket| socket.changed)
    }

    fn open(&mut self, worker: u32) -> Result<Handle, Errno> {
        let free = self.slots.iter().position(|(_, socket)| socket.is_none());
        let slot = u32::try_from(free.ok_or(Errno::MFILE)?).expect("small");
        let place = &mut self.slots[slot as usize];
        place.0 += 1;
        let handle = Handle {
            memory: 0,
            slot,
            generation: place.0,
        };
        let state = StateWriter::new(self.daemon.part(self.layout.socket(slot).expect("a slot")));
        let condition = Condition {
            worker: u16::try_from(worker).expect("small"),
            ..Condition::default()
        };
        state.open(handle, condition);
        place.1 = Some(Socket {
            handle,
            worker,
            state,
            condition,
            local: None,
            listener: None,
            peer: None,
            receive: ReceiveQueue::default(),
            lease: SendLease::default(),
            received: 0,
            sent: 0,
            delivered: 0,
            in_flight: VecDeque::new(),
            fin: false,
            closed: false,
            wanted: None,
            subscriptions: Vec::new(),
            changed: false,
        });
        Ok(handle)
    }

    fn bind(&mut self, socket: Handle, mut local: SocketAddr) -> Result<(), Errno> {
        if local.port() == 0 {
            self.next_port += 1;
            local.set_port(self.next_port);
        }
        if self
            .sockets()
            .any(|other| other.local == Some(local) && !other.closed)
        {
            return Err(Errno::ADDRINUSE);
        }
        let socket = self.socket(socket)?;
        socket.local = Some(local);
        socket.state.set_local(local);
        Ok(())
    }

    fn listen(&mut self, socket: Handle) -> Result<u32, Errno> {
        let number = self.next_listener;
        let offers = |worker| {
            let slots = self.daemon.part(self.layout.accept_slots(number, worker)?);
            Some(Offers::new(
                slots,
                self.application
                    .part(self.layout.claims(number, worker)?)
                    .reader(),
            ))
        };
        let offers: Option<_> = (0..self.layout.shape().workers).map(offers).collect();
        self.socket(socket)?.listener = Some(offers.ok_or(Errno::MFILE)?);
        self.next_listener += 1;
        Ok(number)
    }

    fn connect(&mut self, socket: Handle, remote: SocketAddr) -> Result<(), Errno> {
        if self.socket(socket)?.local.is_none() {
            self.bind(socket, "10.0.0.1:0".parse().expect("an address"))?;
        }
        let local = self.socket(socket)?.local.ok_or(Errno::INVAL)?;
        let listener = self
            .sockets()
            .find(|other| other.listener.is_some() && other.local == Some(remote) && !other.closed);
        let Some(listener) = listener.map(|listener| listener.handle) else {
            let socket = self.socket(socket)?;
            socket.condition.error =
                u16::try_from(Errno::CONNREFUSED.raw_os_error()).expect("small");
            socket.add(Flags::ERR.and(Flags::HUP));
            return Ok(());
        };
        // To every worker in turn.
        let worker = u32::from(local.port()) % self.layout.shape().workers;
        let accepted = self.open(worker)?;
        let offer = Offer {
            socket: accepted,
            remote: local,
            local: remote,
        };
        let listener = self.socket(listener)?;
        listener.changed = true;
        let offers = listener.listener.as_mut().expect("a listener");
        if !offers[worker as usize].offer(&offer) {
            self.slots[accepted.slot as usize].1 = None;
            return Err(Errno::AGAIN);
        }
        for (end, other, address) in [(socket, accepted, local), (accepted, socket, remote)] {
            let end = self.socket(end)?;
            end.peer = Some(other.slot);
            end.local = (end.handle == socket).then_some(address);
            end.state.set_local(address);
            end.state.set_sent(0, 0, WINDOW);
            end.add(Flags::CONNECTED);
        }
        Ok(())
    }

    fn connect_new(
        &mut self,
        worker: u32,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<Handle, Errno> {
        let handle = self.open(worker)?;
        let bound = local.map_or(Ok(()), |local| self.bind(handle, local));
        let connected = bound.and_then(|()| self.connect(handle, remote));
        match connected {
            Ok(()) => Ok(handle),
            Err(error) => {
                self.slots[handle.slot as usize].1 = None;
                Err(error)
            }
        }
    }

    fn info(&mut self, socket: Handle) -> Result<Info, Errno> {
        let socket = self.socket(socket)?;
        Ok(Info {
            state: if socket.fin { 5 } else { 1 },
            round_trip_us: 42,
            backoff: 3,
            ecn_received: [0, 0, 0, 9],
            received_bytes: socket.received,
            sent_bytes: socket.sent,
            acknowledged_bytes: socket.delivered,
            slow_start_threshold_bytes: u32::MAX,
            ..Info::default()
        })
    }

    fn take(
        &mut self,
        worker: u32,
        listener: Handle,
        slot: u32,
        round: u64,
    ) -> Result<Handle, Errno> {
        let offers = self
            .socket(listener)?
            .listener
            .as_mut()
            .ok_or(Errno::INVAL)?;
        let taken = offers[worker as usize].take(slot, round, 0);
        taken.map(|offer| offer.socket).map_err(|_| Errno::AGAIN)
    }

    fn send(&mut self, socket: Handle, offset: u64, bytes: &[u8]) -> Result<(), Violation> {
        let Some(socket) = find(&mut self.slots, socket) else {
            return Ok(());
        };
        if offset != socket.sent || socket.sent + bytes.len() as u64 > socket.delivered + WINDOW {
            return Err(Violation::CountBeyond);
        }
        socket.sent += bytes.len() as u64;
        socket.in_flight.extend(bytes);
        Ok(())
    }

    fn read(&mut self, socket: Handle, read: u64) -> Result<(), Violation> {
        let Self {
            slots,
            receive_chunks,
            ..
        } = self;
        if let Some(socket) = find(slots, socket) {
            socket
                .receive
                .give_back(read, receive_chunks, &socket.state)?;
        }
        Ok(())
    }

    fn close(&mut self, socket: Handle) {
        let Self {
            slots,
            receive_chunks,
            send_chunks,
            ..
        } = self;
        let Some(socket) = find(slots, socket) else {
            return;
        };
        let unread = socket.receive.unread() > 0;
        socket.receive.clear(receive_chunks, &socket.state);
        socket.lease.clear(send_chunks);
        socket.state.close();
        (socket.closed, socket.fin, socket.wanted) = (true, true, None);
        socket.subscriptions.clear();
        if let Some(peer) = socket.peer.filter(|_| unread)
            && let Some(peer) = &mut slots[peer as usize].1
        {
            peer.condition.error = u16::try_from(Errno::CONNRESET.raw_os_error()).expect("small");
            peer.add(Flags::ERR.and(Flags::HUP));
        }
    }

    fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.slots.iter().filter_map(|(_, socket)| socket.as_ref())
    }

    fn socket(&mut self, socket: Handle) -> Result<&mut Socket, Errno> {
        find(&mut self.slots, socket).ok_or(Errno::BADF)
    }
}

impl Socket {
    fn add(&mut self, flags: Flags) {
        self.condition.flags = self.condition.flags.and(flags);
        self.state.set_condition(self.condition);
        self.state.raise_readable();
        self.state.raise_writable();
        self.changed = true;
    }
}

fn find(slots: &mut [(u32, Option<Socket>)], socket: Handle) -> Option<&mut Socket> {
    let (_, found) = slots.get_mut(socket.slot as usize)?;
    found
        .as_mut()
        .filter(|found| found.handle == socket && !found.closed)
}

/// Bytes that may be in flight, and as many unread.
const WINDOW: u64 = 64 << 10;
