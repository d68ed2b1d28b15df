//! A domain's listeners on one worker: carrying out what the workers agreed on, and offering connections.

use coremill_ring::accept_ring::{Offer, Offers};
use coremill_ring::handle::Handle;
use coremill_ring::socket_state::Flags;
use coremill_ring::untrusted::Violation;
use coremill_tcp::error::ListenError;
use coremill_tcp::options::ListenOptions;
use coremill_tcp::options::sets::Chosen;
use coremill_tcp::{Endpoint, ListenerId};
use rustix::io::Errno;

use super::agreement::{Agreed, Agreements, Phase};
use super::domain::Domain;
use super::errno;
use super::socket_table::{Kind, Place, Slot};
use super::stream::{Holder, Stream};
use super::subscribers::{READABLE, Subscribers};
use super::turn::Turn;

/// A listener's number on this worker.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) offers: Offers,
    pub(super) open: Option<OpenListener>,
    /// The answer to Listen, which is due once every worker listens.
    pub(super) asked: Option<Asked>,
}

/// A command whose answer is due later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) ticket: u64,
    pub(super) context: u32,
}

/// A listener that is open on this worker.
#[derive(Debug)]
pub(super) struct OpenListener {
    pub(super) id: ListenerId,
    pub(super) socket: Handle,
    pub(super) subscribers: Subscribers,
    /// The shard's queue may hold connections.
    pub(super) is_acceptable: bool,
    /// There is something to tell.
    pub(super) edges: u16,
}

impl Domain {
    /// Carries out what changed about listeners since the last turn.
    pub(super) fn follow_agreements(&mut self, turn: &mut Turn<'_>) -> Result<(), Violation> {
        let attachment = self.attachment.clone();
        let agreements = &attachment.agreements;
        let mut table = agreements.table();
        // Changes are made under the lock alone, so that this is the version of what is seen.
        self.followed = agreements.version();
        self.is_behind = false;
        let mut changed = false;
        for (number, agreed) in (0_u32..).zip(table.iter_mut()) {
            changed |= self.follow(number, agreed, turn)?;
        }
        if changed {
            agreements.changed();
            turn.wake_all();
        }
        Ok(())
    }

    fn follow(
        &mut self,
        number: u32,
        agreed: &mut Agreed,
        turn: &mut Turn<'_>,
    ) -> Result<bool, Violation> {
        let attachment = self.attachment.clone();
        let is_open = self.open_listener(number).is_some();
        match agreed.phase {
            Phase::Free => Ok(false),
            Phase::Asked if self.worker != 0 || self.is_leaving => Ok(false),
            Phase::Asked => {
                agreed.phase = match self.listen_here(number, agreed, turn) {
                    Ok(()) => Phase::Agreed,
                    Err(error) => Phase::Refused(errno::of_listen(error)),
                };
                self.conclude(number, agreed)?;
                Ok(true)
            }
            Phase::Agreed if !is_open && !self.is_leaving => {
                match self.listen_here(number, agreed, turn) {
                    Ok(()) => {}
                    // Another's is about to be closed here, as it was on the first worker.
                    Err(ListenError::AddressInUse(_)) => {
                        self.is_behind = true;
                        return Ok(false);
                    }
                    Err(error) => agreed.phase = Phase::Refused(errno::of_listen(error)),
                }
                self.conclude(number, agreed)?;
                Ok(true)
            }
            Phase::Agreed => {
                if let Some(open) = self.open_listener(number) {
                    let (socket, before) = (open.socket, open.subscribers);
                    for subscription in before.iter() {
                        self.forget_event(socket.slot, subscription.notifier);
                    }
                }
                if let Some(open) = self.open_listener(number) {
                    open.subscribers = agreed.subscribers;
                    open.edges |= READABLE;
                    // It is there; an error there is none.
                    let _same = turn.shard.set_backlog(open.id, agreed.backlog);
                    let _there = turn.shard.set_listener_options(open.id, agreed.options);
                    give_keys(number, open.id, &attachment.agreements, turn);
                }
                self.has_listener_edges = true;
                self.conclude(number, agreed)?;
                Ok(false)
            }
            Phase::Refused(_) | Phase::Closing => {
                if is_open {
                    self.close_here(number, turn);
                    agreed.having = agreed.having.saturating_sub(1);
                }
                self.conclude(number, agreed)?;
                Ok(is_open)
            }
        }
    }

    /// Answers who asked, if that was here, and ends what is over.
    fn conclude(&mut self, number: u32, agreed: &mut Agreed) -> Result<(), Violation> {
        let outcome = match agreed.phase {
            Phase::Agreed if agreed.having == self.workers => Ok(()),
            Phase::Refused(error) if agreed.having == 0 => Err(error),
            Phase::Closing if agreed.having == 0 => {
                agreed.free();
                return Ok(());
            }
            _ => return Ok(()),
        };
        let place = agreed.socket.and_then(|handle| self.sockets.find(handle));
        let Some(Place {
            handle,
            slot: Slot {
                socket: Some(socket),
                ..
            },
            ..
        }) = place
        else {
            return Ok(());
        };
        if !matches!(socket.kind, Kind::Listener { .. }) {
            return Ok(());
        }
        if outcome.is_err() {
            let options = Chosen::default();
            socket.kind = Kind::Unconnected { options };
            self.sockets.unconnected += 1;
            self.sockets.listeners -= 1;
            // Without room for them it has none.
            let _no_room = self.sockets.choose(handle, &agreed.options);
            let mut keys = self.attachment.agreements.keys();
            let _no_room = keys.give(number, &mut self.keys, handle.slot);
            agreed.free();
        } else {
            self.sockets.set_local(handle.slot, agreed.local);
        }
        let listening = self.listening.get_mut(number as usize);
        let waits = listening.and_then(|listening| listening.asked.take());
        if let Some(Asked { ticket, context }) = waits {
            let answer = outcome.map(|()| (Some(handle), u64::from(number)));
            self.answer(context, ticket, answer)?;
        }
        Ok(())
    }

    fn listen_here(
        &mut self,
        number: u32,
        agreed: &mut Agreed,
        turn: &mut Turn<'_>,
    ) -> Result<(), ListenError> {
        let cookie = self.listener_cookie(number);
        let mut local = Endpoint::from(agreed.local);
        let first_port = match local.port {
            0 => EPHEMERAL.0 + u16::try_from(turn.now.as_nanos() % 8_192).unwrap_or(0),
            port => port,
        };
        let tries = if local.port == 0 { PORTS_TRIED } else { 1 };
        let mut result = Err(ListenError::NoListener);
        for step in 0..tries {
            local.port = first_port.saturating_add(step);
            result = turn.shard.listen(ListenOptions {
                local,
                backlog: agreed.backlog,
                queued: agreed.queued.clone(),
                cookie,
                socket: agreed.options,
            });
            if !matches!(result, Err(ListenError::AddressInUse(_))) {
                break;
            }
        }
        let (id, socket) = (result?, agreed.socket.ok_or(ListenError::NoListener)?);
        agreed.local.set_port(local.port);
        agreed.having += 1;
        give_keys(number, id, &self.attachment.agreements, turn);
        if let Some(listening) = self.listening.get_mut(number as usize) {
            listening.open = Some(OpenListener {
                id,
                socket,
                subscribers: agreed.subscribers,
                is_acceptable: false,
                edges: 0,
            });
        }
        Ok(())
    }

    /// Closes a listener on this worker: connections that wait are reset, those offered too. Those that were claimed are
    /// the application's, whose program accepted them before it closed the listener.
    pub(super) fn close_here(&mut self, number: u32, turn: &mut Turn<'_>) {
        let Some(listening) = self.listening.get_mut(number as usize) else {
            return;
        };
        let open = listening.open.take();
        let mut offered = listening.offers.withdraw(MEMBER);
        while let Some((offer, is_claimed)) = offered {
            if !is_claimed {
                self.abort(offer.socket.slot, turn);
            } else if let Err(violation) = self.hand_over(offer.socket, turn) {
                self.attachment.condemn(violation);
            }
            let listening = self.listening.get_mut(number as usize);
            offered = listening.and_then(|listening| listening.offers.withdraw(MEMBER));
        }
        if let Some(open) = open {
            for subscription in open.subscribers.iter() {
                if let Some(mail) = self.mails.get_mut(subscription.notifier as usize) {
                    mail.forget(open.socket.slot);
                }
            }
            turn.shard.close_listener(turn.now, open.id);
        }
    }

    /// Offers connections that wait, as far as there are free slots and sockets: first those of the listener behind the one
    /// that was served last, so that none takes what is short from the others.
    pub(super) fn offer_connections(&mut self, turn: &mut Turn<'_>) -> usize {
        let mut offered = 0;
        let count = u32::try_from(self.listening.len()).unwrap_or(u32::MAX);
        let mut waits = false;
        let first = self.first_listener;
        for number in (first..count).chain(0..first) {
            while offered < OFFERS_MAX && self.offer_one(number, turn) {
                offered += 1;
                self.first_listener = number + 1;
            }
            let open = self.open_listener(number);
            waits |= open.is_some_and(|open| open.is_acceptable);
        }
        self.has_acceptable = waits && offered >= OFFERS_MAX;
        self.lacks_sockets = waits && self.sockets.is_full();
        offered
    }

    fn offer_one(&mut self, number: u32, turn: &mut Turn<'_>) -> bool {
        let Self {
            listening, sockets, ..
        } = self;
        let Some(Listening {
            offers,
            open: Some(open),
            ..
        }) = listening.get_mut(number as usize)
        else {
            return false;
        };
        if !open.is_acceptable || !offers.has_free() || sockets.is_full() {
            return false;
        }
        let accepted = turn.shard.accept(open.id);
        let flow = accepted.and_then(|connection| turn.shard.flow(connection));
        let (Some(connection), Some(flow)) = (accepted, flow) else {
            open.is_acceptable = false;
            return false;
        };
        let stream = Kind::Stream(Stream::new(connection, true));
        let Some(socket) = sockets.open(stream, Flags::CONNECTED) else {
            turn.shard.abort(turn.now, connection);
            return false;
        };
        let [local, remote] = [flow.local, flow.remote].map(|end| (end.address, end.port).into());
        sockets.set_local(socket.slot, local);
        let _room_was_seen = offers.offer(&Offer {
            socket,
            remote,
            local,
        });
        open.edges |= READABLE;
        self.has_listener_edges = true;
        turn.shard
            .set_cookie(connection, self.socket_cookie(socket.slot));
        true
    }

    /// Hands an offered connection over to who claimed it.
    pub(super) fn take(
        &mut self,
        listener: Handle,
        claim: (u32, u64),
        turn: &mut Turn<'_>,
    ) -> Result<Result<(Option<Handle>, u64), u16>, Violation> {
        let named = |listening: &&mut Listening| {
            let open = listening.open.as_ref();
            open.is_some_and(|open| open.socket == listener)
        };
        let Some(listening) = self.listening.iter_mut().find(named) else {
            return Ok(Err(errno::number(Errno::BADF)));
        };
        let (slot, round) = claim;
        let Ok(offer) = listening.offers.take(slot, round, MEMBER) else {
            return Ok(Err(errno::number(Errno::AGAIN)));
        };
        if let Some(open) = &mut listening.open {
            open.is_acceptable = true;
            self.has_acceptable = true;
        }
        self.hand_over(offer.socket, turn)?;
        Ok(Ok((Some(offer.socket), 0)))
    }

    /// From now on the application may name it.
    fn hand_over(&mut self, socket: Handle, turn: &mut Turn<'_>) -> Result<(), Violation> {
        let place = self.sockets.find(socket);
        if let Some(stream) = place.and_then(|place| place.slot.socket.as_mut()?.stream()) {
            stream.holder = Holder::User;
        }
        self.look_after(socket.slot, turn)
    }

    fn open_listener(&mut self, number: u32) -> Option<&mut OpenListener> {
        self.listening.get_mut(number as usize)?.open.as_mut()
    }
}

/// Without room for all of them it accepts nobody, which the shard counts.
fn give_keys(number: u32, id: ListenerId, agreements: &Agreements, turn: &mut Turn<'_>) {
    let keys = agreements.keys();
    // It is there; an error there is none.
    let _there = turn.shard.set_listener_ao(id, keys.policy(number));
    let _no_room = turn.shard.set_listener_keys(id, keys.of(number).cloned());
}

/// Connections offered in one turn.
const OFFERS_MAX: usize = 32;
/// The one process of a domain.
const MEMBER: u16 = 0;
/// Where a listener without a port of its own gets one: Linux's range.
const EPHEMERAL: (u16, u16) = (32_768, 60_999);
/// Ports tried for it.
const PORTS_TRIED: u16 = 256;
