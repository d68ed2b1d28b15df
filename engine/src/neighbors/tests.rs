use std::net::Ipv4Addr;

use super::*;
use crate::test_packet::{HeapBuffer, OUR_MAC, OURS, PEER, PEER_MAC, buffer_of, local_addresses};

mod bounds;
mod states;

const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 3];

/// A table, its clock, and what it asked for.
struct Bench {
    neighbors: Neighbors<HeapBuffer>,
    now: Instant,
}

/// What came out, in short.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Request {
        destination: [u8; 6],
        target: Ipv4Addr,
    },
    Sent {
        destination: [u8; 6],
        payload: u8,
    },
    Failed(u8),
}

impl Bench {
    fn new(entries_max: usize, pending_max: usize) -> Self {
        let options = NeighborOptions {
            entries_max,
            pending_max,
            ..NeighborOptions::default()
        };
        let neighbors = Neighbors::new(options, &[OUR_MAC, OUR_MAC], local_addresses(), [3; 16]);
        Self {
            neighbors,
            now: Instant::from_millis(1_000),
        }
    }

    /// Sends a packet of one byte; gives that byte where it is ready, or was dropped.
    fn send(&mut self, address: Ipv4Addr, payload: u8) -> Resolution<HeapBuffer> {
        let packet = buffer_of(&[payload]);
        self.neighbors.resolve(self.now, 0, address.into(), packet)
    }

    fn outputs(&mut self) -> Vec<Seen> {
        let outputs = std::iter::from_fn(|| self.neighbors.next_output());
        outputs.map(seen).collect()
    }

    /// Runs timers one by one until `millis` have passed.
    fn pass(&mut self, millis: u64) -> Vec<Seen> {
        let end = self.now + Duration::from_millis(millis);
        let mut all = Vec::new();
        for _ in 0..10_000 {
            match self.neighbors.next_deadline() {
                Some(deadline) if deadline <= end => {
                    self.now = self.now.max(deadline);
                    assert_eq!(self.neighbors.advance(self.now, 1), 1);
                    all.extend(self.outputs());
                }
                _ => break,
            }
        }
        self.now = end;
        all
    }

    fn learn(&mut self, address: Ipv4Addr, mac: [u8; 6], solicited: bool, create: bool) -> bool {
        let observation = arp::Observation {
            address: address.into(),
            mac,
            solicited,
            create,
        };
        self.neighbors.learn(self.now, 0, &observation)
    }

    fn answer(&mut self) {
        assert!(self.learn(PEER, PEER_MAC, true, false));
    }

    /// A table with the peer reachable.
    fn reachable() -> Self {
        let mut bench = Self::new(8, 4);
        bench.send(PEER, 0);
        bench.answer();
        assert_eq!(bench.outputs(), [sent(0)]);
        assert_eq!(bench.state(), Some(NeighborState::Reachable));
        bench
    }

    fn rows(&self) -> Vec<NeighborRow> {
        let mut rows = Vec::with_capacity(100);
        assert_eq!(self.neighbors.rows(self.now, 0, &mut rows), None);
        rows
    }

    fn state(&self) -> Option<NeighborState> {
        let rows = self.rows();
        let row = rows.iter().find(|row| row.address == IpAddr::V4(PEER))?;
        Some(row.state)
    }

    fn ready(&mut self) -> bool {
        matches!(self.send(PEER, 0), Resolution::Ready(..))
    }
}

fn seen(output: Output<HeapBuffer>) -> Seen {
    match output {
        Output::Request { port, frame } => {
            assert_eq!(port, 0);
            let packet = arp::parse(&frame[14..]).unwrap();
            assert_eq!((packet.sender, packet.sender_mac), (OURS, OUR_MAC));
            Seen::Request {
                destination: *frame.first_chunk().unwrap(),
                target: packet.target,
            }
        }
        Output::Packet { port, packet } => {
            assert_eq!(port, 0);
            let data = packet.data();
            assert_eq!((data[12], data[13], data.len()), (8, 0, 15));
            Seen::Sent {
                destination: *data.first_chunk().unwrap(),
                payload: data[14],
            }
        }
        Output::Dropped { reason, packet } => {
            assert_eq!(reason, LinkDropReason::NeighborFailed);
            Seen::Failed(packet.data()[0])
        }
    }
}

fn broadcast_request() -> Seen {
    Seen::Request {
        destination: crate::ethernet::BROADCAST,
        target: PEER,
    }
}

fn probe() -> Seen {
    Seen::Request {
        destination: PEER_MAC,
        target: PEER,
    }
}

fn sent(payload: u8) -> Seen {
    Seen::Sent {
        destination: PEER_MAC,
        payload,
    }
}
