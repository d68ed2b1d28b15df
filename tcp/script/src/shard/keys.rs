//! Keys of peers, by setsockopt.

use coremill_tcp::authentication::{KeyError, PeerKey, Prefix};

use super::sockets::{Kind, Sockets, Surroundings};
use crate::call_key::CallKey;
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
                let name = PeerKey::md5(peer, b"-")?.name();
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
            let key = PeerKey::md5(peer, &key.secret)?;
            match socket.kind {
                Kind::Fresh => {
                    socket.keys.retain(|known| known.name() != key.name());
                    socket.keys.push(key);
                    Ok(())
                }
                Kind::Listening(id) => shard.add_listener_key(id, key),
                Kind::Connection(id) => shard.add_connection_key(now, id, key),
            }
        });
        match done {
            Ok(()) => Outcome::Done(0),
            Err(error) => refused(error),
        }
    }
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
