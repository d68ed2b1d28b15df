//! Plays anything a peer may send, in any state, between anything a user may do, what routers say and any time that
//! passes: no panic, no reply storm, nothing left in the end, and after each step no connection contradicts itself. What
//! to play comes from proptest (`anything.rs`) or from bytes, which a fuzzer or its corpus gives (`tcp/fuzz`).

mod begin;
mod step;
mod user;

use std::collections::HashMap;

use coremill_tcp::fast_open::FastOpenKey;
use coremill_tcp::header::{self, Flags, Header};
use coremill_tcp::header_options::Options;
use coremill_tcp::packet::Quoted;
use coremill_tcp::{ConnectionId, Endpoint, Flow, Inbound, SequenceNumber};

use super::bytes::{Bytes, stream};
use super::harness::peer::shifted;
use super::harness::{PEER_START, THEIRS, Test, millis, seconds};
use super::peer_signature::Signing;
use super::segment::Segment;
use super::setting::Setting;
pub use step::Step;

/// Plays `steps` from the state that `number` names, and leaves.
///
/// # Panics
/// When something is wrong.
pub fn play(number: usize, setting: Setting, steps: impl IntoIterator<Item = Step>) {
    let mut player = Player::new(number % STATES, setting);
    for step in steps {
        player.take(step);
        player.look();
    }
    player.leave();
}

/// The same, as bytes say: a state, a setting, then steps of a byte or more each.
pub fn play_bytes(data: &[u8]) {
    let mut bytes = Bytes(data);
    let number = usize::from(bytes.byte());
    let setting = Setting::of(&mut bytes);
    let steps = std::iter::from_fn(|| (!bytes.is_empty()).then(|| Step::of(&mut bytes)));
    play(number, setting, steps.take(STEPS_MAX));
}

struct Player {
    test: Test,
    /// Connections of the user's besides the last one.
    others: Vec<ConnectionId>,
    /// Our initial sequence numbers, by flow.
    starts: HashMap<Flow, Vec<SequenceNumber>>,
    /// Bytes that the user has written, and the next one that he expects to read; None before the first.
    written: HashMap<ConnectionId, u32>,
    expected: HashMap<ConnectionId, u8>,
    /// Streams are no longer what was written: urgent bytes are taken out of them, or those of one sent on in another.
    is_mixed: bool,
}

impl Player {
    fn new(number: usize, setting: Setting) -> Self {
        let mut test = Test::new(|limits| setting.limits(limits));
        if setting.has_md5() {
            test.signing = Some(Signing(KEY));
        }
        let mut player = Self {
            test,
            others: Vec::new(),
            starts: HashMap::new(),
            written: HashMap::new(),
            expected: HashMap::new(),
            is_mixed: false,
        };
        player.begin(number, setting);
        player
    }

    fn take(&mut self, step: Step) {
        if let (None, Some(listener)) = (self.test.id, self.test.listener) {
            self.test.id = self.test.shard.accept(listener);
        }
        let now = self.test.now;
        let listener = self.test.listener;
        match (step, self.test.id) {
            (Step::Inject(segment), _) => self.inject(&segment, 0, 64),
            (Step::Odd(segment, odd), _) => {
                let signing = self.test.signing.take_if(|_| odd & 4 != 0);
                self.inject(&segment, odd & 3, odd);
                self.test.signing = signing.or(self.test.signing.take());
            }
            (Step::Pass(delay), _) => self.test.pass(millis(delay)),
            (Step::Pull(count), _) => self.pull(count),
            (Step::Burst(room), _) => self.burst(room.max(1_500)),
            (Step::Connect(count, kind), _) => self.connect(count, kind),
            (Step::Icmp(error, offset), _) => {
                let quoted = Quoted {
                    flow: self.test.flow,
                    sequence: (self.test.start + offset).raw(),
                    error,
                };
                self.test.shard.unreachable(now, &quoted);
            }
            (Step::Rotate(byte), _) => {
                let previous = FastOpenKey([byte.wrapping_sub(1); 16]);
                let keys = &FastOpenKey([byte; 16]);
                let shard = &mut self.test.shard;
                shard.set_fast_open_keys(keys, (byte & 1 == 0).then_some(&previous));
            }
            (Step::Forget, _) => drop(self.test.shard.forget_destinations(Some(THEIRS))),
            (Step::Backlog(backlog), _) => {
                if let Some(id) = listener {
                    let _ = self.test.shard.set_backlog(id, backlog);
                }
            }
            (step, Some(id)) => self.call(step, id),
            (_, None) => {}
        }
        while self.test.shard.next_event().is_some() {}
    }

    fn inject(&mut self, segment: &Segment, ecn: u8, ttl: u8) {
        let test = &mut self.test;
        let mut options = segment.options.unwrap_or_default();
        options.sack = shifted(&options.sack, test.start.raw());
        options.signature = test.signing.as_ref().map(Signing::option);
        if let Some(stamps) = &mut options.timestamps {
            stamps.echo = stamps.echo.wrapping_add(test.first_stamp);
        }
        self.is_mixed |= segment.flags.contains(Flags::URG);
        let header = Header {
            source_port: test.flow.remote.port,
            destination_port: test.flow.local.port,
            sequence: PEER_START + segment.seq,
            acknowledgment: test.start + segment.ack,
            flags: segment.flags,
            window: segment.window.unwrap_or(u16::MAX),
            urgent_pointer: segment.urgent,
        };
        let mut bytes = vec![0; 60];
        let Some(length) = header.emit(&options, &mut bytes) else {
            return;
        };
        bytes.truncate(length);
        bytes.extend_from_slice(&segment.payload);
        let (source, destination) = (test.flow.remote.address, test.flow.local.address);
        if let Some(signing) = &test.signing {
            signing.sign(source, destination, &mut bytes);
        }
        let inbound = Inbound {
            source,
            destination,
            bytes: &bytes,
            checksum_verified: true,
            ecn,
            ttl,
            mtu: 1_500,
        };
        test.shard.receive(test.now, &inbound);
    }

    fn pull(&mut self, count: usize) {
        for _ in 0..count {
            self.test.shard.advance(self.test.now, usize::MAX);
            if !self.sent(1_500, false) {
                return;
            }
        }
    }

    fn burst(&mut self, room: usize) {
        self.test.shard.advance(self.test.now, usize::MAX);
        self.sent(room, true);
    }

    /// One more segment is sent, or several in one: what it says of our stream is what was written there.
    fn sent(&mut self, room: usize, is_burst: bool) -> bool {
        let (shard, now) = (&mut self.test.shard, self.test.now);
        let mut out = vec![0; room];
        let outgoing = match is_burst {
            true => shard.next_segments(now, &mut out),
            false => shard.next_segment(now, &mut out),
        };
        let Some(outgoing) = outgoing else {
            return false;
        };
        let segment = header::Segment::parse(&out[..outgoing.length]).expect("well-formed");
        assert_eq!(
            outgoing.header_length,
            outgoing.length - segment.payload.len()
        );
        let options = Options::parse(segment.options).expect("well-formed");
        let header = segment.header;
        let flow = Flow {
            local: Endpoint::new(outgoing.source, header.source_port),
            remote: Endpoint::new(outgoing.destination, header.destination_port),
        };
        let is_first = header.flags.contains(Flags::SYN);
        if is_first {
            self.starts.entry(flow).or_default().push(header.sequence);
            if flow == self.test.flow {
                self.test.start = header.sequence;
                self.test.first_stamp = options.timestamps.map_or(0, |stamps| stamps.value);
            }
        }
        if segment.payload.is_empty() || self.is_mixed {
            return true;
        }
        // A cookie may come back though a late copy of the SYN has made a request with another number.
        let mut starts = self.starts.get(&flow).expect("a SYN came first").iter();
        let is_written = starts.any(|start| {
            let first = header.sequence.since(*start) + u32::from(is_first);
            segment.payload == stream(first, segment.payload.len())
        });
        assert!(is_written, "other bytes than were written: {header:?}");
        true
    }

    /// No connection contradicts itself, and what is told of them can be told.
    fn look(&mut self) {
        if let Err(found) = self.test.shard.audit() {
            panic!("{found:?}");
        }
        if let Some(id) = self.test.id {
            let _ = self.test.shard.tcp_info(self.test.now, id);
            let _ = self.test.shard.look(id);
        }
    }

    /// Everything is let go of, and nobody answers any more.
    fn leave(mut self) {
        let test = &mut self.test;
        let now = test.now;
        if let Some(listener) = test.listener {
            while let Some(id) = test.shard.accept(listener) {
                test.shard.close(now, id);
            }
            test.shard.close_listener(now, listener);
        }
        for id in self.others.drain(..).chain(test.id) {
            test.shard.close(now, id);
        }
        for _ in 0..1_000 {
            self.test.pass(seconds(2));
            self.look();
            let mut sent = 0;
            while self.sent(1_500, false) {
                sent += 1;
                assert!(sent < SEGMENTS_MAX, "it never ends");
            }
            if self.test.shard.live_records() == 0 {
                break;
            }
        }
        self.test.is_gone();
        let left = self.test.shard.live_pool_entries();
        assert_eq!(left, 0, "entries of pools stay behind");
    }
}

/// States to begin in.
pub const STATES: usize = 11;
/// What a hostile flood of bytes may make us do.
const STEPS_MAX: usize = 400;
/// More than a full send buffer in the smallest segments that a peer can make us send, and all answers that wait.
const SEGMENTS_MAX: u32 = 3_000;
const KEY: &[u8] = b"secret";
