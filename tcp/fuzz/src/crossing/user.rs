//! What users do at both ends.

use coremill_tcp::authentication::{AoKey, KeyName, KeyRing, PeerKey, Prefix};
use coremill_tcp::options::{ConnectOptions, SocketOption, SocketOptions};
use coremill_tcp::{ConnectionId, Endpoint};

use super::super::bytes::{Bytes, stream};
use super::{Crossing, PORT, Side};

impl Crossing {
    /// What a user may do, on one of a side's connections.
    pub(super) fn call(&mut self, side: usize, verb: u8, bytes: &mut Bytes<'_>) {
        let now = self.now;
        let Side {
            shard,
            ids,
            streams,
            ..
        } = &mut self.sides[side];
        if ids.is_empty() {
            return;
        }
        let id = ids[usize::from(bytes.byte()) % ids.len()];
        let end = streams.entry(id).or_default();
        match verb {
            18..=21 => {
                let data = stream(end.written, usize::from(bytes.word() % 9_000));
                let taken = match verb {
                    18 | 19 => shard.send(now, id, &data),
                    20 => shard.send_more(now, id, &data),
                    _ => {
                        self.is_mixed = true;
                        shard.send_urgent(now, id, &data)
                    }
                };
                end.written += taken.unwrap_or(0) as u32;
            }
            22 | 23 => {
                while let Ok(slice) = shard.receive_slice(id)
                    && !slice.is_empty()
                {
                    let count = slice.len();
                    let is_right = slice == stream(end.read, count);
                    assert!(is_right || self.is_mixed, "other bytes than were written");
                    end.read += count as u32;
                    shard.consume(now, id, count);
                }
                let _ = shard.receive_urgent(now, id, false);
                shard.pass_mark(now, id);
            }
            24 => drop(shard.shutdown(now, id)),
            25 => shard.close(now, id),
            26 => shard.abort(now, id),
            27 | 28 => {
                let (option, value) = bytes.option();
                self.is_mixed |= option == SocketOption::UrgentInline;
                let _ = shard.set_option(now, id, option, value);
            }
            29 => drop(shard.forget_destinations(None)),
            _ => self.change_keys(side, id, bytes),
        }
    }

    fn change_keys(&mut self, side: usize, id: ConnectionId, bytes: &mut Bytes<'_>) {
        let now = self.now;
        let peer = Prefix::of(self.sides[1 - side].address);
        let shard = &mut self.sides[side].shard;
        let kind = bytes.byte();
        let ao = AoKey {
            send_id: 2,
            receive_id: 2,
            ..bytes.ao()
        };
        let name = KeyName::Ao {
            peer,
            send_id: 1,
            receive_id: 1,
        };
        let chosen = Some(1 + (kind >> 4 & 1));
        // Whatever it says.
        let _ = match (kind & 7, PeerKey::ao(peer, b"another", ao)) {
            (0 | 1, Ok(key)) => shard.add_connection_key(now, id, key),
            (2, _) => shard.choose_ao_keys(now, id, chosen, None),
            (3, _) => shard.choose_ao_keys(now, id, None, chosen),
            (4, _) => shard.remove_connection_key(now, id, name),
            (5, _) => {
                self.is_signed = false;
                shard.remove_connection_key(now, id, KeyName::Md5 { peer })
            }
            (6, _) => shard.set_ao_accepts_icmps(id, kind & 8 != 0),
            _ => Ok(()),
        };
    }

    pub(super) fn connect(&mut self, side: usize, count: usize, kind: u8) {
        let now = self.now;
        let key = self.key(side);
        let remote = Endpoint::new(self.sides[1 - side].address, PORT);
        let Side {
            shard,
            address,
            ids,
            streams,
            ..
        } = &mut self.sides[side];
        let options = ConnectOptions {
            source: *address,
            source_port: None,
            remote,
            mtu: 1_500,
            cookie: 1,
            socket: SocketOptions {
                fast_open_connect: kind & 1 != 0,
                ..SocketOptions::default()
            },
        };
        let opened = if let Some(key) = key {
            let mut ring = KeyRing::default();
            let _ = shard.add_key(&mut ring, key);
            let opened = shard.connect_with_keys(now, &options, &mut ring, &|_| true);
            opened.map(|id| (id, 0))
        } else if kind & 2 != 0 {
            shard.connect_with(now, &options, &stream(0, count), &|_| true)
        } else {
            shard.connect(now, &options, &|_| true).map(|id| (id, 0))
        };
        if let Ok((id, taken)) = opened {
            ids.push(id);
            streams.entry(id).or_default().written = taken as u32;
        }
    }
}
