//! Flows that always have something to send, from one shard to another through one bottleneck, on
//! virtual time: how many bytes of each arrive.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use coremill_tcp::congestion::Algorithm;
use coremill_tcp::ecn::EcnMode;
use coremill_tcp::limits::Secrets;
use coremill_tcp::options::{ConnectOptions, ListenOptions, SocketOptions};
use coremill_tcp::{
    ChunkPool, ConnectionId, Endpoint, Inbound, Instant, Limits, ListenerId, Shard, Subject,
};

/// The path, and what is sent over it.
#[derive(Clone, Debug)]
pub struct Bulk {
    pub algorithm: Algorithm,
    pub bits_per_second: u64,
    /// How long a packet may wait at the bottleneck: its buffer, as time.
    pub queue: Duration,
    /// Packets of a million that are lost by chance on the way to the receiver.
    pub loss_per_million: u64,
    /// What it marks instead, where connections agree on ECN; None when it does not, and they do not.
    pub marks: Option<Marks>,
    /// Of each flow, without waiting. Flows begin a tenth of a second after each other.
    pub round_trips: Vec<Duration>,
    /// Not counted.
    pub warm_up: Duration,
    pub measured: Duration,
}

/// Which packets a bottleneck marks (RFC 3168).
#[derive(Clone, Copy, Debug)]
pub enum Marks {
    /// Those that find more waiting than this: DCTCP's K, as time (RFC 8257, section 3.1).
    Above(Duration),
    /// So many of a million, by chance.
    PerMillion(u64),
}

impl Bulk {
    /// Bytes of each flow that arrived, in order, while it was measured.
    pub fn run(self) -> Vec<u64> {
        let mut world = World::new(self);
        let begin = world.now;
        let warm = begin + world.bulk.warm_up;
        world.run_until(warm);
        let before = world.received.clone();
        let end = warm + world.bulk.measured;
        world.run_until(end);
        let counts = world.received.iter().zip(before);
        counts.map(|(after, before)| after - before).collect()
    }
}

struct Packet {
    /// On the way to the receiver.
    is_forward: bool,
    ecn: u8,
    bytes: Vec<u8>,
}

struct World {
    bulk: Bulk,
    now: Instant,
    sender: Shard,
    receiver: Shard,
    listener: ListenerId,
    /// What arrives when; the number keeps the order.
    agenda: BTreeMap<(Instant, u64), Packet>,
    packets: u64,
    /// When the bottleneck has sent what it holds.
    idle_at: Instant,
    random: u64,
    senders: Vec<Option<ConnectionId>>,
    /// The flow that a port of the sender belongs to.
    flows: HashMap<u16, usize>,
    received: Vec<u64>,
    data: Vec<u8>,
}

impl World {
    fn new(bulk: Bulk) -> Self {
        let mut receiver = shard(&bulk);
        let listener = receiver
            .listen(ListenOptions {
                local: Endpoint::new(address(2), PORT),
                backlog: 64,
                queued: Arc::default(),
                cookie: u64::MAX,
                socket: SocketOptions::default(),
            })
            .expect("an empty table has room");
        let count = bulk.round_trips.len();
        Self {
            sender: shard(&bulk),
            receiver,
            listener,
            now: Instant::from_millis(1),
            agenda: BTreeMap::new(),
            packets: 0,
            idle_at: Instant::default(),
            random: 1,
            senders: vec![None; count],
            flows: HashMap::new(),
            received: vec![0; count],
            data: vec![0; PIECE],
            bulk,
        }
    }

    fn run_until(&mut self, end: Instant) {
        while self.now < end {
            self.open_flows();
            self.arrive();
            self.sender.advance(self.now, 64);
            self.receiver.advance(self.now, 64);
            self.receive();
            self.send();
            self.transmit(true);
            self.transmit(false);
            let arrival = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let next = [
                arrival,
                self.sender.next_deadline(),
                self.receiver.next_deadline(),
                Some(self.now + STEP_MAX),
            ];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            // Timers stand still for those who ask too early.
            self.now = next.max(self.now + Duration::from_nanos(1));
        }
    }

    fn open_flows(&mut self) {
        let begin = Instant::from_millis(1);
        for flow in 0..self.senders.len() {
            if self.senders[flow].is_some() || self.now < begin + APART * flow as u32 {
                continue;
            }
            let options = ConnectOptions {
                source: address(1),
                source_port: Some(FIRST_PORT + flow as u16),
                remote: Endpoint::new(address(2), PORT),
                mtu: MTU,
                cookie: flow as u64,
                socket: SocketOptions::default(),
            };
            let id = self.sender.connect(self.now, &options, &|_| true);
            self.senders[flow] = Some(id.expect("a free port"));
            self.flows.insert(FIRST_PORT + flow as u16, flow);
        }
    }

    fn arrive(&mut self) {
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let packet = entry.remove();
            let (source, destination) = if packet.is_forward { (1, 2) } else { (2, 1) };
            let inbound = Inbound {
                source: address(source),
                destination: address(destination),
                bytes: &packet.bytes,
                checksum_verified: true,
                ecn: packet.ecn,
                ttl: 60,
                mtu: MTU,
            };
            let shard = if packet.is_forward {
                &mut self.receiver
            } else {
                &mut self.sender
            };
            shard.receive(self.now, &inbound);
        }
    }

    fn receive(&mut self) {
        while let Some(event) = self.receiver.next_event() {
            match event.subject {
                Subject::Listener(_) => {
                    while let Some(id) = self.receiver.accept(self.listener) {
                        let flow = self.receiver.flow(id).expect("just accepted");
                        let index = self.flows[&flow.remote.port];
                        self.receiver.set_cookie(id, index as u64);
                        self.read(index, id);
                    }
                }
                Subject::Connection(id) if event.cookie != u64::MAX => {
                    self.read(event.cookie as usize, id);
                }
                Subject::Connection(_) => {}
            }
        }
    }

    fn read(&mut self, flow: usize, id: ConnectionId) {
        while let Ok(slice) = self.receiver.receive_slice(id)
            && !slice.is_empty()
        {
            let count = slice.len();
            self.receiver.consume(self.now, id, count);
            self.received[flow] += count as u64;
        }
    }

    fn send(&mut self) {
        while self.sender.next_event().is_some() {}
        for id in self.senders.iter().flatten() {
            while self.sender.send_room(*id) >= PIECE {
                match self.sender.send(self.now, *id, &self.data) {
                    Ok(count) if count > 0 => {}
                    _ => break,
                }
            }
        }
    }

    fn transmit(&mut self, is_forward: bool) {
        let mut out = [0; 1_600];
        loop {
            let shard = if is_forward {
                &mut self.sender
            } else {
                &mut self.receiver
            };
            let Some(outgoing) = shard.next_segment(self.now, &mut out) else {
                return;
            };
            let bytes = &out[..outgoing.length];
            let port = if is_forward { 0 } else { 2 };
            let port = u16::from_be_bytes([bytes[port], bytes[port + 1]]);
            let half = self.bulk.round_trips[self.flows[&port]] / 2;
            let mut packet = Packet {
                is_forward,
                ecn: outgoing.ecn,
                bytes: bytes.to_vec(),
            };
            let leaves = if is_forward {
                match self.bottleneck(&mut packet) {
                    Some(at) => at,
                    None => continue,
                }
            } else {
                self.now
            };
            self.packets += 1;
            self.agenda.insert((leaves + half, self.packets), packet);
        }
    }

    /// When a packet has left the bottleneck, perhaps with a mark; None when it is lost there.
    fn bottleneck(&mut self, packet: &mut Packet) -> Option<Instant> {
        let start = self.idle_at.max(self.now);
        let waits = start.since(self.now);
        if waits > self.bulk.queue {
            return None;
        }
        let bits = (packet.bytes.len() as u64 + LOWER_HEADER_BYTES) * 8;
        let nanos = bits * 1_000_000_000 / self.bulk.bits_per_second;
        self.idle_at = start + Duration::from_nanos(nanos);
        let is_marked = match self.bulk.marks {
            None => false,
            Some(Marks::Above(threshold)) => waits > threshold,
            Some(Marks::PerMillion(share)) => self.chance() < share,
        };
        if is_marked && packet.ecn != NOT_CAPABLE {
            packet.ecn = MARKED;
        }
        (self.chance() >= self.bulk.loss_per_million).then_some(self.idle_at)
    }

    /// Of a million. xorshift64: enough for what it decides.
    fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1_000_000
    }
}

fn shard(bulk: &Bulk) -> Shard {
    let mut limits = Limits {
        connections_max: 16,
        requests_max: 16,
        memory_bytes: 128 << 20,
        send_buffer_bytes: BUFFER_BYTES,
        receive_buffer_bytes: BUFFER_BYTES,
        // A queue of what a full window may lose.
        reassembly_ranges_max: 255,
        ..Limits::default()
    };
    limits.congestion.algorithm = bulk.algorithm;
    if bulk.marks.is_some() {
        limits.ecn = EcnMode::Ask;
    }
    let secrets = Secrets {
        initial_sequence: [1; 16],
        timestamp_offset: [2; 16],
        ephemeral_port: [3; 16],
        table: [4; 16],
        syn_cookie: [4; 16],
        fast_open: [4; 16],
    };
    Shard::new(limits, secrets, ChunkPool::new(128 << 20))
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

const PORT: u16 = 80;
const FIRST_PORT: u16 = 10_000;
const MTU: u16 = 1_500;
/// Twice what any path of the grid holds, its queue included.
const BUFFER_BYTES: usize = 4 << 20;
const PIECE: usize = 65_536;
/// Ethernet and IPv4.
pub const LOWER_HEADER_BYTES: u64 = 34;
/// The two ECN bits (RFC 3168, section 5).
const NOT_CAPABLE: u8 = 0;
const MARKED: u8 = 3;
const APART: Duration = Duration::from_millis(100);
const STEP_MAX: Duration = Duration::from_millis(50);
