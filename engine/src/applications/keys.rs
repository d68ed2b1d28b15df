//! Keys of sockets: whose they are when they come from an application (`TCP_MD5SIG_EXT`, `TCP_AO_ADD_KEY`, `TCP_AO_DEL_KEY`).

mod ao;

use coremill_ring::handle::Handle;
use coremill_ring::key::{self, Key};
use coremill_ring::option as ring;
use coremill_tcp::authentication::{KeyError, KeyName, KeyRing, PeerKey, Prefix};
use coremill_tcp::options::ConnectOptions;
use coremill_tcp::{ConnectionId, Flow};
use rustix::io::Errno;

use super::domain::Domain;
use super::errno;
use super::key_store::KeyStore;
use super::opening::Answer;
use super::socket_table::Kind;
use super::turn::Turn;

/// What is to be done.
enum Change {
    Add(PeerKey),
    Remove(KeyName),
}

/// What is to be done with a key, and how its ids are chosen with it.
struct Order {
    change: Change,
    chosen: ao::Chosen,
}

impl Domain {
    /// Adds, changes or removes a key, of a listener for all workers.
    pub(super) fn set_key(
        &mut self,
        handle: Handle,
        (option, payload): (u32, &[u8]),
        turn: &mut Turn<'_>,
    ) -> Answer {
        self.try_set_key(handle, option, payload, turn)
            .map_err(errno::number)?;
        Ok((None, 0))
    }

    fn try_set_key(
        &mut self,
        handle: Handle,
        option: u32,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<(), Errno> {
        let Order { change, chosen } = order(option, payload)?;
        let (now, number) = (turn.now, handle.slot);
        let done = match &self.socket_of(handle)?.kind {
            Kind::Unconnected { .. } => match change {
                Change::Add(key) => self
                    .keys
                    .add(number, key)
                    .and_then(|()| chosen.of_socket(&mut self.keys, number)),
                Change::Remove(name) => self.keys.remove(number, name),
            },
            Kind::Stream(stream) => {
                let id = stream.connection;
                match change {
                    Change::Add(key) => turn
                        .shard
                        .add_connection_key(now, id, key)
                        .and_then(|()| chosen.of_connection(id, turn)),
                    Change::Remove(name) => turn.shard.remove_connection_key(now, id, name),
                }
            }
            // What it accepts has the keys of its handshake.
            Kind::Listener { .. } if chosen.is_any() => Err(KeyError::Invalid),
            Kind::Listener { number } => {
                let number = *number;
                let agreements = &self.attachment.agreements;
                let table = agreements.table();
                let mut keys = agreements.keys();
                let done = match change {
                    Change::Add(key) => keys.add(number, key),
                    Change::Remove(name) => keys.remove(number, name),
                };
                agreements.changed();
                drop(table);
                turn.wake_all();
                done
            }
        };
        done.map_err(of_key)
    }
}

/// Begins a connection that has the keys of its socket.
pub(super) fn connect_with_keys(
    keys: &mut KeyStore,
    number: u32,
    options: &ConnectOptions,
    turn: &mut Turn<'_>,
) -> Result<ConnectionId, u16> {
    let mut ring = KeyRing::default();
    ring.ao = keys.policy(number);
    for key in keys.of(number) {
        if let Err(error) = turn.shard.add_key(&mut ring, key.clone()) {
            turn.shard.release_keys(&mut ring);
            return Err(errno::number(of_key(error)));
        }
    }
    let opening = turn.opening;
    let home = |flow: &Flow| opening.comes_home(flow);
    let opened = turn
        .shard
        .connect_with_keys(turn.now, options, &mut ring, &home);
    let connection = opened.map_err(errno::of_connect)?;
    keys.forget(number);
    Ok(connection)
}

fn order(option: u32, payload: &[u8]) -> Result<Order, Errno> {
    let key = Key::from_bytes(payload).ok_or(Errno::INVAL)?;
    let peer = Prefix::new(key.peer, key.prefix).ok_or(Errno::INVAL)?;
    let change = match option {
        ring::MD5_KEY if key.secret().is_empty() => Change::Remove(KeyName::Md5 { peer }),
        ring::MD5_KEY => Change::Add(PeerKey::md5(peer, key.secret()).map_err(of_key)?),
        ring::AO_ADD_KEY => {
            let ao = ao::parameters(&key).ok_or(Errno::INVAL)?;
            Change::Add(PeerKey::ao(peer, key.secret(), ao).map_err(of_key)?)
        }
        ring::AO_DELETE_KEY => Change::Remove(KeyName::Ao {
            peer,
            send_id: key.send_id,
            receive_id: key.receive_id,
        }),
        _ => return Err(Errno::NOPROTOOPT),
    };
    let sets = |flag| option == ring::AO_ADD_KEY && key.flags & flag != 0;
    let chosen = ao::Chosen {
        current: sets(key::SETS_CURRENT).then_some(key.send_id),
        next: sets(key::SETS_NEXT).then_some(key.receive_id),
    };
    Ok(Order { change, chosen })
}

fn of_key(error: KeyError) -> Errno {
    match error {
        KeyError::Invalid => Errno::INVAL,
        KeyError::Exists => Errno::EXIST,
        KeyError::InUse => Errno::BUSY,
        KeyError::NoKey => Errno::NOENT,
        KeyError::Rejected => Errno::KEYREJECTED,
        KeyError::NoRoom => Errno::NOMEM,
        KeyError::NoSocket => Errno::BADF,
    }
}
