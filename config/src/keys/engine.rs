//! Keys of DPDK's environment, ports, workers, routes and neighbours.

use std::time::Duration;

use super::Default::{Absent, Is, Required};
use super::{ABSOLUTE_PATH, ADDRESS, Allowed, Key, NAME, NETWORK, Section, TEXT};
use super::{count, key, millis, section};

pub const SECTIONS: &[Section] = &[
    section("eal", "DPDK's environment.", EAL),
    Section {
        repeated: true,
        ..section("ports", "Network ports, at least one.", PORTS)
    },
    section(
        "workers",
        "Workers: each has its own core, queue of every port and TCP tables.",
        WORKERS,
    ),
    section(
        "turn",
        "How much a worker does of one thing before it turns to the next.",
        TURN,
    ),
    Section {
        repeated: true,
        ..section(
            "routes",
            "Static routes; the networks of own addresses are known.",
            ROUTES,
        )
    },
    section(
        "neighbors",
        "The table of neighbours (ARP), one per worker.",
        NEIGHBORS,
    ),
    section("icmp", "ICMP.", ICMP),
];

const EAL: &[Key] = &[
    key(
        "memory",
        Allowed::Word(&["ordinary", "huge-in-memory", "huge"]),
        Is("\"ordinary\""),
        "Where packet memory comes from: ordinary pages, huge pages without files, or hugetlbfs.",
    ),
    key(
        "memory_size",
        Allowed::Size(64 << 20, 64 << 30),
        Is("\"256MiB\""),
        "Memory that DPDK reserves when memory is \"ordinary\".",
    ),
    key(
        "file_prefix",
        NAME,
        Is("\"coremill\""),
        "Prefix of DPDK's own files; differs between daemons of one host.",
    ),
    key(
        "runtime_directory",
        ABSOLUTE_PATH,
        Absent(
            "DPDK's choice, /var/run/dpdk as root",
            "\"/run/coremill/dpdk\"",
        ),
        "Directory for DPDK's own files.",
    ),
    key(
        "log_level",
        count(1, 8, "level (1 emergency, 4 error, 8 debug)"),
        Is("4"),
        "Level of DPDK's own log.",
    ),
    key(
        "extra_arguments",
        Allowed::List(&TEXT),
        Is("[]"),
        "Further EAL arguments, as on DPDK's command line.",
    ),
    key(
        "packets",
        count(1_024, 4_194_304, "packets"),
        Is("16384"),
        "Packets in the pool shared by all ports.",
    ),
];

const PORTS: &[Key] = &[
    key(
        "name",
        NAME,
        Required("\"tap0\""),
        "Name in messages, metrics, commands and routes.",
    ),
    key(
        "device",
        Allowed::Text(
            "a DPDK virtual device such as \"net_tap0,iface=cm0\", a PCI address such as \
             \"0000:03:00.0\", or \"ring-loopback\"",
            device,
        ),
        Required("\"net_tap0,iface=cm0\""),
        "The device: virtual, PCI, or a ring that returns what it is given (to measure the stack).",
    ),
    key(
        "addresses",
        Allowed::List(&NETWORK),
        Required("[\"192.0.2.2/24\"]"),
        "Our addresses on it, with prefix length.",
    ),
    key(
        "mtu",
        count(576, 9_216, "bytes of IP packet"),
        Absent("the device's", "1500"),
        "MTU.",
    ),
    key(
        "receive_descriptors",
        count(64, 32_768, "descriptors"),
        Is("512"),
        "Descriptors per receive queue.",
    ),
    key(
        "transmit_descriptors",
        count(64, 32_768, "descriptors"),
        Is("512"),
        "Descriptors per transmit queue.",
    ),
    key(
        "segmentation",
        Allowed::Flag,
        Is("true"),
        "Give the port several TCP segments in one to cut (TSO), where it offers that.",
    ),
];

const WORKERS: &[Key] = &[
    key(
        "count",
        count(1, 128, "workers"),
        Absent("one per entry of cores, else 1", "2"),
        "Number of workers.",
    ),
    key(
        "cores",
        Allowed::List(&count(0, 1_023, "core id")),
        Is("[]"),
        "Cores to pin workers to, one each; empty: not pinned.",
    ),
    key(
        "idle",
        Allowed::Word(&["adaptive", "spin"]),
        Is("\"adaptive\""),
        "Without work: spin a while, then sleep; or always spin.",
    ),
    key(
        "spin",
        Allowed::Time(Duration::ZERO, Duration::from_secs(1)),
        Is("\"50us\""),
        "How long an adaptive worker spins before it sleeps.",
    ),
    key(
        "nap_max",
        Allowed::Time(Duration::from_micros(10), Duration::from_millis(100)),
        Is("\"1ms\""),
        "Longest sleep where a port cannot wake its worker.",
    ),
    key(
        "stray_ring_length",
        count(64, 65_536, "packets"),
        Is("1024"),
        "Room for packets that other workers hand over.",
    ),
];

const TURN: &[Key] = &[
    key(
        "receive_max",
        count(1, 512, "packets per port"),
        Is("32"),
        "Packets received.",
    ),
    key(
        "strays_max",
        count(1, 4_096, "packets"),
        Is("32"),
        "Packets taken from other workers.",
    ),
    key(
        "timers_max",
        count(1, 65_536, "timers"),
        Is("64"),
        "Timers run.",
    ),
    key(
        "transmit_max",
        count(1, 4_096, "segments"),
        Is("64"),
        "Segments pulled from TCP.",
    ),
    key(
        "events_max",
        count(1, 4_096, "events"),
        Is("64"),
        "Events of services handled.",
    ),
    key(
        "commands_max",
        count(1, 64, "commands"),
        Is("4"),
        "Control commands carried out.",
    ),
];

const ROUTES: &[Key] = &[
    key(
        "network",
        NETWORK,
        Required("\"0.0.0.0/0\""),
        "Destination network, without host part.",
    ),
    key(
        "gateway",
        ADDRESS,
        Absent("the network is on the link", "\"192.0.2.1\""),
        "Next hop.",
    ),
    key("port", NAME, Required("\"tap0\""), "Name of the port."),
    key(
        "source",
        ADDRESS,
        Absent("the port's first address of the family", "\"192.0.2.2\""),
        "Source of active opens.",
    ),
    key(
        "local",
        Allowed::Word(&["inside", "port"]),
        Is("\"inside\""),
        "Packets to our own addresses in the network: delivered inside, or sent through the port.",
    ),
];

const NEIGHBORS: &[Key] = &[
    key(
        "entries_max",
        count(16, 65_536, "entries"),
        Is("1024"),
        "Neighbours known at once.",
    ),
    key(
        "pending_max",
        count(1, 256, "packets"),
        Is("16"),
        "Packets that wait for one unresolved neighbour.",
    ),
    key(
        "reachable",
        millis(1_000, 3_600_000),
        Is("\"30s\""),
        "How long an entry counts as reachable without confirmation.",
    ),
    key(
        "delay",
        millis(100, 60_000),
        Is("\"5s\""),
        "Delay before a stale entry in use is probed.",
    ),
    key(
        "retry",
        millis(100, 60_000),
        Is("\"1s\""),
        "Time between requests.",
    ),
    key(
        "probes_max",
        count(1, 20, "requests"),
        Is("3"),
        "Requests before an entry fails.",
    ),
    key(
        "expiry",
        millis(1_000, 86_400_000),
        Is("\"60s\""),
        "How long an unused stale or failed entry is kept.",
    ),
];

const ICMP: &[Key] = &[key(
    "per_second",
    count(0, 1_000_000, "messages per second and worker"),
    Is("1000"),
    "Echo replies and errors sent at most.",
)];

fn device(text: &str) -> bool {
    text == "ring-loopback" || text.starts_with("net_") || is_pci(text)
}

/// Whether `text` is a PCI address with domain, such as `0000:03:00.0`.
pub fn is_pci(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.chars().all(|c| c.is_ascii_hexdigit())
    };
    let mut parts = text.split([':', '.']);
    let mut next = |length| parts.next().is_some_and(|part| hex(part, length));
    next(4) && next(2) && next(2) && next(1) && parts.next().is_none()
}
