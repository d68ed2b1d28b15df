//! Keys of sockets: whose they are when they come from an application (`TCP_MD5SIG_EXT`).

use coremill_ring::handle::Handle;
use coremill_ring::key::Key;
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
        let change = change(option, payload)?;
        let (now, number) = (turn.now, handle.slot);
        let done = match &self.socket_of(handle)?.kind {
            Kind::Unconnected { .. } => match change {
                Change::Add(key) => self.keys.add(number, key),
                Change::Remove(name) => self.keys.remove(number, name),
            },
            Kind::Stream(stream) => {
                let id = stream.connection;
                match change {
                    Change::Add(key) => turn.shard.add_connection_key(now, id, key),
                    Change::Remove(name) => turn.shard.remove_connection_key(now, id, name),
                }
            }
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

fn change(option: u32, payload: &[u8]) -> Result<Change, Errno> {
    let key = Key::from_bytes(payload).ok_or(Errno::INVAL)?;
    let peer = Prefix::new(key.peer, key.prefix).ok_or(Errno::INVAL)?;
    match option {
        ring::MD5_KEY if key.secret().is_empty() => Ok(Change::Remove(KeyName::Md5 { peer })),
        ring::MD5_KEY => {
            let key = PeerKey::md5(peer, key.secret()).map_err(of_key)?;
            Ok(Change::Add(key))
        }
        _ => Err(Errno::NOPROTOOPT),
    }
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
