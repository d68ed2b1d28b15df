//! Order, bounds and directions.

use super::super::Buffer;
use super::*;

fn packets(port: &mut LoopbackPort, numbers: std::ops::Range<u8>) -> Vec<HeapBuffer> {
    numbers
        .map(|number| {
            let mut packet = port.allocate().expect("a packet");
            packet.append(1).expect("room").fill(number);
            packet
        })
        .collect()
}

fn numbers(packets: &[HeapBuffer]) -> Vec<u8> {
    packets.iter().map(|packet| packet.data()[0]).collect()
}

#[test]
fn each_end_receives_what_the_other_sends() {
    let pool = HeapPool::new(16);
    let (mut left, mut right) = LoopbackPort::pair(&pool, 8);
    assert_ne!(left.mac(), right.mac());
    let mut sent = packets(&mut left, 0..3);
    assert_eq!(left.transmit(&mut sent), 3);
    let mut sent = packets(&mut right, 10..12);
    assert_eq!(right.transmit(&mut sent), 2);
    let mut received = Vec::with_capacity(8);
    assert_eq!(right.receive(&mut received, 2), 2);
    assert_eq!(right.receive(&mut received, 2), 1);
    assert_eq!(numbers(&received), [0, 1, 2]);
    received.clear();
    assert_eq!(left.receive(&mut received, 8), 2);
    assert_eq!(numbers(&received), [10, 11]);
}

#[test]
fn a_full_link_takes_no_more_and_the_rest_stays_in_order() {
    let pool = HeapPool::new(16);
    let mut port = LoopbackPort::looped(&pool, 4)
        .with_mtu(9000)
        .with_mac([6; 6]);
    assert_eq!((port.mtu(), port.mac()), (9000, [6; 6]));
    let mut sent = packets(&mut port, 0..6);
    assert_eq!(port.transmit(&mut sent), 4);
    assert_eq!(numbers(&sent), [4, 5]);
    assert_eq!(port.transmit(&mut sent), 0);
    let mut received = Vec::with_capacity(3);
    assert_eq!(
        port.receive(&mut received, 100),
        received.capacity().min(4),
        "no growth"
    );
    drop((sent, received, port));
    assert_eq!(pool.free(), 16, "all came back, those inside too");
}
