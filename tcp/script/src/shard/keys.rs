//! Keys of peers, by setsockopt.

use coremill_tcp::authentication::{AoAlgorithm, AoKey, KeyError, PeerKey, Prefix};

use super::sockets::{Kind, Sockets, Surroundings};
use crate::call_key::{CallChoice, CallKey};
use crate::language::Call;
use crate::subject::Outcome;

impl Sockets {
    /// Sets a key, or removes it.
    pub(super) fn set_key(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        key: &CallKey,
    ) -> Outcome {
        let Some(socket) = self.of_mut(call) else {
            return Outcome::Failed("EBADF");
        };
        let named = Prefix::new(key.peer, key.prefix).ok_or(KeyError::Invalid);
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        let done = named.and_then(|peer| {
            if key.secret.is_empty() {
                // What else there is of a key makes no difference to its name.
                let name = peer_key(key, peer, b"-")?.name();
                return match socket.kind {
                    Kind::Fresh => {
                        let before = socket.keys.len();
                        socket.keys.retain(|key| key.name() != name);
                        let is_gone = socket.keys.len() < before;
                        is_gone.then_some(()).ok_or(KeyError::NoKey)
                    }
                    Kind::Listening(id) => shard.remove_listener_key(id, name),
                    Kind::Connection(id) => shard.remove_connection_key(now, id, name),
                };
            }
            let choice = CallChoice {
                current: key.ao.and_then(|ao| ao.is_current.then_some(ao.ids.0)),
                next: key.ao.and_then(|ao| ao.is_next.then_some(ao.ids.1)),
            };
            let key = peer_key(key, peer, &key.secret)?;
            match socket.kind {
                Kind::Fresh => {
                    socket.keys.retain(|known| known.name() != key.name());
                    socket.keys.push(key);
                    Ok(())
                }
                Kind::Listening(id) => shard.add_listener_key(id, key),
                Kind::Connection(id) => {
                    shard.add_connection_key(now, id, key)?;
                    match choice.current.or(choice.next) {
                        None => Ok(()),
                        Some(_) => shard.choose_ao_keys(now, id, choice.current, choice.next),
                    }
                }
            }
        });
        match done {
            Ok(()) => Outcome::Done(0),
            Err(error) => refused(error),
        }
    }

    /// Chooses among the keys of TCP-AO of a connection.
    pub(super) fn choose_keys(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        choice: CallChoice,
    ) -> Outcome {
        let Some(Kind::Connection(id)) = self.of_mut(call).map(|socket| &socket.kind) else {
            return Outcome::Failed("EINVAL");
        };
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        match shard.choose_ao_keys(now, *id, choice.current, choice.next) {
            Ok(()) => Outcome::Done(0),
            Err(error) => refused(error),
        }
    }
}

/// The machine's key of what a call says.
fn peer_key(key: &CallKey, peer: Prefix, secret: &[u8]) -> Result<PeerKey, KeyError> {
    let Some(ao) = key.ao else {
        return PeerKey::md5(peer, secret);
    };
    let ao = AoKey {
        algorithm: AoAlgorithm::HmacSha1,
        send_id: ao.ids.0,
        receive_id: ao.ids.1,
        mac_bytes: 12,
        excludes_options: false,
    };
    PeerKey::ao(peer, secret, ao)
}

/// Why there is no such key, by Linux's names.
pub(super) fn refused(error: KeyError) -> Outcome {
    Outcome::Failed(match error {
        KeyError::Invalid => "EINVAL",
        KeyError::Exists => "EEXIST",
        KeyError::InUse => "EBUSY",
        KeyError::NoKey => "ENOENT",
        KeyError::Rejected => "EKEYREJECTED",
        KeyError::NoRoom => "ENOMEM",
        KeyError::NoSocket => "EBADF",
    })
}
