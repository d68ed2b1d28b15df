//! Delay, order, loss and bounds, in virtual time.

use super::super::Buffer;
use super::*;

fn send(port: &mut SimulatedPort, numbers: std::ops::Range<u16>) -> usize {
    let mut packets = Vec::new();
    for number in numbers {
        let mut packet = port.allocate().expect("a packet");
        packet
            .append(2)
            .expect("room")
            .copy_from_slice(&number.to_be_bytes());
        packets.push(packet);
    }
    port.transmit(&mut packets)
}

fn receive(port: &mut SimulatedPort) -> Vec<u16> {
    let mut packets = Vec::with_capacity(2_000);
    port.receive(&mut packets, 2_000);
    packets
        .iter()
        .map(|packet| u16::from_be_bytes([packet.data()[0], packet.data()[1]]))
        .collect()
}

#[test]
fn packets_arrive_after_the_delay_and_in_order() {
    let (pool, time) = (HeapPool::new(64), VirtualTime::default());
    let (mut left, mut right) = SimulatedPort::pair(&pool, &time, 1, LinkRates::default());
    assert_eq!(send(&mut left, 0..3), 3);
    assert_eq!(right.next_arrival(), Some(Instant::from_micros(50)));
    time.advance(Duration::from_nanos(49_999));
    assert!(receive(&mut right).is_empty());
    time.advance_to(Instant::from_micros(50));
    time.advance_to(Instant::from_micros(1));
    assert_eq!(
        time.now(),
        Instant::from_micros(50),
        "time does not run back"
    );
    assert_eq!(receive(&mut right), [0, 1, 2]);
    assert!(receive(&mut left).is_empty());
    assert_eq!((right.next_arrival(), pool.free()), (None, 64));
}

#[test]
fn a_full_link_refuses_the_rest() {
    let (pool, time) = (HeapPool::new(64), VirtualTime::default());
    let rates = LinkRates {
        packets_max: 10,
        ..LinkRates::default()
    };
    let (mut left, mut right) = SimulatedPort::pair(&pool, &time, 1, rates);
    assert_eq!(send(&mut left, 0..20), 10);
    assert_eq!(send(&mut right, 0..1), 1, "the other direction is free");
    time.advance(Duration::from_secs(1));
    assert_eq!(receive(&mut right).len(), 10);
}

#[test]
fn jitter_reorders_and_loss_is_counted_the_same_for_a_seed() {
    let rates = LinkRates {
        jitter: Duration::from_micros(20),
        loss_per_million: 100_000,
        packets_max: 1_000,
        ..LinkRates::default()
    };
    let run = |seed| {
        let (pool, time) = (HeapPool::new(1_000), VirtualTime::default());
        let (mut left, mut right) = SimulatedPort::pair(&pool, &time, seed, rates);
        send(&mut left, 0..1_000);
        time.advance(Duration::from_millis(1));
        let received = receive(&mut right);
        assert_eq!(received.len() as u64 + right.lost(), 1_000);
        assert!((50..200).contains(&right.lost()), "{} lost", right.lost());
        assert!(!received.is_sorted());
        received
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5));
}
