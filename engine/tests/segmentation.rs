//! A port that cuts segments (TSO) gets large ones, and what the peer then receives is whole: requests and replies of
//! many segments go through a looped-back port that cuts as network cards do.

mod one_worker;
#[path = "one_worker/requests.rs"]
mod requests;

use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use coremill_engine::clock::ManualClock;
use coremill_engine::command::Command;
use coremill_engine::nic::heap_buffer::{HeapBuffer, HeapPool};
use coremill_engine::nic::loopback::LoopbackPort;
use coremill_engine::nic::{Buffer, Capabilities, LARGE_BYTES, Port};
use coremill_tcp::checksum::{PROTOCOL_TCP, Sum, fill, pseudo_header};
use etherparse::Ipv4Header;

use one_worker::{OWN, worker};
use requests::requests;

const LINK: usize = 14;
const TCP: usize = LINK + 20;
const CHECKSUM: usize = 16;

#[test]
fn what_a_port_cuts_arrives_whole() {
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1));
    let (mut worker, handle) = worker(&clock, CuttingPort::new(), &requests(4, 20_000), 256);
    for _ in 0..20_000 {
        clock.advance(Duration::from_micros(10));
        worker.turn();
    }
    let rows = Vec::with_capacity(4);
    handle.submit(Command::Services { rows }).expect("room");
    worker.turn();
    let Some(Command::Services { rows }) = handle.take_answer() else {
        panic!("no answer");
    };
    let rpc = rows.iter().find(|row| row.kind == "rpc").expect("its row");
    assert_eq!((rpc.errors, rpc.mismatches), (0, 0));
    assert!(rpc.requests > 1_000, "{} requests", rpc.requests);
    let bursts = handle.counters().engine.bursts_sent.get();
    assert!(bursts > rpc.requests, "{bursts} bursts");
}

/// A looped-back port that fills checksums and cuts what it is asked to cut.
struct CuttingPort {
    port: LoopbackPort,
    pool: HeapPool,
    large: HeapPool,
}

impl CuttingPort {
    fn new() -> Self {
        let pool = HeapPool::new(4_096);
        let has = true;
        let capabilities = Capabilities {
            transmit_ipv4_checksum: has,
            transmit_tcp_checksum: has,
            transmit_tcp_segmentation: has,
            ..Capabilities::default()
        };
        Self {
            port: LoopbackPort::looped(&pool, 2_048).with_capabilities(capabilities),
            large: HeapPool::with_room(64, usize::from(LARGE_BYTES)),
            pool,
        }
    }

    /// The packets that go on the wire for this one.
    fn cut(&self, packet: HeapBuffer) -> Vec<HeapBuffer> {
        let offload = packet.offload();
        if !offload.tcp_checksum {
            return vec![packet];
        }
        let frame = packet.data();
        assert_eq!(usize::from(offload.link_header), LINK);
        let payload = TCP + usize::from(offload.tcp_header);
        let is_cut = offload.segment_payload > 0;
        // What drivers find in the field: the pseudo-header's sum, with the length of what is not cut only.
        let length = if is_cut { 0 } else { frame.len() - TCP };
        let sum = !pseudo(length).finish();
        assert_eq!(frame[TCP + CHECKSUM..][..2], sum.to_be_bytes());
        let size = if is_cut {
            usize::from(offload.segment_payload)
        } else {
            LARGE_BYTES.into()
        };
        let pieces: Vec<_> = frame[payload..].chunks(size).collect();
        let pieces = if pieces.is_empty() {
            vec![&[][..]]
        } else {
            pieces
        };
        let last = pieces.len() - 1;
        let segment = |(index, piece): (usize, &&[u8])| {
            let mut bytes = frame[..payload].to_vec();
            bytes.extend_from_slice(piece);
            advance(&mut bytes, index * size, index == last);
            let mut segment = self.pool.allocate().expect("enough for a turn");
            let room = segment.append(bytes.len()).expect("no more than a frame");
            room.copy_from_slice(&bytes);
            segment
        };
        pieces.iter().enumerate().map(segment).collect()
    }
}

/// Makes the copied headers those of the segment `offset` bytes behind the first.
fn advance(frame: &mut [u8], offset: usize, is_last: bool) {
    let sequence = u32::from_be_bytes(frame[TCP + 4..TCP + 8].try_into().expect("four"));
    let sequence = sequence.wrapping_add(offset as u32);
    frame[TCP + 4..TCP + 8].copy_from_slice(&sequence.to_be_bytes());
    if !is_last {
        // FIN and PSH are the last one's.
        frame[TCP + 13] &= !(1 | 8);
    }
    let segment = frame.len() - TCP;
    frame[TCP + CHECKSUM..][..2].fill(0);
    assert!(fill(&mut frame[TCP..], CHECKSUM, pseudo(segment)));
    let mut header = Ipv4Header::from_slice(&frame[LINK..]).expect("IPv4").0;
    header.total_len = (20 + segment) as u16;
    header.header_checksum = header.calc_header_checksum();
    frame[LINK..TCP].copy_from_slice(&header.to_bytes());
    assert!(frame.len() - LINK <= 1_500, "larger than the link carries");
}

fn pseudo(length: usize) -> Sum {
    let own = IpAddr::V4(OWN);
    pseudo_header(own, own, PROTOCOL_TCP, length)
}

impl Port for CuttingPort {
    type Buffer = HeapBuffer;

    fn receive(&mut self, into: &mut Vec<HeapBuffer>, max: usize) -> usize {
        self.port.receive(into, max)
    }

    fn transmit(&mut self, from: &mut Vec<HeapBuffer>) -> usize {
        let taken = from.len();
        let mut wire: Vec<_> = from.drain(..).flat_map(|packet| self.cut(packet)).collect();
        self.port.transmit(&mut wire);
        assert!(wire.is_empty(), "the queue holds a turn");
        taken
    }

    fn allocate(&mut self) -> Option<HeapBuffer> {
        self.port.allocate()
    }

    fn allocate_large(&mut self) -> Option<HeapBuffer> {
        self.large.allocate()
    }

    fn capabilities(&self) -> Capabilities {
        self.port.capabilities()
    }

    fn mac(&self) -> [u8; 6] {
        self.port.mac()
    }

    fn mtu(&self) -> u16 {
        self.port.mtu()
    }

    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
