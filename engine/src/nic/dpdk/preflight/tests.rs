//! Each check against a folder or lock made for it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

fn options(directory: &Path) -> EalOptions {
    EalOptions {
        memory: EalMemory::Ordinary { megabytes: 64 },
        file_prefix: String::from("preflight"),
        runtime_directory: Some(directory.to_path_buf()),
        log_level: 5,
        extra_arguments: Vec::new(),
        packets: 1024,
    }
}

fn port(name: &str, device: Device) -> PortOptions {
    PortOptions {
        name: name.to_string(),
        device,
        addresses: Vec::new(),
        mtu: None,
        receive_descriptors: 256,
        transmit_descriptors: 256,
        segmentation: true,
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("coremill-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

#[test]
fn runtime_directory_that_cannot_be_made_is_named() {
    let folder = folder("directory");
    let file = folder.join("file");
    fs::write(&file, "").expect("a file");
    let error = check_files(&options(&file.join("below"))).expect_err("below a file");
    assert!(matches!(&error, EalError::RuntimeDirectory { path, .. } if path.ends_with("below")));
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn locked_config_file_means_the_prefix_is_in_use() {
    if let Some(path) = std::env::var_os(HOLD) {
        hold_lock(Path::new(&path));
        return;
    }
    let folder = folder("prefix");
    let inner = folder.join("dpdk").join("preflight");
    fs::create_dir_all(&inner).expect("a folder");
    let path = inner.join("config");
    fs::write(&path, "x").expect("a config file");
    assert!(
        check_files(&options(&folder)).is_ok(),
        "nobody holds the lock yet"
    );
    // A process never conflicts with its own record locks: this binary again holds it.
    let this = "nic::dpdk::preflight::tests::locked_config_file_means_the_prefix_is_in_use";
    let mut holder = Command::new(std::env::current_exe().expect("this test's binary"))
        .args(["--exact", this, "--nocapture"])
        .env(HOLD, &path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = BufReader::new(holder.stdout.take().expect("its output"));
    let locked = output
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains("holding"));
    let result = check_files(&options(&folder));
    holder.kill().expect("the holder ends");
    holder.wait().expect("the holder ends");
    assert!(locked, "the other process takes the lock");
    assert!(
        matches!(result, Err(EalError::FilePrefixInUse { .. })),
        "{result:?}"
    );
    fs::remove_dir_all(&folder).expect("removed");
}

/// Locks the file as EAL does, until killed.
fn hold_lock(path: &Path) {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("the file");
    rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).expect("the lock");
    println!("holding");
    std::thread::sleep(std::time::Duration::from_secs(30));
}

/// Set for the process that holds the lock.
const HOLD: &str = "COREMILL_TEST_HOLD_LOCK";

#[test]
fn two_ports_cannot_share_a_device() {
    let folder = folder("twice");
    let tap = |arguments: &str| Device::Virtual(format!("net_null0{arguments}"));
    let ports = [port("a", tap(",size=64")), port("b", tap(""))];
    let error = check(&options(&folder), &ports, 1).expect_err("the same device");
    assert!(
        matches!(&error, EalError::DeviceTwice { first, second, .. } if first == "a" && second == "b")
    );
    let rings = [
        port("a", Device::RingLoopback),
        port("b", Device::RingLoopback),
    ];
    assert!(check(&options(&folder), &rings, 1).is_ok());
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn free_huge_pages_are_summed_over_sizes() {
    let folder = folder("huge");
    assert_eq!(free_huge_pages(&folder.join("absent")), None);
    for (size, free) in [("hugepages-2048kB", "3\n"), ("hugepages-1048576kB", "2\n")] {
        fs::create_dir_all(folder.join(size)).expect("a folder");
        fs::write(folder.join(size).join("free_hugepages"), free).expect("a file");
    }
    assert_eq!(free_huge_pages(&folder), Some(5));
    fs::remove_dir_all(&folder).expect("removed");
}
