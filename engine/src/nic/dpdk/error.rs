//! Why DPDK or one of its ports could not be started, with the remedy.

use std::path::PathBuf;

/// Why DPDK or one of its ports could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EalError {
    /// EAL starts once in the life of a process.
    #[error("DPDK was already started in this process, and starts only once; start a new process")]
    AlreadyStarted,
    /// No worker, or more than a DPDK port can have queues.
    #[error("{workers} workers asked for; DPDK ports can serve 1 to {max}")]
    Workers {
        /// Asked for.
        workers: usize,
        /// At most.
        max: usize,
    },
    /// An argument that cannot be handed to C.
    #[error("EAL argument {argument:?} contains a zero byte; remove it")]
    Argument {
        /// The argument.
        argument: String,
    },
    /// `/dev/net/tun` does not exist.
    #[error(
        "port {port}: net_tap needs /dev/net/tun, which does not exist; load the kernel module \
         (modprobe tun), or give the device to the container (--device /dev/net/tun)"
    )]
    NoTapDevice {
        /// Name of the port.
        port: String,
    },
    /// `/dev/net/tun` cannot be opened.
    #[error(
        "port {port}: /dev/net/tun cannot be opened ({source}); run as root or give access to it \
         (chmod 0666 /dev/net/tun)"
    )]
    TapDeviceDenied {
        /// Name of the port.
        port: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The capability CAP_NET_ADMIN is missing.
    #[error(
        "port {port}: creating a tap interface needs CAP_NET_ADMIN; run as root, give the \
         capability (AmbientCapabilities=CAP_NET_ADMIN), or run in a user and network namespace \
         (unshare -rnm)"
    )]
    MissingNetAdmin {
        /// Name of the port.
        port: String,
    },
    /// An argument that net_tap would pass over, or misunderstand.
    #[error(
        "port {port}: net_tap cannot use {argument:?}; it takes iface=NAME of at most 15 letters, \
         mac=ADDRESS and remote=NAME"
    )]
    TapArgument {
        /// Name of the port.
        port: String,
        /// The argument.
        argument: String,
    },
    /// The tap's name is taken: net_tap would fail, or take packets from whoever has it.
    #[error(
        "port {port}: interface {interface} exists already; remove it (ip link delete \
         {interface}), stop the daemon that made it, or name another with iface="
    )]
    TapInterfaceExists {
        /// Name of the port.
        port: String,
        /// The interface.
        interface: String,
    },
    /// No free huge pages.
    #[error(
        "no free huge pages; reserve some (sysctl vm.nr_hugepages=256), or use ordinary pages \
         (eal memory = ordinary)"
    )]
    NoHugePages,
    /// DPDK's runtime directory cannot be written.
    #[error(
        "DPDK's runtime directory {path} cannot be written ({source}); create it for this user, \
         or set another runtime_directory"
    )]
    RuntimeDirectory {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Another process runs with this file prefix.
    #[error(
        "DPDK's file prefix {prefix} is in use by another process (lock on {path}); stop it or \
         choose another file_prefix"
    )]
    FilePrefixInUse {
        /// The prefix.
        prefix: String,
        /// The locked file.
        path: PathBuf,
    },
    /// `rte_eal_init` failed.
    #[error(
        "DPDK did not start: {reason} (arguments: {arguments}); its own log above says more, with \
         log_level = 8 everything"
    )]
    Start {
        /// DPDK's error.
        reason: String,
        /// What it was started with.
        arguments: String,
    },
    /// The device does not exist or its driver refused it.
    #[error(
        "port {port}: device {device} cannot be used: {reason}; check its name and arguments \
         (a virtual device is DRIVERn,key=value as net_tap0,iface=cm0; a PCI device must be bound \
         to vfio-pci, see dpdk-devbind.py --status); with eal.log_level = 5 its driver says more"
    )]
    Device {
        /// Name of the port.
        port: String,
        /// The device.
        device: String,
        /// DPDK's error.
        reason: String,
    },
    /// Two ports name the same device.
    #[error("ports {first} and {second} name the same device {device}; give each its own")]
    DeviceTwice {
        /// Name of a port.
        first: String,
        /// Name of the other port.
        second: String,
        /// The device.
        device: String,
    },
    /// Fewer queues than workers.
    #[error(
        "port {port}: its driver {driver} has {offered} queue pairs, and each of {workers} workers \
         needs one; configure at most {offered} workers"
    )]
    TooFewQueues {
        /// Name of the port.
        port: String,
        /// Its driver.
        driver: String,
        /// Queue pairs it has.
        offered: usize,
        /// Workers.
        workers: usize,
    },
    /// The MTU was refused.
    #[error("port {port}: MTU {mtu} refused ({reason}); its driver allows {min} to {max}")]
    Mtu {
        /// Name of the port.
        port: String,
        /// Asked for.
        mtu: u16,
        /// At least.
        min: u16,
        /// At most.
        max: u16,
        /// DPDK's error.
        reason: String,
    },
    /// The pool is too small for the queues' descriptors.
    #[error(
        "{given} packets in the pool, but queues and caches alone hold up to {needed}; raise \
         packets or lower the ports' descriptors"
    )]
    PoolTooSmall {
        /// Needed at least.
        needed: u32,
        /// Configured.
        given: u32,
    },
    /// The pool could not be reserved.
    #[error(
        "{packets} packets of {bytes} bytes cannot be reserved: {reason}; give DPDK more memory \
         (eal.memory_size) or configure fewer packets (eal.packets)"
    )]
    Pool {
        /// Packets.
        packets: u32,
        /// Bytes of each, without its header.
        bytes: u32,
        /// DPDK's error.
        reason: String,
    },
    /// Another step of a port's setup failed.
    #[error("port {port}: {step} failed: {reason}; with eal.log_level = 5 DPDK's log may say more")]
    Port {
        /// Name of the port.
        port: String,
        /// What was being done.
        step: &'static str,
        /// DPDK's error.
        reason: String,
    },
    /// A table of routes could not be reserved.
    #[error(
        "a table of {routes_max} routes cannot be reserved: {reason}; give DPDK more memory or \
         allow fewer routes"
    )]
    RouteTable {
        /// Routes asked for.
        routes_max: usize,
        /// DPDK's error.
        reason: String,
    },
    /// A thread could not be registered as a worker.
    #[error(
        "a worker thread could not be registered with DPDK: {reason}; fewer workers, or no \
         secondary processes"
    )]
    Register {
        /// DPDK's error.
        reason: String,
    },
}

/// DPDK's text for an error number, given positive or negative.
pub(super) fn error_text(number: i32) -> String {
    let number = number.unsigned_abs().cast_signed();
    // SAFETY: rte_strerror accepts any number and gives a terminated string, constant or in this
    // thread's own buffer; it is copied before the next call.
    let text = unsafe { std::ffi::CStr::from_ptr(coremill_dpdk_sys::rte_strerror(number)) };
    text.to_string_lossy().into_owned()
}

/// The text of DPDK's error number of this thread, set by calls that give null or -1.
pub(super) fn last_error_text() -> String {
    // SAFETY: reads a variable of this thread.
    error_text(unsafe { coremill_dpdk_sys::coremill_errno() })
}
