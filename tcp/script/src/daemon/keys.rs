//! Keys of peers, by setsockopt: the daemon has them from then on, and a listener that is made later is given them again.

use std::io;
use std::net::IpAddr;

use coremill_client::{AoAlgorithm, PeerKey, Stack};

use super::held::{Held, Kind};
use super::options::done;
use crate::call_key::{CallChoice, CallKey};
use crate::subject::Outcome;

/// The keys that a socket was given, under their names.
#[derive(Clone, Debug, Default)]
pub(super) struct KeysGiven(Vec<(Name, PeerKey)>);

/// Prefix and, of TCP-AO, ids.
type Name = (IpAddr, u8, Option<(u8, u8)>);

impl KeysGiven {
    pub(super) fn all(&self) -> Vec<PeerKey> {
        self.0.iter().map(|(_, key)| key.clone()).collect()
    }

    fn remove(&mut self, name: Name) {
        self.0.retain(|(known, _)| *known != name);
    }
}

impl Held {
    /// Sets a key, or removes it.
    pub(super) fn set_key(&mut self, stack: &Stack, key: &CallKey) -> Outcome {
        let name = (key.peer, key.prefix, key.ao.map(|ao| ao.ids));
        if key.secret.is_empty() {
            self.chosen.keys.remove(name);
            return done(self.remove_key(stack, name));
        }
        let given = peer_key(key).and_then(|key| {
            match &self.kind {
                Kind::Fresh(_) => self.fresh(stack)?.add_key(&key)?,
                Kind::Listening(listener) => listener.add_key(&key)?,
                Kind::Stream(stream) => stream.add_key(&key)?,
            }
            Ok(key)
        });
        done(given.map(|key| {
            self.chosen.keys.remove(name);
            self.chosen.keys.0.push((name, key));
        }))
    }

    fn remove_key(&mut self, stack: &Stack, (peer, prefix, ids): Name) -> io::Result<()> {
        match (&self.kind, ids) {
            (Kind::Fresh(_), None) => self.fresh(stack)?.remove_md5_key(peer, prefix),
            (Kind::Fresh(_), Some(_)) => Err(io::ErrorKind::Unsupported.into()),
            (Kind::Listening(listener), None) => listener.remove_md5_key(peer, prefix),
            (Kind::Listening(listener), Some(ids)) => listener.remove_ao_key(peer, prefix, ids),
            (Kind::Stream(stream), None) => stream.remove_md5_key(peer, prefix),
            (Kind::Stream(stream), Some(ids)) => stream.remove_ao_key(peer, prefix, ids),
        }
    }

    /// Chooses among the keys of TCP-AO of a connection.
    pub(super) fn choose_keys(&self, choice: CallChoice) -> Outcome {
        match self.stream() {
            Some(stream) => done(stream.choose_ao_keys(choice.current, choice.next)),
            None => Outcome::Failed("EINVAL"),
        }
    }
}

/// The library's key of what a call says.
fn peer_key(key: &CallKey) -> io::Result<PeerKey> {
    let Some(ao) = key.ao else {
        return PeerKey::md5(key.peer, key.prefix, &key.secret);
    };
    let algorithm = AoAlgorithm::HmacSha1;
    let mut given = PeerKey::ao(key.peer, key.prefix, ao.ids, algorithm, &key.secret)?;
    if ao.is_current {
        given = given.current();
    }
    if ao.is_next {
        given = given.next();
    }
    Ok(given)
}
