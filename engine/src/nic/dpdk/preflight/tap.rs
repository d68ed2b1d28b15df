//! What a `net_tap` device needs: its driver says little when it is missing, and writes past its own
//! memory when it has more queues than it can name to other processes.

use std::fs;
use std::io;

use rustix::thread::CapabilitySet;

use crate::nic::dpdk::EalError;
use crate::options::{Device, PortOptions};

/// True for a device of this driver.
pub fn is_tap(device: &Device) -> bool {
    matches!(device, Device::Virtual(text) if text.starts_with("net_tap"))
}

/// Checks the arguments of a tap device, its queues, and what the system grants.
pub fn check(port: &PortOptions, workers: usize) -> Result<(), EalError> {
    let Device::Virtual(device) = &port.device else {
        return Ok(());
    };
    let interface = check_arguments(&port.name, device)?;
    if workers > QUEUE_PAIRS_MAX {
        return Err(EalError::TooFewQueues {
            port: port.name.clone(),
            driver: "net_tap".into(),
            offered: QUEUE_PAIRS_MAX,
            workers,
        });
    }
    check_system(&port.name)?;
    // Absent without /proc; the driver's own error will have to do then.
    let interfaces = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    match interface {
        Some(name) if lists(&interfaces, name) => Err(EalError::TapInterfaceExists {
            port: port.name.clone(),
            interface: name.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The driver passes over arguments that it does not know, and misnames the fault of a long name.
/// Gives the interface's name, where there is one.
fn check_arguments<'a>(port: &str, device: &'a str) -> Result<Option<&'a str>, EalError> {
    let mut interface = None;
    for argument in device.split(',').skip(1) {
        let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
        let right = match key {
            "iface" => {
                interface = Some(value);
                (1..=INTERFACE_NAME_BYTES_MAX).contains(&value.len())
                    && !value.contains(|letter: char| letter == '/' || letter.is_whitespace())
            }
            _ => KEYS.contains(&key) && !value.is_empty(),
        };
        if !right {
            return Err(EalError::TapArgument {
                port: port.to_string(),
                argument: argument.to_string(),
            });
        }
    }
    Ok(interface)
}

fn check_system(port: &str) -> Result<(), EalError> {
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

/// Whether the text of `/proc/net/dev` has a line of this interface.
fn lists(interfaces: &str, name: &str) -> bool {
    interfaces
        .lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(listed, _)| listed.trim() == name)
}

/// The driver sends the descriptors of all queues, two a pair, to secondary processes in a message
/// that holds 8, and does not look whether they fit.
const QUEUE_PAIRS_MAX: usize = 4;
const INTERFACE_NAME_BYTES_MAX: usize = 15;
/// Arguments that the driver knows besides `iface`.
const KEYS: [&str; 3] = ["remote", "mac", "persist"];

#[cfg(test)]
mod tests;
