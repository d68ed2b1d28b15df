//! The drivers of virtual devices are found and loaded from DPDK's folder by a Rust binary, without
//! being linked. In a network namespace of its own, for `net_af_packet` on its loopback device.

use std::process::Command;

use coremill_engine::nic::dpdk::Eal;
use coremill_engine::nic::{Buffer, Port};
use coremill_engine::options::{Device, EalMemory, EalOptions, PortOptions};

const INSIDE: &str = "COREMILL_TEST_INSIDE_NAMESPACE";

#[test]
fn drivers_of_virtual_devices_are_loaded() {
    if std::env::var_os(INSIDE).is_some() {
        inside();
        return;
    }
    let output = Command::new("unshare")
        .arg("-rn")
        .arg(std::env::current_exe().expect("this test's binary"))
        .args([
            "--exact",
            "drivers_of_virtual_devices_are_loaded",
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .output()
        .expect("unshare of util-linux");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

fn inside() {
    let directory = tempfile::tempdir().expect("a runtime directory");
    let socket = directory.path().join("memif.sock");
    let options = EalOptions {
        memory: EalMemory::Ordinary { megabytes: 64 },
        file_prefix: String::from("drivers"),
        runtime_directory: Some(directory.path().to_path_buf()),
        log_level: 4,
        extra_arguments: Vec::new(),
        packets: 8_191,
    };
    let memif = format!(
        "net_memif0,role=server,socket-abstract=no,socket={}",
        socket.display()
    );
    let devices = [
        "net_null0",
        "net_tap0,iface=cm0",
        "net_af_packet0,iface=lo",
        &memif,
    ];
    let ports = devices.map(|device| PortOptions {
        name: device.to_string(),
        device: Device::Virtual(device.to_string()),
        addresses: Vec::new(),
        mtu: None,
        receive_descriptors: 256,
        transmit_descriptors: 256,
        segmentation: true,
    });
    let eal = Eal::start(&options, &ports, 1).expect("all devices start");
    for (index, device) in devices.iter().enumerate() {
        let information = eal.port_information(index).expect("a port");
        assert!(
            device.starts_with(&information.driver),
            "{device}: {information:?}"
        );
        assert_eq!(information.mtu, 1500, "{device}");
    }
    let mut null = eal.queue(0, 0).expect("its queue");
    let mut packets = Vec::with_capacity(100);
    assert_eq!(null.receive(&mut packets, 100), 100, "more than one burst");
    assert!(packets.iter().all(|packet| packet.data().len() == 64));
    assert_eq!(null.transmit(&mut packets), 100);
    drop(null);
    for (index, device) in devices.iter().enumerate() {
        let queue = eal.queue(index, 0).expect("its queue");
        let tap = device.starts_with("net_tap");
        assert_eq!(
            queue.receive_interrupt().is_some(),
            tap,
            "only tap has interrupts: {device}"
        );
    }
}
