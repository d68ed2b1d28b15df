//! A net_tap port with two queues against the kernel, in a network namespace of its own (made with
//! `unshare -rn`, so that no privileges are needed where user namespaces are allowed). Holds what
//! `nic/dpdk.rs` says about tap: interrupts, checksums, and to which queue a flow comes home.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use coremill_engine::nic::dpdk::{DpdkPort, Eal, Mbuf};
use coremill_engine::nic::{Buffer, ChecksumStatus, Port, TransmitOffload};
use coremill_engine::options::{Device, EalMemory, EalOptions, PortOptions};
use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};

const PACKETS: u32 = 4_095;
const KERNEL: [u8; 4] = [192, 0, 2, 1];
const OURS: [u8; 4] = [192, 0, 2, 2];
const INSIDE: &str = "COREMILL_TEST_INSIDE_NAMESPACE";

#[test]
fn tap_with_two_queues_talks_with_the_kernel() {
    if std::env::var_os(INSIDE).is_some() {
        inside();
        return;
    }
    let executable = std::env::current_exe().expect("this test's binary");
    let output = Command::new("unshare")
        .args(["-rn"])
        .arg(executable)
        .args([
            "--exact",
            "tap_with_two_queues_talks_with_the_kernel",
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .output()
        .expect("unshare of util-linux");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "in the namespace (user namespaces allowed? /dev/net/tun open to all?):\n{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

fn inside() {
    let directory = tempfile::tempdir().expect("a runtime directory");
    let options = EalOptions {
        memory: EalMemory::Ordinary { megabytes: 64 },
        file_prefix: String::from("tap"),
        runtime_directory: Some(directory.path().to_path_buf()),
        log_level: 4,
        extra_arguments: Vec::new(),
        packets: PACKETS,
    };
    let ports = [PortOptions {
        name: String::from("tap0"),
        device: Device::Virtual(String::from("net_tap0,iface=cm0")),
        addresses: Vec::new(),
        mtu: Some(1400),
        receive_descriptors: 256,
        transmit_descriptors: 256,
        segmentation: true,
    }];
    // Router and group discovery would come in between; the setting is the namespace's own.
    for scope in ["all", "default"] {
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
    }
    let eal = Eal::start(&options, &ports, 2).expect("EAL starts");
    let information = eal.port_information(0).expect("the port");
    assert_eq!(
        (information.driver.as_str(), information.mtu),
        ("net_tap", 1400)
    );
    assert!(information.receive_interrupts && information.link.up);
    let shown = run("ip link show dev cm0");
    assert!(shown.contains("mtu 1400"), "{shown}");
    let mac = information.mac.map(|byte| format!("{byte:02x}")).join(":");
    assert!(
        shown.contains(&mac),
        "the kernel's end has the same MAC as the port: {shown}"
    );
    run("ip address add 192.0.2.1/24 dev cm0");
    run("ip link set lo up");
    run(&format!(
        "ip neighbor replace 192.0.2.2 lladdr {mac} dev cm0 nud permanent"
    ));
    let mut queues = [
        eal.queue(0, 0).expect("queue 0"),
        eal.queue(0, 1).expect("queue 1"),
    ];
    let _registration = eal.register_worker().expect("this thread becomes a worker");
    interrupt_is_level_triggered(&mut queues);
    kernel_gets_checksums_filled_by_the_driver(&mut queues[0], information.mac);
    wrong_checksums_are_seen(&mut queues, information.mac);
    flows_come_home_to_the_queue_that_sent_last(&mut queues, information.mac);
    let statistics = eal.statistics(0).expect("the port");
    assert!(statistics.received_packets > 30 && statistics.transmitted_packets > 30);
    assert_eq!(
        statistics.segmented_discarded + statistics.unprepared_discarded,
        0
    );
    drop(queues);
    // Each queue of tap keeps a packet per descriptor ready for the kernel's next ones.
    assert!(
        eal.packets_free() >= PACKETS as usize - 2 * 256 - 2,
        "{}",
        eal.packets_free()
    );
}

/// A datagram from the kernel makes one queue's descriptor readable, which it stays until the
/// packet is taken.
fn interrupt_is_level_triggered(queues: &mut [DpdkPort; 2]) {
    drain(queues);
    assert!(
        ready(queues, Duration::from_millis(50)).is_empty(),
        "nothing has come"
    );
    let socket = UdpSocket::bind("192.0.2.1:0").expect("a socket");
    socket.send_to(b"hello", "192.0.2.2:9").expect("sent");
    let first = ready(queues, Duration::from_secs(2));
    assert_eq!(first.len(), 1, "one queue has it: {first:?}");
    assert_eq!(
        ready(queues, Duration::ZERO),
        first,
        "still readable: level-triggered"
    );
    let mut packets = receive_for(&mut queues[first[0]], Duration::from_secs(2), is_udp);
    let packet = packets.pop().expect("the datagram");
    assert!(packet.data().ends_with(b"hello"));
    // UDP's checksum is not among the offloads asked for, the header's is.
    assert_eq!(packet.checksums().0, ChecksumStatus::Good);
    assert!(ready(queues, Duration::from_millis(50)).is_empty(), "taken");
}

fn kernel_gets_checksums_filled_by_the_driver(queue: &mut DpdkPort, mac: [u8; 6]) {
    let capabilities = queue.capabilities();
    assert!(capabilities.transmit_tcp_checksum && capabilities.transmit_ipv4_checksum);
    assert!(capabilities.receive_tcp_checksum && !capabilities.receive_steering);
    let _listener = TcpListener::bind("192.0.2.1:7001").expect("a listener");
    let mut bare = syn(mac, 40_000, 7001);
    bare[14 + 10..14 + 12].fill(0);
    let unhelped = bare.clone();
    send(queue, &unhelped, TransmitOffload::default());
    let answered = |data: &[u8]| is_tcp(data, 7001, 40_000);
    assert!(
        receive_for(queue, Duration::from_millis(200), answered).is_empty(),
        "bad checksum"
    );
    set_pseudo_header_sum(&mut bare);
    let offload = TransmitOffload {
        link_header: 14,
        ip_header: 20,
        ipv4_checksum: true,
        tcp_checksum: true,
        ipv6: false,
        ..TransmitOffload::default()
    };
    send(queue, &bare, offload);
    let answers = receive_for(queue, Duration::from_secs(2), answered);
    let answer = answers.first().expect("a SYN-ACK");
    assert_eq!(
        answer.checksums(),
        (ChecksumStatus::Good, ChecksumStatus::Good)
    );
}

/// A raw socket sends TCP headers as they are.
fn wrong_checksums_are_seen(queues: &mut [DpdkPort; 2], mac: [u8; 6]) {
    drain(queues);
    let socket =
        socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::TCP)).expect("a socket");
    let mut segment = syn(mac, 40_001, 7002).split_off(34);
    segment[16] ^= 0x55;
    let to = SocketAddrV4::new(Ipv4Addr::from(OURS), 0);
    sendto(&socket, &segment, SendFlags::empty(), &to).expect("sent");
    let index = *ready(queues, Duration::from_secs(2))
        .first()
        .expect("it comes");
    let wanted = |data: &[u8]| is_tcp(data, 40_001, 7002);
    let packets = receive_for(&mut queues[index], Duration::from_secs(2), wanted);
    let statuses = packets.first().expect("the segment").checksums();
    assert_eq!(statuses, (ChecksumStatus::Good, ChecksumStatus::Bad));
}

/// The kernel sends a flow to the queue of the tap from which it last came. It learns the queue only
/// after it has dealt with the packet, so the answer to a flow's first packet goes by its own hash.
fn flows_come_home_to_the_queue_that_sent_last(queues: &mut [DpdkPort; 2], mac: [u8; 6]) {
    let _listener = TcpListener::bind("192.0.2.1:7003").expect("a listener");
    let flows = 0..16u16;
    let sender = |flow: u16| usize::from(flow % 2);
    for flow in flows.clone() {
        let frame = syn(mac, 41_000 + flow, 7003);
        send(
            &mut queues[sender(flow)],
            &frame,
            TransmitOffload::default(),
        );
    }
    drain(queues);
    for flow in flows {
        let source = 41_000 + flow;
        let queue = &mut queues[sender(flow)];
        send(queue, &syn(mac, source, 7003), TransmitOffload::default());
        let again = receive_for(queue, Duration::from_secs(1), |data| {
            is_tcp(data, 7003, source)
        });
        assert_eq!(again.len(), 1, "flow {flow} came home");
    }
}

fn send(queue: &mut DpdkPort, frame: &[u8], offload: TransmitOffload) {
    let mut packet = queue.allocate().expect("a packet");
    packet
        .append(frame.len())
        .expect("room")
        .copy_from_slice(frame);
    packet.set_offload(offload);
    let mut packets = vec![packet];
    assert_eq!(queue.transmit(&mut packets), 1);
}

/// Receives until a packet for which `wanted` holds came, or time is over; gives those wanted.
fn receive_for(queue: &mut DpdkPort, time: Duration, wanted: impl Fn(&[u8]) -> bool) -> Vec<Mbuf> {
    let end = Instant::now() + time;
    let mut packets: Vec<Mbuf> = Vec::with_capacity(64);
    while Instant::now() < end {
        queue.receive(&mut packets, 32);
        packets.retain(|packet| wanted(packet.data()));
        if !packets.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    packets
}

fn drain(queues: &mut [DpdkPort; 2]) {
    for queue in queues {
        receive_for(queue, Duration::from_millis(300), |_| false);
    }
}

/// Queues whose interrupt descriptor is readable within `time`.
fn ready(queues: &[DpdkPort; 2], time: Duration) -> Vec<usize> {
    let descriptors = queues.each_ref().map(|queue| {
        queue
            .receive_interrupt()
            .expect("tap has receive interrupts")
    });
    let mut polled = descriptors
        .each_ref()
        .map(|fd| PollFd::new(fd, PollFlags::IN));
    let timeout = Timespec::try_from(time).expect("a short time");
    // The driver's signal may interrupt the wait.
    while let Err(error) = poll(&mut polled, Some(&timeout)) {
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Interrupted);
    }
    (0..2)
        .filter(|&index| polled[index].revents().contains(PollFlags::IN))
        .collect()
}

fn syn(mac: [u8; 6], source: u16, destination: u16) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(mac, mac)
        .ipv4(OURS, KERNEL, 64)
        .tcp(source, destination, 1, 65_535)
        .syn();
    let mut frame = Vec::new();
    builder.write(&mut frame, &[]).expect("written to memory");
    frame
}

/// Puts the sum that a driver expects into the TCP checksum field (RFC 9293, section 3.1).
fn set_pseudo_header_sum(frame: &mut [u8]) {
    let mut sum = 6 + u32::try_from(frame.len() - 34).expect("short");
    for pair in frame[26..34].chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair[1]]));
    }
    let folded = (sum & 0xffff) + (sum >> 16);
    frame[34 + 16..34 + 18].copy_from_slice(&u16::try_from(folded).expect("folded").to_be_bytes());
}

fn is_udp(data: &[u8]) -> bool {
    matches!(transport(data), Some(TransportSlice::Udp(_)))
}

fn is_tcp(data: &[u8], source: u16, destination: u16) -> bool {
    matches!(transport(data), Some(TransportSlice::Tcp(header))
        if header.source_port() == source && header.destination_port() == destination)
}

fn transport(data: &[u8]) -> Option<TransportSlice<'_>> {
    SlicedPacket::from_ethernet(data).ok()?.transport
}

fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().expect("a program"))
        .args(words)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}
