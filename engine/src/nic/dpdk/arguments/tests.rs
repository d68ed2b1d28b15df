//! Each memory kind, device kind and the lcore set.

use super::*;

fn options(memory: EalMemory) -> EalOptions {
    EalOptions {
        memory,
        file_prefix: String::from("cm"),
        runtime_directory: None,
        log_level: 5,
        extra_arguments: vec![String::from("--iova-mode=va")],
        packets: 1024,
    }
}

fn port(device: Device) -> PortOptions {
    PortOptions {
        name: String::from("p0"),
        device,
        addresses: Vec::new(),
        mtu: None,
        receive_descriptors: 256,
        transmit_descriptors: 256,
        segmentation: true,
    }
}

#[test]
fn ordinary_pages_without_pci() {
    let virtual_port = port(Device::Virtual(String::from("net_tap0,iface=cm0")));
    let line = arguments(
        &options(EalMemory::Ordinary { megabytes: 64 }),
        &[virtual_port],
        &[0, 1],
    );
    assert_eq!(
        line.join(" "),
        "coremilld --no-huge -m 64 --no-shconf --no-telemetry --lcores 0@(0,1) --file-prefix=cm \
         --log-level=5 --no-pci --iova-mode=va"
    );
}

#[test]
fn in_memory_never_meets_no_huge() {
    let line = arguments(&options(EalMemory::HugeInMemory), &[], &[2]);
    assert!(line.iter().any(|argument| argument == "--in-memory"));
    assert!(!line.iter().any(|argument| argument == "--no-huge"));
    let telemetry = !line.iter().any(|argument| argument == "--no-telemetry");
    assert!(telemetry, "DPDK's own tools ask for it");
}

#[test]
fn named_pci_devices_are_the_only_ones_allowed() {
    let ports = [
        port(Device::Pci(String::from("0000:03:00.0"))),
        port(Device::RingLoopback),
    ];
    let line = arguments(&options(EalMemory::Huge), &ports, &[]);
    let at = line
        .iter()
        .position(|argument| argument == "-a")
        .expect("an allow-list");
    assert_eq!(line[at + 1], "0000:03:00.0");
    assert!(!line.iter().any(|argument| argument == "--no-pci"));
    assert!(!line.iter().any(|argument| argument == "--lcores"));
}

#[test]
fn log_level_is_kept_within_what_eal_accepts() {
    let mut loud = options(EalMemory::Huge);
    loud.log_level = 200;
    assert!(arguments(&loud, &[], &[]).contains(&String::from("--log-level=8")));
}
