//! What cannot be started is refused with an error that names cause and remedy. Each case is a
//! process of its own (this binary again), since EAL starts once, successful or not; in a network
//! namespace of its own, since some cases need a network device.

use std::process::Command;

use coremill_engine::nic::dpdk::{Eal, EalError};
use coremill_engine::options::{Device, EalMemory, EalOptions, PortOptions};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

const CASE: &str = "COREMILL_TEST_CASE";

/// Name, what the error's text must hold.
const CASES: [(&str, &str); 10] = [
    ("no_workers", "0 workers asked for"),
    ("too_many_workers", "1 to 16"),
    ("unknown_device", "net_nothing0,iface=x"),
    ("absent_pci_device", "0000:ff:1f.7"),
    ("missing_capability", "CAP_NET_ADMIN"),
    ("too_few_queues", "configure at most 1 workers"),
    ("small_pool", "in the pool"),
    ("no_memory", "cannot be reserved"),
    ("bad_argument", "--no-such-argument"),
    ("zero_byte", "zero byte"),
];

#[test]
fn each_refusal_names_cause_and_remedy() {
    if let Ok(case) = std::env::var(CASE) {
        println!("case {case}: {}", refused(&case));
        return;
    }
    for (case, expected) in CASES {
        let output = Command::new("unshare")
            .arg("-rn")
            .arg(std::env::current_exe().expect("this test's binary"))
            .args([
                "--exact",
                "each_refusal_names_cause_and_remedy",
                "--nocapture",
            ])
            .env(CASE, case)
            .output()
            .expect("unshare of util-linux");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{case}: {text}\n{log}");
        let line = text
            .lines()
            .find(|line| line.contains(&format!("case {case}:")));
        let line = line.unwrap_or_else(|| panic!("{case} gave no error: {text}\n{log}"));
        assert!(line.contains(expected), "{line}");
    }
}

fn refused(case: &str) -> EalError {
    let directory = tempfile::tempdir().expect("a runtime directory");
    let mut options = EalOptions {
        memory: EalMemory::Ordinary { megabytes: 64 },
        file_prefix: format!("refusals_{case}"),
        runtime_directory: Some(directory.path().to_path_buf()),
        log_level: 2,
        extra_arguments: Vec::new(),
        packets: 4_095,
    };
    let mut device = Device::RingLoopback;
    let mut workers = 2;
    match case {
        "no_workers" => workers = 0,
        "too_many_workers" => workers = 17,
        "unknown_device" => device = Device::Virtual(String::from("net_nothing0,iface=x")),
        "absent_pci_device" => device = Device::Pci(String::from("0000:ff:1f.7")),
        "missing_capability" => {
            device = Device::Virtual(String::from("net_tap0,iface=cm0"));
            let mut sets = capabilities(None).expect("capabilities");
            sets.effective.remove(CapabilitySet::NET_ADMIN);
            set_capabilities(None, sets).expect("a capability can be put down");
        }
        "too_few_queues" => device = Device::Virtual(String::from("net_af_packet0,iface=lo")),
        "small_pool" => options.packets = 100,
        "no_memory" => options.packets = 1_000_000,
        "bad_argument" => options
            .extra_arguments
            .push(String::from("--no-such-argument")),
        "zero_byte" => options.extra_arguments.push(String::from("a\0b")),
        other => panic!("no case {other}"),
    }
    let port = PortOptions {
        name: String::from("p0"),
        device,
        addresses: Vec::new(),
        mtu: None,
        receive_descriptors: 128,
        transmit_descriptors: 128,
        segmentation: true,
    };
    Eal::start(&options, &[port], workers).expect_err("refused")
}
