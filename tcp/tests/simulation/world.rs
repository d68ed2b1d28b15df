//! The two shards, the link between them, their applications, and the clock that joins them.

mod show;
mod verdict;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use coremill_tcp::authentication::KeyRing;
use coremill_tcp::checksum::{PROTOCOL_TCP, fill, pseudo_header};
use coremill_tcp::header::{Flags, Segment};
use coremill_tcp::header_options::Options;
use coremill_tcp::options::{ConnectOptions, SocketOptions};
use coremill_tcp::packet::Quoted;
use coremill_tcp::{
    ConnectionId, Endpoint, Flow, Inbound, Instant, Outgoing, Subject, Unreachable,
};

use super::allocations::none;
use super::application::Application;
use super::choices::BELIEVES_ROUTERS;
use super::cutter::cut;
use super::link::{Fate, Packet};
use super::plan::{ConnectionPlan, EndPlan, Plan};
use super::random::Random;
use super::side::{NO_COOKIE, PORT, Side};
use super::summary::Summary;
use super::wire::Wire;

/// One run.
#[derive(Debug)]
pub struct World {
    now: Instant,
    plan: Plan,
    random: Random,
    sides: [Side; 2],
    applications: Vec<Application>,
    /// The connection that a flow, seen from side 0, belongs to.
    connections: HashMap<Flow, usize>,
    /// What has been on the way between them.
    wire: Wire,
    turns: u64,
    /// What happens when; the number keeps what happens at the same time in order.
    agenda: BTreeMap<(Instant, u64), Happening>,
    happenings: u64,
    summary: Summary,
    /// Each segment is printed as it is sent, and as it arrives.
    is_shown: bool,
}

#[derive(Debug)]
enum Happening {
    /// A segment arrives at a side.
    Arrival(usize, Packet),
    /// A side hears that a segment of its own was too long.
    TooBig(usize, Quoted),
    /// A connection is to be opened.
    Opening(usize),
    /// An application wants to run.
    Call(usize),
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let mut random = Random::new(plan.chance);
        let sides = [0, 1].map(|side| Side::new(&plan, side, &mut random));
        let mut world = Self {
            now: plan.origin,
            plan,
            random,
            sides,
            applications: Vec::new(),
            connections: HashMap::new(),
            wire: Wire::default(),
            turns: 0,
            agenda: BTreeMap::new(),
            happenings: 0,
            summary: Summary::default(),
            is_shown: false,
        };
        for index in 0..world.plan.connections.len() {
            let at = world.now + world.plan.connections[index].opens_after;
            world.note(at, Happening::Opening(index));
        }
        world
    }

    /// The same, but it prints what is sent and what arrives.
    pub fn shown(mut self) -> Self {
        self.is_shown = true;
        self
    }

    /// Runs until nothing is left to happen, and checks what came of it.
    pub fn run(mut self) -> Summary {
        let origin = self.now;
        let mut turns_at_once = 0;
        while let Some(next) = self.next_time() {
            turns_at_once = if next > self.now {
                0
            } else {
                turns_at_once + 1
            };
            assert!(turns_at_once < TURNS_AT_ONCE_MAX, "time stands still");
            self.now = self.now.max(next);
            assert!(
                self.now.since(origin) < HORIZON,
                "state stays behind: {}",
                self.left_over()
            );
            self.turn();
        }
        self.check();
        self.summary.virtual_seconds = self.now.since(origin).as_secs();
        self.summary
    }

    fn next_time(&self) -> Option<Instant> {
        let agenda = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let deadlines = self
            .sides
            .iter()
            .filter_map(|side| side.shard.next_deadline());
        let busy = self.sides.iter().any(|side| side.shard.has_segments());
        agenda
            .into_iter()
            .chain(deadlines)
            .chain(busy.then_some(self.now))
            .min()
    }

    /// One turn of both sides, as a worker makes it.
    fn turn(&mut self) {
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            match entry.remove() {
                Happening::Arrival(side, packet) => self.arrive(side, &packet),
                Happening::TooBig(side, quoted) => {
                    let shard = &mut self.sides[side].shard;
                    none(|| shard.unreachable(self.now, &quoted));
                }
                Happening::Opening(index) => self.open(index),
                Happening::Call(application) => self.call(application),
            }
        }
        for side in 0..2 {
            let budget = self.random.between(1, 64) as usize;
            let shard = &mut self.sides[side].shard;
            assert!(none(|| shard.advance(self.now, budget)) <= budget);
            self.hints(side);
            self.transmit(side);
            if let Err(found) = self.sides[side].shard.audit() {
                panic!("side {side} contradicts itself: {found:?}");
            }
        }
        self.turns += 1;
        self.check_timers();
        if self.turns.is_multiple_of(TURNS_A_LOOK) {
            for side in &self.sides {
                super::counted::check(&side.shard, self.now);
            }
        }
    }

    fn note(&mut self, at: Instant, happening: Happening) {
        self.happenings += 1;
        self.agenda.insert((at, self.happenings), happening);
    }

    fn arrive(&mut self, side: usize, packet: &Packet) {
        let inbound = Inbound {
            source: self.sides[1 - side].address,
            destination: self.sides[side].address,
            bytes: &packet.bytes,
            checksum_verified: false,
            ecn: packet.ecn,
            ttl: 60,
            mtu: self.plan.mtu,
        };
        let shard = &mut self.sides[side].shard;
        none(|| shard.receive(self.now, &inbound));
        if self.is_shown {
            self.show_arrival(side, packet);
        }
    }

    fn open(&mut self, index: usize) {
        let plan = self.plan.connections[index].clone();
        self.summary.connections += 1;
        let sides = match plan.simultaneous {
            Some(_) => vec![0, 1],
            None => vec![plan.opener],
        };
        for side in sides {
            let options = ConnectOptions {
                source: self.sides[side].address,
                source_port: plan.simultaneous.map(|ports| ports[side]),
                remote: Endpoint::new(
                    self.sides[1 - side].address,
                    plan.simultaneous.map_or(PORT, |ports| ports[1 - side]),
                ),
                mtu: self.plan.mtu,
                cookie: self.applications.len() as u64,
                socket: socket_options(&plan.ends[side]),
            };
            let peer = self.sides[1 - side].address;
            let keys = self.plan.signs.map_or(Vec::new(), |signs| signs.keys(peer));
            let shard = &mut self.sides[side].shard;
            let mut ring = KeyRing::default();
            ring.ao = BELIEVES_ROUTERS;
            for key in keys {
                none(|| shard.add_key(&mut ring, key)).expect("room for keys");
            }
            let id = none(|| shard.connect_with_keys(self.now, &options, &mut ring, &|_| true))
                .expect("there is room");
            let flow = shard.flow(id).expect("just opened");
            self.connections.insert(from_side_0(flow, side), index);
            self.begin(index, side, id, &plan);
        }
    }

    fn begin(&mut self, index: usize, side: usize, id: ConnectionId, plan: &ConnectionPlan) {
        let random = Random::new(self.random.next());
        let end = plan.ends[side].clone();
        self.summary.algorithms[usize::from(end.socket.congestion)] += 1;
        self.applications
            .push(Application::new((index, side), id, end, random, self.now));
        self.call(self.applications.len() - 1);
    }

    fn call(&mut self, application: usize) {
        let side = self.applications[application].side;
        let again = self.applications[application].run(&mut self.sides[side].shard, self.now);
        if let Some(at) = again {
            self.note(at, Happening::Call(application));
        }
    }

    fn hints(&mut self, side: usize) {
        while let Some(event) = none(|| self.sides[side].shard.next_event()) {
            match event.subject {
                Subject::Listener(id) => {
                    while let Some(id) = none(|| self.sides[side].shard.accept(id)) {
                        self.accept(side, id);
                    }
                }
                Subject::Connection(_) if event.cookie == NO_COOKIE => {}
                Subject::Connection(_) => self.call(event.cookie as usize),
            }
        }
    }

    fn accept(&mut self, side: usize, id: ConnectionId) {
        let shard = &mut self.sides[side].shard;
        let flow = shard.flow(id).expect("just accepted");
        let index = self.connections[&from_side_0(flow, side)];
        let plan = self.plan.connections[index].clone();
        let mut ends = self.applications.iter();
        let is_again = ends.any(|end| end.connection == index && end.side == side);
        let has_cookies = shard.counters().syncookies_sent.get() > 0;
        if is_again && (plan.ends[plan.opener].opens_early || has_cookies) {
            // A SYN that came twice, the second time after the connection had ended (RFC 7413, section 2.1); or an old
            // acknowledgement, whose cookie is still good (RFC 4987, section 3.6).
            none(|| shard.abort(self.now, id));
            self.wire.forget(&from_side_0(flow, side));
            return;
        }
        shard.set_cookie(id, self.applications.len() as u64);
        let options = socket_options(&plan.ends[side]);
        let set = none(|| shard.set_socket_options(self.now, id, options));
        assert_eq!(set, Ok(()));
        self.begin(index, side, id, &plan);
    }

    fn transmit(&mut self, side: usize) {
        let room = self.random.between(1, 64);
        let mut out = [0; 65_536];
        for _ in 0..room {
            let shard = &mut self.sides[side].shard;
            let outgoing = if self.plan.is_cut {
                none(|| shard.next_segments(self.now, &mut out))
            } else {
                none(|| shard.next_segment(self.now, &mut out[..9_100]))
            };
            let Some(outgoing) = outgoing else {
                assert!(!shard.has_segments(), "segments are told of, not given");
                let again = shard.next_segment(self.now, &mut out);
                assert!(again.is_none(), "a segment out of nothing: {again:?}");
                return;
            };
            self.summary.bursts += u64::from(outgoing.segment_payload > 0);
            for bytes in cut(&outgoing, &out[..outgoing.length]) {
                self.send_off(side, &outgoing, bytes);
            }
        }
    }

    fn send_off(&mut self, side: usize, outgoing: &Outgoing, mut bytes: Vec<u8>) {
        let header_bytes = self.plan.header_bytes();
        assert!(
            bytes.len() + header_bytes <= usize::from(self.plan.mtu),
            "larger than the path allows"
        );
        let (source, destination) = (outgoing.source, outgoing.destination);
        let pseudo = pseudo_header(source, destination, PROTOCOL_TCP, bytes.len());
        assert!(fill(&mut bytes, 16, pseudo));
        self.summary.segments += 1;
        let packet = Packet {
            bytes,
            ecn: outgoing.ecn,
        };
        self.put_on_the_wire(side, packet, header_bytes);
    }

    fn put_on_the_wire(&mut self, side: usize, packet: Packet, header_bytes: usize) {
        let port = |at: usize| u16::from_be_bytes([packet.bytes[at], packet.bytes[at + 1]]);
        let flow = Flow {
            local: Endpoint::new(self.sides[side].address, port(0)),
            remote: Endpoint::new(self.sides[1 - side].address, port(2)),
        };
        let common = from_side_0(flow, side);
        let segment = Segment::parse(&packet.bytes).expect("we write whole headers");
        if let Some(signs) = self.plan.signs {
            signs.look(&segment);
            self.summary.signed += 1;
        }
        if segment.header.flags.contains(Flags::SYN)
            && let Some(shift) = Options::parse(segment.options).expect("whole").window_scale
        {
            self.summary.scales[usize::from(shift)] += 1;
        }
        if let Some(connection) = self.connections.get(&common) {
            self.wire.look(common, side, *connection, &packet.bytes);
        }
        if self.is_shown {
            self.show(side, "sends", &segment);
        }
        let sequence: [u8; 4] = packet.bytes[4..8].try_into().expect("four bytes");
        match self.sides[side].link.carry(self.now, packet, header_bytes) {
            Fate::Carried(arrivals) => {
                for (at, packet) in arrivals {
                    self.note(at, Happening::Arrival(1 - side, packet));
                }
            }
            Fate::TooBig { heard_at, mtu } => {
                let quoted = Quoted {
                    flow,
                    sequence: u32::from_be_bytes(sequence),
                    error: Unreachable::TooBig { mtu },
                };
                self.note(heard_at, Happening::TooBig(side, quoted));
            }
            Fate::Swallowed => self.summary.swallowed += 1,
        }
    }
}

/// Keepalive throughout: an end whose peer has given up unheard must find out. And urgent data stays in the stream, which is
/// compared byte by byte: no plan, made smaller, may choose otherwise.
fn socket_options(end: &EndPlan) -> SocketOptions {
    SocketOptions {
        no_delay: end.no_delay,
        keepalive: true,
        urgent_inline: true,
        fast_open_connect: end.opens_early,
        ..end.socket
    }
}

fn from_side_0(flow: Flow, side: usize) -> Flow {
    if side == 0 {
        flow
    } else {
        Flow {
            local: flow.remote,
            remote: flow.local,
        }
    }
}

/// Far beyond all retries of all timers, and of what heavy loss makes of a transfer without SACK: some hours, a timeout of two
/// minutes after the other.
const HORIZON: Duration = Duration::from_secs(24 * 3_600);
const TURNS_AT_ONCE_MAX: u32 = 10_000;
/// Looking at each record costs: every so many turns.
const TURNS_A_LOOK: u64 = 16;
