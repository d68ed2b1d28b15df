//! DPDK without huge pages and privileges: a packet goes round a looped-back ring, an exhausted pool
//! is an ordinary answer, and every buffer comes back. One test, since EAL starts once in a process.

use coremill_engine::nic::dpdk::{Eal, EalError, Mbuf};
use coremill_engine::nic::{Buffer, ChecksumStatus, Port, TransmitOffload};
use coremill_engine::options::{Device, EalMemory, EalOptions, PortOptions};

const PACKETS: u32 = 2_047;
const WORKERS: usize = 2;

#[test]
fn packets_go_round_and_come_back() {
    let directory = tempfile::tempdir().expect("a runtime directory");
    let options = EalOptions {
        memory: EalMemory::Ordinary { megabytes: 64 },
        file_prefix: String::from("ring"),
        runtime_directory: Some(directory.path().to_path_buf()),
        log_level: 4,
        extra_arguments: Vec::new(),
        packets: PACKETS,
    };
    let ports = [
        port("loop0", Device::RingLoopback),
        port("loop1", Device::RingLoopback),
    ];
    let eal = Eal::start(&options, &ports, WORKERS).expect("EAL starts");
    assert!(matches!(
        Eal::start(&options, &ports, 1),
        Err(EalError::AlreadyStarted)
    ));
    assert_eq!(eal.packets_free(), PACKETS as usize);
    information_is_right(&eal);
    let registration = eal.register_worker().expect("this thread becomes a worker");
    assert!(registration.lcore().is_some());
    let mut buffers = Vec::with_capacity(64);
    for port in 0..ports.len() {
        for worker in 0..WORKERS {
            a_packet_goes_round(&eal, port, worker, &mut buffers);
        }
    }
    exhaustion_is_an_answer(&eal);
    full_ring_keeps_order(&eal);
    packets_cross_threads(&eal);
    assert_eq!(
        eal.packets_free(),
        PACKETS as usize,
        "all packets came back"
    );
    drop(registration);
    // With packets still in a ring: they are drained when the ports close.
    let mut queue = eal.queue(0, 0).expect("free again");
    send(&mut queue, &mut buffers, 10);
    drop(queue);
    assert_eq!(eal.packets_free(), PACKETS as usize - 10);
    drop(eal);
}

fn port(name: &str, device: Device) -> PortOptions {
    PortOptions {
        name: name.to_string(),
        device,
        addresses: Vec::new(),
        mtu: Some(1500),
        receive_descriptors: 127,
        transmit_descriptors: 128,
        segmentation: true,
    }
}

fn information_is_right(eal: &Eal) {
    let information = eal.port_information(1).expect("a second port");
    assert_eq!(information.name, "loop1");
    assert_eq!(information.driver, "net_ring");
    assert_eq!((information.mtu, information.queues), (1500, WORKERS));
    assert!(!information.receive_interrupts);
    assert!(
        information.capabilities.receive_tcp_checksum,
        "nothing happens to a packet in this host's memory"
    );
    assert_ne!(
        information.mac,
        eal.port_information(0).expect("a first port").mac
    );
    assert_eq!(
        information.mac[0] & 3,
        2,
        "a locally administered unicast address"
    );
    assert!(eal.port_information(2).is_none());
}

fn a_packet_goes_round(eal: &Eal, port: usize, worker: usize, buffers: &mut Vec<Mbuf>) {
    let mut queue = eal.queue(port, worker).expect("its queue");
    assert!(eal.queue(port, worker).is_none(), "taken once only");
    assert!(queue.receive_interrupt().is_none());
    let mut packet = queue.allocate().expect("a packet");
    assert!(packet.data().is_empty());
    // Used, and as good as new.
    packet.append(100).expect("room");
    packet.trim_front(50);
    assert!(queue.renew(&mut packet) && packet.data().is_empty());
    assert!(packet.prepend(100).is_some(), "headroom");
    assert!(queue.renew(&mut packet) && packet.receive_hash().is_none());
    packet.append(1_514).expect("room for a full frame").fill(7);
    packet.trim_front(14);
    packet
        .prepend(14)
        .expect("headroom")
        .copy_from_slice(&[1; 14]);
    assert!(packet.prepend(10_000).is_none() && packet.append(10_000).is_none());
    assert_eq!(packet.data().len(), 1_514, "refusals change nothing");
    packet.set_offload(TransmitOffload {
        link_header: 14,
        ip_header: 20,
        tcp_checksum: true,
        ..TransmitOffload::default()
    });
    buffers.push(packet);
    assert_eq!(queue.transmit(buffers), 1);
    assert!(buffers.is_empty());
    assert_eq!(queue.receive(buffers, 32), 1);
    let mut packet = buffers.pop().expect("the packet");
    assert_eq!(
        packet.data()[..15],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7]
    );
    // Only what was left to the port is vouched for.
    assert_eq!(
        packet.checksums(),
        (ChecksumStatus::Unknown, ChecksumStatus::Good)
    );
    assert_eq!(packet.receive_hash(), None);
    packet.truncate(60);
    packet.truncate(600);
    assert_eq!(packet.data_mut().len(), 60);
    packet.trim_front(100);
    assert!(packet.data().is_empty());
    assert_eq!(queue.receive(buffers, 32), 0);
}

fn exhaustion_is_an_answer(eal: &Eal) {
    let mut queue = eal.queue(0, 0).expect("its queue");
    let mut held = Vec::with_capacity(PACKETS as usize);
    while let Some(packet) = queue.allocate() {
        held.push(packet);
        assert!(
            held.len() <= PACKETS as usize,
            "more packets than there are"
        );
    }
    // What other threads' caches hold is out of reach: the main thread's, from the start.
    assert!(
        held.len() > PACKETS as usize * 3 / 4,
        "only {} packets",
        held.len()
    );
    held.truncate(held.len() - 1);
    assert!(queue.allocate().is_some(), "a freed packet is there again");
}

fn full_ring_keeps_order(eal: &Eal) {
    let mut queue = eal.queue(1, 1).expect("its queue");
    let mut buffers = Vec::with_capacity(300);
    for number in 0..300u16 {
        let mut packet = queue.allocate().expect("a packet");
        packet
            .append(2)
            .expect("room")
            .copy_from_slice(&number.to_be_bytes());
        buffers.push(packet);
    }
    assert_eq!(queue.transmit(&mut buffers), 127, "the ring's slots");
    assert_eq!(
        buffers[0].data(),
        127u16.to_be_bytes(),
        "the rest stays in order"
    );
    let mut received = Vec::with_capacity(300);
    assert_eq!(queue.receive(&mut received, 100), 100);
    assert_eq!(queue.receive(&mut received, 100), 27);
    for (number, packet) in received.iter().enumerate() {
        assert_eq!(
            usize::from(packet.data()[0]) << 8 | usize::from(packet.data()[1]),
            number
        );
    }
    let mut small = Vec::with_capacity(5);
    assert_eq!(queue.transmit(&mut buffers), 127);
    assert_eq!(
        queue.receive(&mut small, 100),
        small.capacity().min(100),
        "no growth"
    );
    received.clear();
    while queue.receive(&mut received, 64) > 0 {}
}

fn packets_cross_threads(eal: &Eal) {
    let (sender, receiver) = std::sync::mpsc::channel::<Mbuf>();
    let handle = eal.clone();
    let thread = std::thread::spawn(move || {
        let _registration = handle.register_worker().expect("another worker");
        receiver
            .into_iter()
            .map(|packet| packet.data().len())
            .sum::<usize>()
    });
    let mut queue = eal.queue(0, 1).expect("its queue");
    for _ in 0..100 {
        let mut packet = queue.allocate().expect("a packet");
        packet.append(64).expect("room");
        sender.send(packet).expect("the other thread listens");
    }
    drop(sender);
    assert_eq!(thread.join().expect("no panic"), 6_400);
}

fn send(queue: &mut impl Port<Buffer = Mbuf>, buffers: &mut Vec<Mbuf>, count: usize) {
    for _ in 0..count {
        let mut packet = queue.allocate().expect("a packet");
        packet.append(64).expect("room");
        buffers.push(packet);
    }
    assert_eq!(queue.transmit(buffers), count);
}
