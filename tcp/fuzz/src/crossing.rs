//! Plays two shards that talk to each other over a path on which bytes decide what becomes of each segment: signatures of
//! both kinds, Fast Open with cookies, AccECN and searches for a path's size get further here than against a peer of
//! literal segments (`player.rs`). All that is read is what was written, no connection contradicts itself, nothing stays.

mod user;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use coremill_tcp::authentication::{AoAlgorithm, AoKey, PeerKey, Prefix};
use coremill_tcp::header::Segment;
use coremill_tcp::limits::Secrets;
use coremill_tcp::options::ListenOptions;
use coremill_tcp::packet::Quoted;
use coremill_tcp::{
    ChunkPool, ConnectionId, Endpoint, Flow, Inbound, Instant, Limits, ListenerId, Shard,
};

use super::bytes::Bytes;
use super::harness::{OURS, THEIRS, millis};
use super::setting::Setting;

/// A setting, then steps of a byte or more each.
///
/// # Panics
/// When something is wrong.
pub fn play_bytes(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut crossing = Crossing::new(Setting::of(&mut bytes));
    for _ in 0..STEPS_MAX {
        if bytes.is_empty() {
            break;
        }
        crossing.take(&mut bytes);
        crossing.look();
    }
    crossing.leave();
}

/// One end of a connection as its user sees it.
#[derive(Default)]
struct Stream {
    written: u32,
    read: u32,
}

struct Side {
    shard: Shard,
    address: IpAddr,
    listener: ListenerId,
    ids: Vec<ConnectionId>,
    streams: HashMap<ConnectionId, Stream>,
    /// Segments of its on their way, each with its ECN field.
    sent: Vec<(Vec<u8>, u8)>,
}

struct Crossing {
    now: Instant,
    sides: [Side; 2],
    setting: Setting,
    /// Urgent bytes are taken out of the stream.
    is_mixed: bool,
    /// Bits that change on the way are noticed: all segments are signed.
    is_signed: bool,
}

impl Crossing {
    fn new(setting: Setting) -> Self {
        let mut limits = Limits::default();
        setting.limits(&mut limits);
        limits.memory_bytes = limits.memory_bytes.max(1 << 20);
        let side = |address: IpAddr, byte: u8| {
            let secrets = Secrets {
                initial_sequence: [byte; 16],
                timestamp_offset: [byte; 16],
                ephemeral_port: [byte; 16],
                table: [byte; 16],
                syn_cookie: [byte; 16],
                fast_open: [byte; 16],
            };
            let memory = ChunkPool::new(limits.memory_bytes);
            let mut shard = Shard::new(limits.clone(), secrets, memory);
            let listener = shard.listen(ListenOptions {
                local: Endpoint::new(address, PORT),
                backlog: 4,
                queued: Arc::default(),
                cookie: 0,
                socket: setting.socket(),
            });
            Side {
                shard,
                address,
                listener: listener.expect("an empty table"),
                ids: Vec::new(),
                streams: HashMap::new(),
                sent: Vec::new(),
            }
        };
        let mut crossing = Self {
            now: Instant::from_millis(100_000),
            sides: [side(OURS, 1), side(THEIRS, 2)],
            setting,
            is_mixed: false,
            is_signed: setting.has_md5() || setting.has_ao(),
        };
        for side in 0..2 {
            let listener = crossing.sides[side].listener;
            if let Some(key) = crossing.key(side) {
                let shard = &mut crossing.sides[side].shard;
                shard.add_listener_key(listener, key).expect("room");
            }
        }
        crossing
    }

    /// What a side signs with from the beginning.
    fn key(&self, side: usize) -> Option<PeerKey> {
        let peer = Prefix::of(self.sides[1 - side].address);
        if self.setting.has_ao() {
            let ao = AoKey {
                algorithm: AoAlgorithm::HmacSha1,
                send_id: 1,
                receive_id: 1,
                mac_bytes: 12,
                excludes_options: self.setting.ao_excludes_options(),
            };
            return PeerKey::ao(peer, b"secret", ao).ok();
        }
        let key = PeerKey::md5(peer, b"secret").ok();
        key.filter(|_| self.setting.has_md5())
    }

    fn take(&mut self, bytes: &mut Bytes<'_>) {
        let byte = bytes.byte();
        let side = usize::from(byte >> 7);
        match byte & 31 {
            0 | 1 => drop(self.pull(side, usize::from(bytes.byte() % 16))),
            2..=4 => self.deliver(side, bytes, true),
            5 => self.deliver(side, bytes, false),
            6 => drop(self.taken(side, bytes)),
            7 => {
                if let Some((mut segment, ecn)) = self.taken(side, bytes) {
                    let place = usize::from(bytes.word()) % segment.len();
                    let has_checksum = !(16..18).contains(&place);
                    if self.is_signed && has_checksum && !self.setting.ao_excludes_options() {
                        segment[place] ^= 1 << (byte >> 5 & 3);
                        self.arrive(1 - side, &segment, ecn);
                    }
                }
            }
            8 => {
                if let Some((segment, ecn)) = self.taken(side, bytes) {
                    self.arrive(1 - side, &segment, if ecn == 0 { 0 } else { 3 });
                }
            }
            9 => self.icmp(side, bytes),
            10 | 11 => self.pass(u64::from(bytes.byte())),
            12 => self.pass(u64::from(bytes.word())),
            13..=16 => self.exchange(usize::from(bytes.byte() % 32)),
            17 => self.connect(side, usize::from(bytes.word() % 2_000), byte >> 5 & 3),
            _ => self.call(side, byte & 31, bytes),
        }
        for side in 0..2 {
            while self.sides[side].shard.next_event().is_some() {}
            let listener = self.sides[side].listener;
            while let Some(id) = self.sides[side].shard.accept(listener) {
                self.sides[side].ids.push(id);
            }
        }
    }

    fn pull(&mut self, side: usize, count: usize) -> bool {
        let side = &mut self.sides[side];
        side.shard.advance(self.now, usize::MAX);
        for _ in 0..count {
            let mut out = [0; 1_500];
            if side.sent.len() >= ON_THE_WAY_MAX {
                return false;
            }
            let Some(outgoing) = side.shard.next_segment(self.now, &mut out) else {
                return false;
            };
            let bytes = out[..outgoing.length].to_vec();
            side.sent.push((bytes, outgoing.ecn));
        }
        true
    }

    /// One of the segments on their way, taken from it.
    fn taken(&mut self, side: usize, bytes: &mut Bytes<'_>) -> Option<(Vec<u8>, u8)> {
        let place = usize::from(bytes.byte());
        let sent = &mut self.sides[side].sent;
        (!sent.is_empty()).then(|| sent.remove(place % sent.len()))
    }

    fn deliver(&mut self, side: usize, bytes: &mut Bytes<'_>, is_last: bool) {
        let Some((segment, ecn)) = self.taken(side, bytes) else {
            return;
        };
        self.arrive(1 - side, &segment, ecn);
        if !is_last {
            self.sides[side].sent.push((segment, ecn));
        }
    }

    fn arrive(&mut self, side: usize, bytes: &[u8], ecn: u8) {
        let inbound = Inbound {
            source: self.sides[1 - side].address,
            destination: self.sides[side].address,
            bytes,
            checksum_verified: true,
            ecn,
            ttl: 64,
            mtu: 1_500,
        };
        self.sides[side].shard.receive(self.now, &inbound);
    }

    /// A router says something about a segment on its way.
    fn icmp(&mut self, side: usize, bytes: &mut Bytes<'_>) {
        let Some((sent, _)) = self.taken(side, bytes) else {
            return;
        };
        let header = Segment::parse(&sent).expect("well-formed").header;
        let quoted = Quoted {
            flow: Flow {
                local: Endpoint::new(self.sides[side].address, header.source_port),
                remote: Endpoint::new(self.sides[1 - side].address, header.destination_port),
            },
            sequence: header.sequence.raw(),
            error: bytes.unreachable(),
        };
        self.sides[side].shard.unreachable(self.now, &quoted);
    }

    /// All that is on its way arrives, in order, and what it provokes, so many times.
    fn exchange(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for side in 0..2 {
                self.pull(side, 8);
                for (segment, ecn) in std::mem::take(&mut self.sides[side].sent) {
                    self.arrive(1 - side, &segment, ecn);
                }
            }
            self.pass(1);
        }
    }

    fn pass(&mut self, delay: u64) {
        let end = self.now + millis(delay);
        while self.now < end {
            let deadlines = self.sides.iter().map(|side| side.shard.next_deadline());
            let next = deadlines.flatten().min().unwrap_or(end);
            let tick = self.now + std::time::Duration::from_micros(33);
            self.now = next.clamp(tick.min(end), end);
            for side in &mut self.sides {
                side.shard.advance(self.now, usize::MAX);
            }
        }
    }

    fn look(&self) {
        for side in &self.sides {
            if let Err(found) = side.shard.audit() {
                panic!("{found:?}");
            }
        }
    }

    /// Everything is let go of, and nothing arrives any more.
    fn leave(mut self) {
        for side in &mut self.sides {
            side.shard.close_listener(self.now, side.listener);
            for id in side.ids.drain(..) {
                side.shard.close(self.now, id);
            }
        }
        for _ in 0..1_000 {
            self.pass(2_000);
            for side in &mut self.sides {
                side.sent.clear();
            }
            for side in 0..2 {
                while self.pull(side, ON_THE_WAY_MAX) {
                    self.sides[side].sent.clear();
                }
            }
            self.look();
            if self.sides.iter().all(|side| side.shard.live_records() == 0) {
                break;
            }
        }
        for side in &self.sides {
            assert_eq!(side.shard.live_records(), 0, "records stay behind");
            let left = side.shard.live_pool_entries();
            assert_eq!(left, 0, "entries of pools stay behind");
        }
    }
}

/// Both listen here.
const PORT: u16 = 80;
const STEPS_MAX: usize = 400;
const ON_THE_WAY_MAX: usize = 64;
