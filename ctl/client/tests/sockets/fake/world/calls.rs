//! What sockets are asked to do.

use std::collections::VecDeque;
use std::net::SocketAddr;

use coremill_ring::accept_ring::{Offer, Offers};
use coremill_ring::handle::Handle;
use coremill_ring::info::Info;
use coremill_ring::receive_queue::ReceiveQueue;
use coremill_ring::send_lease::SendLease;
use coremill_ring::socket_state::{Condition, Flags, StateWriter};
use rustix::io::Errno;

use super::World;
use super::socket::{Socket, find};
use super::traffic::WINDOW;

impl World {
    pub(super) fn open(&mut self, worker: u32) -> Result<Handle, Errno> {
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
        self.locals.set(slot, None);
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

    pub(super) fn bind(&mut self, socket: Handle, mut local: SocketAddr) -> Result<(), Errno> {
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
        self.socket(socket)?.local = Some(local);
        self.locals.set(socket.slot, Some(local));
        Ok(())
    }

    pub(super) fn listen(&mut self, socket: Handle) -> Result<u32, Errno> {
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

    pub(super) fn connect(&mut self, socket: Handle, remote: SocketAddr) -> Result<(), Errno> {
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
            self.locals.set(end.slot, Some(address));
            let end = self.socket(end)?;
            end.peer = Some(other.slot);
            end.local = (end.handle == socket).then_some(address);
            end.state.set_sent(0, 0, WINDOW);
            end.add(Flags::CONNECTED);
        }
        Ok(())
    }

    pub(super) fn connect_new(
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

    pub(super) fn info(&mut self, socket: Handle) -> Result<Info, Errno> {
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

    pub(super) fn take(
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

    pub(super) fn close(&mut self, socket: Handle) {
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
}
