//! What the user does.

use coremill_tcp::authentication::{AoKey, KeyName, KeyRing, PeerKey, Prefix};
use coremill_tcp::options::{ConnectOptions, SocketOption, SocketOptions};
use coremill_tcp::{ConnectionId, Endpoint};

use super::super::bytes::stream;
use super::super::harness::{OURS, THEIRS};
use super::super::peer_signature::Signing;
use super::{KEY, Player, Step};

impl Player {
    /// Whatever the machine says to it.
    pub(super) fn call(&mut self, step: Step, id: ConnectionId) {
        let now = self.test.now;
        let shard = &mut self.test.shard;
        match step {
            Step::Send(count) | Step::SendMore(count) | Step::Urgent(count) => {
                let written = self.written.entry(id).or_insert(1);
                let data = stream(*written, count);
                let taken = match step {
                    Step::Send(_) => shard.send(now, id, &data),
                    Step::SendMore(_) => shard.send_more(now, id, &data),
                    _ => shard.send_urgent(now, id, &data),
                };
                let taken = taken.unwrap_or(0);
                assert!(taken <= count, "more than there was");
                *written = written.wrapping_add(taken as u32);
                if matches!(step, Step::Urgent(_)) {
                    let _ = shard.receive_urgent(now, id, count % 2 == 0);
                }
            }
            Step::Read => self.read(id),
            Step::Splice(count) => {
                // Bytes of another stream go out from now on.
                let moved = shard.splice(now, id, count).unwrap_or(0);
                if moved > 0 {
                    self.is_mixed = true;
                }
            }
            Step::Shutdown => drop(shard.shutdown(now, id)),
            Step::Close => shard.close(now, id),
            Step::Abort => shard.abort(now, id),
            Step::Set(option, value) => {
                self.is_mixed |= option == SocketOption::UrgentInline;
                let _ = shard.set_option(now, id, option, value);
                let _ = shard.option(id, option);
            }
            Step::Md5(is_new) => {
                let key = PeerKey::md5(Prefix::of(THEIRS), KEY).expect("a good key");
                if is_new {
                    let _ = shard.add_connection_key(now, id, key);
                    self.test.signing = Some(Signing(KEY));
                } else {
                    let _ = shard.remove_connection_key(now, id, key.name());
                    self.test.signing = None;
                }
            }
            Step::Ao(ao, kind) => self.change_ao(ao, kind, id),
            _ => {}
        }
    }

    fn change_ao(&mut self, ao: AoKey, kind: u8, id: ConnectionId) {
        let now = self.test.now;
        let shard = &mut self.test.shard;
        let Ok(key) = PeerKey::ao(Prefix::of(THEIRS), KEY, ao) else {
            return;
        };
        let name = KeyName::Ao {
            peer: Prefix::of(THEIRS),
            send_id: ao.send_id,
            receive_id: ao.receive_id,
        };
        let _ = match (kind, self.test.listener) {
            (0, _) => shard.add_connection_key(now, id, key),
            (1, _) => shard.remove_connection_key(now, id, name),
            (2, _) => shard.choose_ao_keys(now, id, Some(ao.send_id), None),
            (3, _) => shard.choose_ao_keys(now, id, None, Some(ao.receive_id)),
            (4, _) => shard.set_ao_accepts_icmps(id, ao.excludes_options),
            (5, Some(listener)) => shard.remove_listener_key(listener, name),
            (_, Some(listener)) => shard.add_listener_key(listener, key),
            _ => Ok(()),
        };
    }

    /// One more connection becomes the one that the peer and the user speak of.
    pub(super) fn connect(&mut self, count: usize, kind: u8) {
        let shard = &mut self.test.shard;
        let options = ConnectOptions {
            source: OURS,
            source_port: None,
            remote: Endpoint::new(THEIRS, 5_000),
            mtu: 1_500,
            cookie: 9,
            socket: SocketOptions {
                fast_open_connect: kind & 3 == 1,
                fast_open_no_cookie: kind & 4 != 0,
                defer_accept_seconds: u16::from(kind & 8 != 0),
                ..SocketOptions::default()
            },
        };
        let now = self.test.now;
        let data = stream(1, count);
        let opened = if kind & 3 == 0 {
            let mut ring = KeyRing::default();
            if self.test.signing.is_some() {
                let key = PeerKey::md5(Prefix::of(THEIRS), KEY).expect("a good key");
                let _ = shard.add_key(&mut ring, key);
            }
            let opened = shard.connect_with_keys(now, &options, &mut ring, &|_| true);
            opened.map(|id| (id, 0))
        } else if kind & 3 == 1 {
            shard.connect(now, &options, &|_| true).map(|id| (id, 0))
        } else {
            shard.connect_with(now, &options, &data, &|_| true)
        };
        let Ok((id, taken)) = opened else {
            return;
        };
        self.written.insert(id, 1 + taken as u32);
        self.others.extend(self.test.id.replace(id));
        self.test.flow = shard.flow(id).expect("just opened");
    }

    fn read(&mut self, id: ConnectionId) {
        let now = self.test.now;
        for byte in self.test.read() {
            let expected = self.expected.insert(id, byte.wrapping_add(1));
            let is_right = expected.is_none_or(|expected| expected == byte);
            assert!(is_right || self.is_mixed, "other bytes than the peer's");
        }
        self.test.shard.pass_mark(now, id);
    }
}
