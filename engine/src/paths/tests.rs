use std::net::Ipv4Addr;

use super::*;
use crate::arp;
use crate::neighbors::Output;
use crate::options::NeighborOptions;
use crate::routes::{PlainRoutes, Route};
use crate::test_packet::{HeapBuffer, OUR_MAC, OURS, PEER, PEER_MAC, buffer_of, local_addresses};

const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
const NOW: Instant = Instant::from_millis(7);

struct Bench {
    paths: Paths,
    routes: PlainRoutes,
    local: LocalAddresses,
    neighbors: Neighbors<HeapBuffer>,
}

impl Bench {
    fn new() -> Self {
        let macs = [OUR_MAC, [2, 0, 0, 0, 0, 7]];
        let mut routes = PlainRoutes::new(8);
        routes.add(route([10, 0, 0, 0], 24, None)).unwrap();
        let options = NeighborOptions::default();
        Self {
            paths: Paths::new(16, &macs, [1; 16]),
            routes,
            local: local_addresses(),
            neighbors: Neighbors::new(options, &macs, local_addresses(), [2; 16]),
        }
    }

    fn send(&mut self, destination: Ipv4Addr) -> Sending<HeapBuffer> {
        let Self {
            paths,
            routes,
            local,
            neighbors,
        } = self;
        let packet = buffer_of(b"packet");
        paths.send(
            NOW,
            destination.into(),
            packet,
            (&*routes, &*local),
            neighbors,
        )
    }

    fn find(&mut self, destination: Ipv4Addr) -> Option<Path> {
        self.paths
            .find(destination.into(), &self.routes, &self.local)
    }

    fn learn(&mut self, address: Ipv4Addr) {
        let observation = arp::Observation {
            address: address.into(),
            mac: PEER_MAC,
            solicited: true,
            create: true,
        };
        assert!(self.neighbors.learn(NOW, 0, &observation));
    }

    /// The destination MAC address that a packet leaves with at once.
    fn sent_to(&mut self, destination: Ipv4Addr) -> Option<(usize, [u8; 6])> {
        match self.send(destination) {
            Sending::Port(port, packet) => {
                assert_eq!(packet.data()[14..], *b"packet");
                Some((port, *packet.data().first_chunk().unwrap()))
            }
            _ => None,
        }
    }
}

fn route(network: [u8; 4], prefix_length: u8, gateway: Option<Ipv4Addr>) -> Route {
    Route {
        network: IpAddr::V4(network.into()),
        prefix_length,
        gateway: gateway.map(IpAddr::V4),
        port: 0,
        source: OURS.into(),
        local_through_port: false,
    }
}

#[test]
fn a_packet_waits_for_its_neighbour_then_goes() {
    let mut bench = Bench::new();
    assert!(matches!(bench.send(PEER), Sending::Waiting));
    assert!(matches!(
        bench.neighbors.next_output(),
        Some(Output::Request { .. })
    ));
    bench.learn(PEER);
    assert!(matches!(
        bench.neighbors.next_output(),
        Some(Output::Packet { port: 0, .. })
    ));
    for _ in 0..3 {
        assert_eq!(bench.sent_to(PEER), Some((0, PEER_MAC)));
    }
}

#[test]
fn far_destinations_go_by_the_gateway_and_follow_the_routes() {
    let mut bench = Bench::new();
    assert!(matches!(
        bench.send(FAR),
        Sending::Dropped(LinkDropReason::NoRoute, _)
    ));
    bench.learn(PEER);
    bench
        .routes
        .add(route([0, 0, 0, 0], 0, Some(PEER)))
        .unwrap();
    assert_eq!(bench.find(FAR).unwrap().source, IpAddr::V4(OURS));
    assert_eq!(bench.sent_to(FAR), Some((0, PEER_MAC)));
    // Now it is on the link: the kept path must not be used any more.
    bench.routes.add(route([192, 0, 2, 0], 24, None)).unwrap();
    assert!(matches!(bench.send(FAR), Sending::Waiting));
    bench
        .routes
        .remove(IpAddr::V4([192, 0, 2, 0].into()), 24)
        .unwrap();
    bench
        .routes
        .remove(IpAddr::V4([0, 0, 0, 0].into()), 0)
        .unwrap();
    assert!(matches!(
        bench.send(FAR),
        Sending::Dropped(LinkDropReason::NoRoute, _)
    ));
}

#[test]
fn our_own_addresses_stay_inside_or_go_through_the_port() {
    let mut bench = Bench::new();
    let Sending::Inside(packet) = bench.send(OURS) else {
        panic!("not inside");
    };
    assert_eq!(packet.data(), b"packet");
    assert_eq!(bench.find(OURS).unwrap().source, IpAddr::V4(OURS));
    let through_port = Route {
        local_through_port: true,
        ..route([10, 0, 0, 0], 24, None)
    };
    bench.routes.add(through_port).unwrap();
    assert_eq!(bench.sent_to(OURS), Some((0, OUR_MAC)));
    // Another network's address of ours, without a route of its own.
    assert!(matches!(
        bench.send(Ipv4Addr::new(10, 1, 0, 1)),
        Sending::Inside(_)
    ));
}

#[test]
fn groups_broadcasts_and_martians_are_no_destinations() {
    let mut bench = Bench::new();
    bench
        .routes
        .add(route([0, 0, 0, 0], 0, Some(PEER)))
        .unwrap();
    for destination in [
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [255; 4],
        [10, 0, 0, 255],
        [0; 4],
    ] {
        assert_eq!(bench.find(destination.into()), None, "{destination:?}");
    }
    for destination in ["::", "::1", "ff02::1"] {
        let destination = destination.parse().unwrap();
        assert_eq!(
            bench.paths.find(destination, &bench.routes, &bench.local),
            None
        );
    }
}

#[test]
fn paths_beyond_the_room_push_each_other_out_and_still_work() {
    let mut bench = Bench::new();
    for last in 2..250 {
        bench.learn(Ipv4Addr::new(10, 0, 0, last));
    }
    for _ in 0..2 {
        for last in 2..250 {
            let sent = bench.sent_to(Ipv4Addr::new(10, 0, 0, last));
            assert_eq!(sent, Some((0, PEER_MAC)));
        }
    }
}

#[test]
fn progress_reaches_the_neighbour_behind_the_path() {
    let mut bench = Bench::new();
    bench
        .routes
        .add(route([0, 0, 0, 0], 0, Some(PEER)))
        .unwrap();
    bench.learn(PEER);
    bench.sent_to(FAR);
    let state = |bench: &Bench| {
        let mut rows = Vec::with_capacity(4);
        bench.neighbors.rows(NOW, 0, &mut rows);
        rows[0].state
    };
    use crate::snapshot::NeighborState::{Delay, Reachable};
    // The packet after the one that looked the neighbour up finds it stale and in use.
    assert_eq!(state(&bench), Delay);
    bench.paths.confirm(NOW, PEER.into(), &mut bench.neighbors);
    assert_eq!(
        state(&bench),
        Delay,
        "nothing was sent to the gateway itself"
    );
    bench.paths.confirm(NOW, FAR.into(), &mut bench.neighbors);
    assert_eq!(state(&bench), Reachable);
}

#[test]
fn a_doubted_way_is_looked_for_again_and_its_neighbour_asked() {
    let mut bench = Bench::new();
    bench.send(PEER);
    while bench.neighbors.next_output().is_some() {}
    bench.learn(PEER);
    while bench.neighbors.next_output().is_some() {}
    assert!(bench.sent_to(PEER).is_some());
    let later = NOW + std::time::Duration::from_secs(5);
    bench.paths.doubt(later, FAR.into(), &mut bench.neighbors);
    assert!(bench.neighbors.next_output().is_none(), "another one's");
    bench.paths.doubt(later, PEER.into(), &mut bench.neighbors);
    assert!(matches!(
        bench.neighbors.next_output(),
        Some(Output::Request { .. })
    ));
    let known = (bench.paths).known(later, PEER, 0, &mut bench.neighbors);
    assert_eq!(known, None, "looked up again with the next packet");
    assert!(bench.sent_to(PEER).is_some());
}
