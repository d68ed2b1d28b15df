//! TCP-AO of sockets: which keys are chosen, what is wanted besides, and what an application reads of it
//! (`TCP_AO_INFO`, `TCP_AO_GET_KEYS`).

use std::net::IpAddr;

use coremill_ring::ao::{KeyWord, Part, Standing, Wish};
use coremill_ring::handle::Handle;
use coremill_ring::key::{self, Key};
use coremill_tcp::ConnectionId;
use coremill_tcp::authentication::{AoAlgorithm, AoInfo, AoKey, AoPolicy, KeyError, PeerKey};
use rustix::io::Errno;

use super::of_key;
use crate::applications::domain::Domain;
use crate::applications::key_store::KeyStore;
use crate::applications::socket_table::Kind;
use crate::applications::turn::Turn;

/// Ids of keys that are to be used from now on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chosen {
    /// SendID of the one that signs.
    pub(super) current: Option<u8>,
    /// RecvID of the one that the peer is asked for.
    pub(super) next: Option<u8>,
}

impl Chosen {
    pub(super) fn is_any(self) -> bool {
        self.current.is_some() || self.next.is_some()
    }

    /// Of a socket that may connect.
    pub(super) fn of_socket(self, keys: &mut KeyStore, number: u32) -> Result<(), KeyError> {
        if !self.is_any() {
            return Ok(());
        }
        let policy = keys.policy(number);
        let policy = AoPolicy {
            current_id: self.current.or(policy.current_id),
            next_id: self.next.or(policy.next_id),
            ..policy
        };
        keys.set_policy(number, policy)
    }

    /// Of a connection.
    pub(super) fn of_connection(
        self,
        id: ConnectionId,
        turn: &mut Turn<'_>,
    ) -> Result<(), KeyError> {
        if !self.is_any() {
            return Ok(());
        }
        turn.shard
            .choose_ao_keys(turn.now, id, self.current, self.next)
    }
}

impl Domain {
    /// Sets what is wanted of TCP-AO, of a listener for all workers; what is not named stays.
    pub(in crate::applications) fn set_ao(
        &mut self,
        handle: Handle,
        word: u64,
        turn: &mut Turn<'_>,
    ) -> Result<(), Errno> {
        let wish = Wish::from_word(word).ok_or(Errno::INVAL)?;
        let chosen = Chosen {
            current: wish.current,
            next: wish.next,
        };
        let changed = |policy: AoPolicy| AoPolicy {
            is_required: wish.requires.unwrap_or(policy.is_required),
            accepts_icmps: wish.accepts_icmps.unwrap_or(policy.accepts_icmps),
            ..policy
        };
        let done = match &self.socket_of(handle)?.kind {
            Kind::Unconnected { .. } => {
                let (keys, number) = (&mut self.keys, handle.slot);
                let policy = changed(keys.policy(number));
                keys.set_policy(number, policy)
                    .and_then(|()| chosen.of_socket(keys, number))
            }
            Kind::Listener { .. } if chosen.is_any() => Err(KeyError::Invalid),
            Kind::Listener { number } => {
                let number = *number;
                let agreements = &self.attachment.agreements;
                let table = agreements.table();
                let mut keys = agreements.keys();
                let policy = changed(keys.policy(number));
                let done = keys.set_policy(number, policy);
                agreements.changed();
                drop(table);
                turn.wake_all();
                done
            }
            Kind::Stream(stream) => {
                let id = stream.connection;
                // Where it is used it is required anyway.
                if turn.shard.ao_info(id).is_none() {
                    return Err(Errno::INVAL);
                }
                let set = wish.accepts_icmps.map_or(Ok(()), |accepts| {
                    turn.shard.set_ao_accepts_icmps(id, accepts)
                });
                set.and_then(|()| chosen.of_connection(id, turn))
            }
        };
        done.map_err(of_key)
    }

    /// What is asked for of TCP-AO: `ENOENT` of a connection without it, and behind the last key.
    pub(in crate::applications) fn ao_part(
        &mut self,
        handle: Handle,
        part: Part,
        turn: &mut Turn<'_>,
    ) -> Result<u64, Errno> {
        match &self.socket_of(handle)?.kind {
            Kind::Unconnected { .. } => of_store(&self.keys, handle.slot, part),
            Kind::Listener { number } => {
                let number = *number;
                of_store(&self.attachment.agreements.keys(), number, part)
            }
            Kind::Stream(stream) => {
                let id = stream.connection;
                let info = turn.shard.ao_info(id).ok_or(Errno::NOENT)?;
                let ids = Chosen {
                    current: Some(info.current_id),
                    next: Some(info.next_id),
                };
                match part {
                    Part::Standing => Ok(standing(&info).to_word()),
                    Part::Count(which) => Ok(count(&info, which)),
                    Part::Key(number, word) => {
                        let found = turn.shard.connection_key(id, number as usize);
                        key_word(found, word, ids)
                    }
                }
            }
        }
    }
}

/// Of one that is no connection.
fn of_store(keys: &KeyStore, number: u32, part: Part) -> Result<u64, Errno> {
    let policy = keys.policy(number);
    match part {
        Part::Standing => Ok(Standing {
            ids: policy.current_id.zip(policy.next_id),
            heard: None,
            requires: policy.is_required,
            accepts_icmps: policy.accepts_icmps,
        }
        .to_word()),
        Part::Count(_) => Ok(0),
        Part::Key(which, word) => {
            let mut all = keys.of(number).filter(|key| key.ao_key().is_some());
            let ids = Chosen {
                current: policy.current_id,
                next: policy.next_id,
            };
            key_word(all.nth(which as usize), word, ids)
        }
    }
}

fn standing(info: &AoInfo) -> Standing {
    Standing {
        ids: Some((info.current_id, info.next_id)),
        heard: info.heard,
        requires: true,
        accepts_icmps: info.accepts_icmps,
    }
}

fn count(info: &AoInfo, which: u32) -> u64 {
    let counts = &info.counts;
    match which {
        0 => counts.good,
        1 => counts.bad,
        2 => counts.key_not_found,
        3 => counts.required,
        _ => counts.dropped_icmps,
    }
}

fn key_word(key: Option<&PeerKey>, word: u32, ids: Chosen) -> Result<u64, Errno> {
    let key = key.ok_or(Errno::NOENT)?;
    let ao = key.ao_key().ok_or(Errno::NOENT)?;
    let peer = match key.peer().address() {
        IpAddr::V4(peer) => peer.to_ipv6_mapped(),
        IpAddr::V6(peer) => peer,
    };
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    Ok(match word {
        0 => KeyWord {
            prefix: key.peer().length(),
            send_id: ao.send_id,
            receive_id: ao.receive_id,
            algorithm: match ao.algorithm {
                AoAlgorithm::HmacSha1 => key::HMAC_SHA1,
                AoAlgorithm::Aes128Cmac => key::AES_128_CMAC,
            },
            mac_bytes: ao.mac_bytes,
            flags: flag(ao.excludes_options, key::EXCLUDES_OPTIONS)
                | flag(ids.current == Some(ao.send_id), key::SETS_CURRENT)
                | flag(ids.next == Some(ao.receive_id), key::SETS_NEXT),
        }
        .to_word(),
        1 => (peer.to_bits() >> 64) as u64,
        _ => peer.to_bits() as u64,
    })
}

/// What a key has besides its secret; None when there is no such algorithm, or flag.
pub(super) fn parameters(key: &Key) -> Option<AoKey> {
    let known = key::EXCLUDES_OPTIONS | key::SETS_CURRENT | key::SETS_NEXT;
    if key.flags & !known != 0 {
        return None;
    }
    Some(AoKey {
        algorithm: match key.algorithm {
            key::HMAC_SHA1 => AoAlgorithm::HmacSha1,
            key::AES_128_CMAC => AoAlgorithm::Aes128Cmac,
            _ => return None,
        },
        send_id: key.send_id,
        receive_id: key.receive_id,
        mac_bytes: match key.mac_bytes {
            0 => MAC_BYTES,
            bytes => bytes,
        },
        excludes_options: key.flags & key::EXCLUDES_OPTIONS != 0,
    })
}

/// RFC 5926, section 3.2.
const MAC_BYTES: u8 = 12;
