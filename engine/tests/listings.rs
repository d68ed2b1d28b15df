//! What an application is told of a connection in several numbers: memory, congestion control, statistics.

#[expect(
    dead_code,
    reason = "what plays requests and replies is not needed here"
)]
mod attached;
#[path = "attached/meanwhile.rs"]
mod meanwhile;

use std::io::{Read, Write};

use attached::Attached;
use coremill_client::{CongestionInfo, TcpStream};
use meanwhile::{meanwhile, patiently};

/// Writes there and reads here.
fn carry(mut from: &TcpStream, mut to: &TcpStream, bytes: &[u8]) {
    let written = patiently(|| from.write(bytes)).expect("room");
    assert_eq!(written, bytes.len());
    let mut read = vec![0; bytes.len()];
    let mut count = 0;
    while count < bytes.len() {
        count += patiently(|| to.read(&mut read[count..])).expect("bytes");
    }
    assert!(read == bytes, "other bytes");
}

#[test]
fn names_of_the_ring_are_those_of_the_machine() {
    assert_eq!(
        coremill_ring::listing::OBJECTS,
        coremill_tcp::statistics::OBJECTS
    );
}

#[test]
fn a_connection_counts_once_it_is_asked_to() {
    let mut attached = Attached::start(1).expect("a worker and its application");
    meanwhile(&mut attached, |near, far| {
        let error = near.statistics().expect_err("nobody asked");
        assert_eq!(error.raw_os_error(), Some(61), "ENODATA");
        near.set_statistics(true).expect("an option");
        carry(near, far, &[7; 3_000]);
        carry(far, near, &[8; 500]);
        let counted = near.statistics().expect("it counts");
        let value = |name| counted.value(name).expect(name);
        assert_eq!(
            counted.iter().count(),
            coremill_ring::listing::OBJECTS.len()
        );
        assert_eq!(value("PerfDataOctetsOut"), 3_000);
        assert_eq!(value("PerfDataOctetsIn"), 500);
        assert_eq!(value("AppThruOctetsAcked"), 3_000);
        assert_eq!(value("AppThruOctetsReceived"), 500);
        assert!(value("PerfSegsOut") >= 3 && value("PathCountRTT") >= 1);
        assert_eq!(counted.value("PerfNone"), None);
        assert!(far.statistics().is_err(), "it is each connection's own");
        near.set_statistics(false).expect("an option");
        assert!(near.statistics().is_err());
    });
}

#[test]
fn memory_and_what_an_algorithm_knows_are_told() {
    let mut attached = Attached::start(1).expect("a worker and its application");
    meanwhile(&mut attached, |near, far| {
        let idle = near.memory_info().expect("it is there");
        assert_eq!((idle.send_queued, idle.receive_held), (0, 0));
        assert!(idle.receive_buffer > 0 && idle.send_buffer > 0);
        assert_eq!(idle.to_array()[1], idle.receive_buffer);
        assert_eq!(near.congestion_info().expect("open"), CongestionInfo::None);
        near.set_congestion("bbr").expect("it is allowed");
        carry(near, far, &[7; 3_000]);
        let CongestionInfo::Bbr { pacing_gain, .. } = near.congestion_info().expect("open") else {
            panic!("not BBR")
        };
        assert!(pacing_gain > 0);
        near.set_congestion("dctcp").expect("it is allowed");
        let info = near.congestion_info().expect("open");
        assert!(matches!(info, CongestionInfo::Dctcp { .. }), "{info:?}");
    });
}
