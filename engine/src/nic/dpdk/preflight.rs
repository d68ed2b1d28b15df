//! What can be known to fail before EAL is started, said in words: EAL itself fails with one number
//! for many reasons, and starts only once in a process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FlockOperation, OFlags};
use rustix::thread::CapabilitySet;

use super::EalError;
use crate::options::{Device, EalMemory, EalOptions, PortOptions};

/// Checks memory, runtime directory, file prefix and the needs of tap devices.
pub(super) fn check(options: &EalOptions, ports: &[PortOptions]) -> Result<(), EalError> {
    check_devices_differ(ports)?;
    if !matches!(options.memory, EalMemory::Ordinary { .. })
        && free_huge_pages(Path::new("/sys/kernel/mm/hugepages")) == Some(0)
    {
        return Err(EalError::NoHugePages);
    }
    let directory = runtime_directory(options);
    check_runtime_directory(&directory)?;
    if options.memory != EalMemory::HugeInMemory {
        check_file_prefix(&directory, &options.file_prefix)?;
    }
    for port in ports {
        if matches!(&port.device, Device::Virtual(device) if device.starts_with("net_tap")) {
            check_tap(&port.name)?;
        }
    }
    Ok(())
}

/// Where DPDK keeps its runtime files: `RUNTIME_DIRECTORY`, else by its own rule.
fn runtime_directory(options: &EalOptions) -> PathBuf {
    if let Some(directory) = &options.runtime_directory {
        return directory.clone();
    }
    let by_environment = |name| std::env::var_os(name).map(PathBuf::from);
    if let Some(directory) = by_environment("RUNTIME_DIRECTORY") {
        return directory;
    }
    if rustix::process::getuid().is_root() {
        return PathBuf::from("/var/run");
    }
    by_environment("XDG_RUNTIME_DIR").unwrap_or_else(|| PathBuf::from("/tmp"))
}

fn check_runtime_directory(directory: &Path) -> Result<(), EalError> {
    let failure = |source| EalError::RuntimeDirectory {
        path: directory.to_path_buf(),
        source,
    };
    fs::create_dir_all(directory).map_err(failure)?;
    // EAL makes a folder `dpdk` in it; where another user made that, it is the one that matters.
    let inner = directory.join("dpdk");
    let used = if inner.is_dir() { &inner } else { directory };
    rustix::fs::access(used, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| failure(io::Error::from(error)))
}

/// EAL holds a lock on its config file for as long as it runs.
fn check_file_prefix(directory: &Path, prefix: &str) -> Result<(), EalError> {
    let path = directory.join("dpdk").join(prefix).join("config");
    let Ok(file) = rustix::fs::open(&path, OFlags::RDWR | OFlags::CLOEXEC, 0o600.into()) else {
        return Ok(());
    };
    match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(_) => Err(EalError::FilePrefixInUse {
            prefix: prefix.to_string(),
            path,
        }),
    }
}

fn check_tap(port: &str) -> Result<(), EalError> {
    let opened = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun");
    match opened {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(EalError::NoTapDevice {
                port: port.to_string(),
            });
        }
        Err(source) => {
            return Err(EalError::TapDeviceDenied {
                port: port.to_string(),
                source,
            });
        }
    }
    // Where capabilities cannot be read, the driver's own error will have to do.
    match rustix::thread::capabilities(None) {
        Ok(sets) if !sets.effective.contains(CapabilitySet::NET_ADMIN) => {
            Err(EalError::MissingNetAdmin {
                port: port.to_string(),
            })
        }
        _ => Ok(()),
    }
}

fn check_devices_differ(ports: &[PortOptions]) -> Result<(), EalError> {
    for (index, port) in ports.iter().enumerate() {
        let Some(device) = device_name(&port.device) else {
            continue;
        };
        let same = |other: &&PortOptions| device_name(&other.device) == Some(device);
        if let Some(other) = ports.iter().skip(index + 1).find(same) {
            return Err(EalError::DeviceTwice {
                first: port.name.clone(),
                second: other.name.clone(),
                device: device.to_string(),
            });
        }
    }
    Ok(())
}

/// DPDK's name of a device: its arguments follow behind a comma.
pub(super) fn device_name(device: &Device) -> Option<&str> {
    match device {
        Device::Virtual(text) => Some(text.split(',').next().unwrap_or(text)),
        Device::Pci(address) => Some(address),
        Device::RingLoopback => None,
    }
}

/// Free huge pages of all sizes; None where the kernel does not say.
fn free_huge_pages(folder: &Path) -> Option<u64> {
    let sizes = fs::read_dir(folder).ok()?;
    let free = sizes.filter_map(|size| {
        let text = fs::read_to_string(size.ok()?.path().join("free_hugepages")).ok()?;
        text.trim().parse::<u64>().ok()
    });
    Some(free.sum())
}

#[cfg(test)]
mod tests;
