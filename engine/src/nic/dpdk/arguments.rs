//! EAL's command line from options. Pure, so that it can be tested without starting EAL.

use crate::options::{Device, EalMemory, EalOptions, PortOptions};

/// EAL's arguments, the program's name first.
///
/// Virtual devices are not among them: they are probed one by one after the start, so that an error
/// names the device. There is one lcore, the main one, which belongs to no worker: workers register
/// themselves. It may run on all of `cpus` (those allowed to the process), because EAL would
/// otherwise pin the calling thread, and all threads it starts, to one core.
pub(super) fn arguments(
    options: &EalOptions,
    ports: &[PortOptions],
    cpus: &[usize],
) -> Vec<String> {
    let mut arguments = vec![String::from("coremilld")];
    let mut add = |argument: &str| arguments.push(argument.to_string());
    match options.memory {
        EalMemory::Ordinary { megabytes } => {
            add("--no-huge");
            add("-m");
            add(&megabytes.to_string());
            // No other process can share ordinary memory, so nothing is left behind in files: neither
            // DPDK's shared state nor its telemetry socket, which has its place beside it.
            add("--no-shconf");
            add("--no-telemetry");
        }
        EalMemory::HugeInMemory => add("--in-memory"),
        EalMemory::Huge => {}
    }
    if !cpus.is_empty() {
        let cpus: Vec<String> = cpus.iter().map(ToString::to_string).collect();
        add("--lcores");
        add(&format!("0@({})", cpus.join(",")));
    }
    add(&format!("--file-prefix={}", options.file_prefix));
    add(&format!("--log-level={}", options.log_level.clamp(1, 8)));
    let mut pci = false;
    for port in ports {
        if let Device::Pci(address) = &port.device {
            pci = true;
            add("-a");
            add(address);
        }
    }
    if !pci {
        add("--no-pci");
    }
    options
        .extra_arguments
        .iter()
        .for_each(|argument| add(argument));
    arguments
}

#[cfg(test)]
mod tests;
