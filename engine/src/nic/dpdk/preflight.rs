//! What can be known to fail before EAL is started, said in words: EAL itself fails with one number
//! for many reasons, and starts only once in a process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FlockOperation, OFlags};

use super::EalError;
use crate::options::{Device, EalMemory, EalOptions, PortOptions};

pub(super) mod tap;

/// Checks memory, runtime directory, file prefix and the needs of tap devices.
pub(super) fn check(
    options: &EalOptions,
    ports: &[PortOptions],
    workers: usize,
) -> Result<(), EalError> {
    check_devices_differ(ports)?;
    if !matches!(options.memory, EalMemory::Ordinary { .. })
        && free_huge_pages(Path::new("/sys/kernel/mm/hugepages")) == Some(0)
    {
        return Err(EalError::NoHugePages);
    }
    // Other memory is not described in files, and DPDK does without a folder for them.
    if options.memory == EalMemory::Huge {
        check_files(options)?;
    }
    for port in ports.iter().filter(|port| tap::is_tap(&port.device)) {
        tap::check(port, workers)?;
    }
    Ok(())
}

fn check_files(options: &EalOptions) -> Result<(), EalError> {
    let directory = runtime_directory(options);
    check_runtime_directory(&directory)?;
    check_file_prefix(&directory, &options.file_prefix)
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
