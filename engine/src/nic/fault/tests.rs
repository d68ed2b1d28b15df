//! Each fault alone, all together, and that nothing is lost uncounted.

use super::super::heap_buffer::{HeapBuffer, HeapPool};
use super::super::loopback::LoopbackPort;
use super::*;

const ALWAYS: u32 = 1_000_000;
const NONE: FaultRates = FaultRates {
    drop_per_million: 0,
    duplicate_per_million: 0,
    corrupt_per_million: 0,
    delay_per_million: 0,
    delay_turns_max: 0,
};

/// A looped port with faults on received packets.
fn port(pool: &HeapPool, seed: u64, receive: FaultRates) -> FaultPort<LoopbackPort> {
    FaultPort::new(LoopbackPort::looped(pool, 512), seed, receive, NONE)
}

fn send(port: &mut impl Port<Buffer = HeapBuffer>, count: u8) {
    let mut packets = Vec::new();
    for number in 0..count {
        let mut packet = port.allocate().expect("a packet");
        packet.append(20).expect("room").fill(number);
        packets.push(packet);
    }
    assert_eq!(port.transmit(&mut packets), usize::from(count));
}

fn receive(port: &mut impl Port<Buffer = HeapBuffer>, turns: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut packets = Vec::with_capacity(64);
    for _ in 0..turns {
        port.receive(&mut packets, 64);
        all.extend(packets.drain(..).map(|packet| packet.data().to_vec()));
    }
    all
}

#[test]
fn no_faults_change_nothing() {
    let pool = HeapPool::new(64);
    let mut port = port(&pool, 1, NONE);
    send(&mut port, 50);
    let received = receive(&mut port, 4);
    let expected: Vec<_> = (0..50).map(|number| vec![number; 20]).collect();
    assert_eq!(received, expected);
}

#[test]
fn dropped_packets_are_counted_and_freed() {
    let pool = HeapPool::new(64);
    let mut port = port(
        &pool,
        1,
        FaultRates {
            drop_per_million: ALWAYS,
            ..NONE
        },
    );
    send(&mut port, 50);
    assert!(receive(&mut port, 4).is_empty());
    assert_eq!((port.counts().0.dropped, pool.free()), (50, 64));
}

#[test]
fn doubled_packets_are_equal() {
    let pool = HeapPool::new(64);
    let mut port = port(
        &pool,
        1,
        FaultRates {
            duplicate_per_million: ALWAYS,
            ..NONE
        },
    );
    send(&mut port, 10);
    let received = receive(&mut port, 4);
    assert_eq!(received.len(), 20);
    assert!(received.chunks(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn corruption_flips_one_bit_and_the_port_no_longer_vouches() {
    let pool = HeapPool::new(64);
    let vouching = Capabilities {
        receive_tcp_checksum: true,
        ..Capabilities::default()
    };
    let looped = LoopbackPort::looped(&pool, 64).with_capabilities(vouching);
    let rates = FaultRates {
        corrupt_per_million: ALWAYS,
        ..NONE
    };
    let mut port = FaultPort::new(looped, 1, rates, NONE);
    assert!(!port.capabilities().receive_tcp_checksum);
    send(&mut port, 30);
    for (number, data) in receive(&mut port, 4).iter().enumerate() {
        let flipped: u32 = data
            .iter()
            .map(|byte| (byte ^ u8::try_from(number).expect("small")).count_ones())
            .sum();
        assert_eq!(flipped, 1, "packet {number}");
    }
}

#[test]
fn delayed_packets_are_overtaken_and_come() {
    let pool = HeapPool::new(256);
    let rates = FaultRates {
        delay_per_million: ALWAYS / 2,
        delay_turns_max: 5,
        ..NONE
    };
    let mut port = port(&pool, 3, rates);
    send(&mut port, 100);
    let received = receive(&mut port, 20);
    let mut sorted = received.clone();
    sorted.sort();
    assert_eq!(sorted.len(), 100);
    assert_ne!(sorted, received, "some were overtaken");
    assert!(port.counts().0.delayed > 20);
}

#[test]
fn faults_on_the_way_out_come_by_turns_too() {
    let pool = HeapPool::new(256);
    let rates = FaultRates {
        delay_per_million: ALWAYS,
        delay_turns_max: 3,
        ..NONE
    };
    let mut port = FaultPort::new(LoopbackPort::looped(&pool, 512), 7, NONE, rates);
    send(&mut port, 100);
    assert_eq!(receive(&mut port, 12).len(), 100);
    assert_eq!(port.counts().1.delayed, 100);
}

#[test]
fn what_is_neither_dropped_nor_doubled_comes_once_for_any_seed() {
    for seed in 0..200 {
        let pool = HeapPool::new(600);
        let rates = FaultRates {
            drop_per_million: 100_000,
            duplicate_per_million: 100_000,
            corrupt_per_million: 100_000,
            delay_per_million: 200_000,
            delay_turns_max: 4,
        };
        let mut port = FaultPort::new(LoopbackPort::looped(&pool, 512), seed, rates, rates);
        send(&mut port, 100);
        let received = receive(&mut port, 30).len() as u64;
        let (inward, outward) = port.counts();
        let arrived = 100 - outward.dropped + outward.duplicated;
        assert_eq!(inward.packets, arrived, "seed {seed}");
        assert_eq!(
            received,
            arrived - inward.dropped + inward.duplicated,
            "seed {seed}"
        );
        assert_eq!(pool.free(), 600, "seed {seed}");
    }
}

#[test]
fn same_seed_same_faults() {
    let rates = FaultRates {
        drop_per_million: 300_000,
        ..NONE
    };
    let run = |seed| {
        let pool = HeapPool::new(128);
        let mut port = port(&pool, seed, rates);
        send(&mut port, 100);
        receive(&mut port, 4)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
