//! Sockets before they are connections: opened, bound, listening, connecting, with subscriptions.

use std::net::SocketAddr;

use coremill_ring::handle::Handle;
use coremill_ring::socket_state::Flags;
use coremill_ring::untrusted::Violation;
use coremill_tcp::options::ConnectOptions;
use coremill_tcp::options::sets::Chosen;
use rustix::io::Errno;

use super::agreement::{Agreed, Phase};
use super::domain::Domain;
use super::errno;
use super::keys::connect_with_keys;
use super::listening::Asked;
use super::socket_table::{Kind, Place};
use super::stream::Stream;
use super::subscribers::{FAILED, READABLE, Subscribers, Subscription, WRITABLE, interest};
use super::turn::Turn;

/// What a command is answered with: a socket and a number, or Linux's number of the error.
pub(super) type Answer = Result<(Option<Handle>, u64), u16>;

impl Domain {
    /// A new socket.
    pub(super) fn open(&mut self) -> Answer {
        let options = Chosen::default();
        let opened = self
            .sockets
            .open(Kind::Unconnected { options }, Flags::default());
        let handle = opened.ok_or(errno::number(Errno::MFILE))?;
        Ok((Some(handle), 0))
    }

    /// Gives a socket its local address, which must be one of ours, or any.
    pub(super) fn bind(
        &mut self,
        handle: Handle,
        local: SocketAddr,
        turn: &mut Turn<'_>,
    ) -> Answer {
        let Place { slot, .. } = self
            .sockets
            .find(handle)
            .ok_or(errno::number(Errno::BADF))?;
        let socket = slot.socket.as_mut().ok_or(errno::number(Errno::BADF))?;
        let is_unconnected = matches!(socket.kind, Kind::Unconnected { .. });
        if !is_unconnected || self.sockets.local(handle.slot).is_some() {
            return Err(errno::number(Errno::INVAL));
        }
        if !local.ip().is_unspecified() && !turn.opening.is_local(local.ip()) {
            return Err(errno::number(Errno::ADDRNOTAVAIL));
        }
        self.sockets.set_local(handle.slot, local);
        Ok((Some(handle), 0))
    }

    /// Asks for a listener on all workers, or changes its backlog.
    pub(super) fn listen(
        &mut self,
        handle: Handle,
        backlog: u32,
        (ticket, context): (u64, u32),
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let backlog = (backlog as usize).min(BACKLOG_MAX);
        let attachment = self.attachment.clone();
        let mut table = attachment.agreements.table();
        let number = match self.agree(handle, backlog, &mut table, Asked { ticket, context }) {
            Ok(number) => number,
            Err(error) => return self.answer(context, ticket, Err(errno::number(error))),
        };
        attachment.agreements.changed();
        turn.wake_all();
        drop(table);
        match number {
            // Another backlog: nothing to wait for.
            Some(number) => self.answer(context, ticket, Ok((Some(handle), u64::from(number)))),
            None => Ok(()),
        }
    }

    /// Writes into the table what is asked for; gives the number when it is there already.
    fn agree(
        &mut self,
        handle: Handle,
        backlog: usize,
        table: &mut [Agreed],
        asked: Asked,
    ) -> Result<Option<u32>, Errno> {
        let local = self.sockets.local(handle.slot);
        let Place { slot, pairs, .. } = self.sockets.find(handle).ok_or(Errno::BADF)?;
        let socket = slot.socket.as_mut().ok_or(Errno::BADF)?;
        match &socket.kind {
            Kind::Stream(_) => Err(Errno::INVAL),
            Kind::Listener { number } => {
                let number = *number;
                let listening = self.listening.get(number as usize);
                if listening.is_some_and(|listening| listening.asked.is_some()) {
                    return Err(Errno::ALREADY);
                }
                let agreed = table.get_mut(number as usize).ok_or(Errno::BADF)?;
                agreed.backlog = backlog;
                Ok(Some(number))
            }
            Kind::Unconnected { .. } => {
                let free = |agreed: &(u32, &mut Agreed)| agreed.1.phase == Phase::Free;
                let (number, agreed) = (0..).zip(table).find(free).ok_or(Errno::NOBUFS)?;
                let mut keys = self.attachment.agreements.keys();
                self.keys
                    .give(handle.slot, &mut keys, number)
                    .map_err(|_| Errno::NOMEM)?;
                drop(keys);
                let any = SocketAddr::from(([0, 0, 0, 0], 0));
                agreed.phase = Phase::Asked;
                agreed.socket = Some(handle);
                agreed.local = local.unwrap_or(any);
                agreed.backlog = backlog;
                agreed.subscribers = Subscribers::default();
                for subscription in socket.subscribers.iter(pairs) {
                    agreed.subscribers.set(subscription);
                }
                agreed.having = 0;
                agreed.options = self.sockets.become_other(handle, Kind::Listener { number });
                self.sockets.listeners += 1;
                if let Some(listening) = self.listening.get_mut(number as usize) {
                    listening.asked = Some(asked);
                }
                Ok(None)
            }
        }
    }

    /// Begins a connection from this worker: a source port is chosen whose answers come here.
    pub(super) fn connect(
        &mut self,
        handle: Handle,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) -> Answer {
        self.try_connect(handle, remote, turn)?;
        self.look_after(handle.slot, turn)
            .map_err(|_| errno::number(Errno::INVAL))?;
        Ok((Some(handle), 0))
    }

    /// A new socket that connects; none when it cannot.
    pub(super) fn connect_new(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) -> Answer {
        let opened = self.open()?;
        let handle = opened.0.ok_or(errno::number(Errno::MFILE))?;
        let bound = local.map_or(Ok(opened), |local| self.bind(handle, local, turn));
        let connecting = bound.and_then(|_| self.connect(handle, remote, turn));
        if connecting.is_err() {
            self.close(handle, turn);
        }
        connecting
    }

    fn try_connect(
        &mut self,
        handle: Handle,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) -> Result<(), u16> {
        let cookie = self.socket_cookie(handle.slot);
        // Of one that is no connection yet; of others it is found out below what they are.
        let socket_options = self.sockets.options(handle).unwrap_or_default();
        let Place { slot, .. } = self
            .sockets
            .find(handle)
            .ok_or(errno::number(Errno::BADF))?;
        let socket = slot.socket.as_mut().ok_or(errno::number(Errno::BADF))?;
        match &socket.kind {
            Kind::Unconnected { .. } => {}
            Kind::Listener { .. } => return Err(errno::number(Errno::ISCONN)),
            Kind::Stream(_) if socket.flags.contains(Flags::CONNECTED) => {
                return Err(errno::number(Errno::ISCONN));
            }
            Kind::Stream(_) => return Err(errno::number(Errno::ALREADY)),
        }
        let way = turn.opening.path(remote.ip());
        let (source, mtu) = way.ok_or(errno::number(Errno::NETUNREACH))?;
        let bound = self.sockets.local(handle.slot);
        let source = bound.map_or(source, |local| match local.ip() {
            any if any.is_unspecified() => source,
            own => own,
        });
        let options = ConnectOptions {
            source,
            source_port: bound.map(|local| local.port()).filter(|port| *port != 0),
            remote: remote.into(),
            mtu,
            cookie,
            socket: socket_options,
        };
        if let Some(port) = options.source_port {
            let local = coremill_tcp::Endpoint::new(source, port);
            let flow = coremill_tcp::Flow {
                local,
                remote: options.remote,
            };
            if !turn.opening.comes_home(&flow) {
                // Its answers would come to another worker, which knows nothing of this socket.
                return Err(errno::number(Errno::ADDRNOTAVAIL));
            }
        }
        let connection = connect_with_keys(&mut self.keys, handle.slot, &options, turn)?;
        if let Some(flow) = turn.shard.flow(connection) {
            let local = SocketAddr::new(flow.local.address, flow.local.port);
            self.sockets.set_local(handle.slot, local);
        }
        let stream = Kind::Stream(Stream::new(connection, false));
        self.sockets.become_other(handle, stream);
        Ok(())
    }

    /// From now on a notifier hears of a socket; at once, if there is something to hear.
    pub(super) fn subscribe(
        &mut self,
        handle: Handle,
        (notifier, asked, ticket): (u32, u32, u64),
        turn: &mut Turn<'_>,
    ) -> Result<(), Errno> {
        if notifier as usize >= self.mails.len() {
            return Err(Errno::INVAL);
        }
        let Place {
            state, slot, pairs, ..
        } = self.sockets.find(handle).ok_or(Errno::BADF)?;
        let socket = slot.socket.as_mut().ok_or(Errno::BADF)?;
        let subscription = Subscription {
            notifier,
            interest: interest(asked),
            ticket,
        };
        if let Kind::Listener { number } = socket.kind {
            let is_set = self.change_subscribers(number, turn, |all| all.set(subscription));
            return if is_set { Ok(()) } else { Err(Errno::NOSPC) };
        }
        if !socket.subscribers.set(pairs, subscription) {
            return Err(Errno::NOSPC);
        }
        match &mut socket.kind {
            Kind::Unconnected { .. } | Kind::Listener { .. } => {}
            Kind::Stream(stream) => {
                let mut edges = 0;
                if stream.unread(&self.chunks) > 0 {
                    edges |= READABLE;
                }
                if stream.has_room(state) {
                    edges |= WRITABLE;
                }
                let open = Flags::CONNECTED.and(Flags::DELIVERED);
                if socket.flags.without(open) != Flags::default() {
                    edges |= READABLE | FAILED;
                }
                if socket.flags.contains(Flags::ERR) || socket.flags.contains(Flags::DELIVERED) {
                    edges |= WRITABLE;
                }
                self.mark(handle.slot, edges);
            }
        }
        Ok(())
    }

    /// A notifier hears no more of a socket.
    pub(super) fn unsubscribe(&mut self, handle: Handle, notifier: u32, turn: &mut Turn<'_>) {
        let place = self.sockets.find(handle);
        let socket = place.and_then(|place| Some((place.slot.socket.as_mut()?, place.pairs)));
        let Some((socket, pairs)) = socket else {
            self.counts.commands_refused += 1;
            return;
        };
        match socket.kind {
            Kind::Listener { number } => {
                self.change_subscribers(number, turn, |all| all.remove(notifier));
            }
            _ => socket.subscribers.remove(pairs, notifier),
        }
        self.forget_event(handle.slot, notifier);
    }

    /// An event that a former subscriber has not taken stands for no later one's, nor for the slot's next socket's.
    pub(super) fn forget_event(&mut self, number: u32, notifier: u32) {
        if let Some(mail) = self.mails.get_mut(notifier as usize) {
            mail.forget(number);
        }
    }

    /// Changes who hears of a listener, on all workers.
    fn change_subscribers<T: Default>(
        &mut self,
        number: u32,
        turn: &mut Turn<'_>,
        change: impl FnOnce(&mut Subscribers) -> T,
    ) -> T {
        let agreements = &self.attachment.agreements;
        let mut table = agreements.table();
        let Some(agreed) = table.get_mut(number as usize) else {
            return T::default();
        };
        let changed = change(&mut agreed.subscribers);
        agreements.changed();
        turn.wake_all();
        changed
    }
}

/// Connections that may wait for accept, whatever is asked for: Linux's net.core.somaxconn.
const BACKLOG_MAX: usize = 4_096;
