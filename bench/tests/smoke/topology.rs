//! Networks of these tests. Usually the test's own network namespace holds the kernel's end of
//! the daemon's tap. For loss, a client stands one hop behind it, and the forward hook between
//! them drops packets: a drop where packets are sent would only be a local error to TCP.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::command::run;
use crate::configuration::{DAEMON, TAP};

/// Runs a command in the client's namespace.
pub const IN_CLIENT: [&str; 4] = ["ip", "netns", "exec", "client"];

/// A client one hop away that loses one packet in a hundred each way.
pub struct LossyPath;

/// Packets that came to the forward hook in one direction, and those of them dropped.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Packets seen.
    pub seen: u64,
    /// Packets dropped.
    pub dropped: u64,
}

impl LossyPath {
    /// Builds it around a daemon whose tap is up.
    pub fn build() -> Self {
        for line in [
            "ip netns add client",
            "ip link add hop type veth peer name uplink netns client",
            "ip address add 10.98.0.1/24 dev hop",
            "ip link set hop up",
            "ip netns exec client ip link set lo up",
            "ip netns exec client ip address add 10.98.0.2/24 dev uplink",
            "ip netns exec client ip link set uplink up",
            "ip netns exec client ip route add default via 10.98.0.1",
            // Segments of one packet each: or else one drop takes a burst of thirty.
            "ip link set hop gso_max_segs 1",
            "ip netns exec client ip link set uplink gso_max_segs 1",
            "ethtool -K hop tso off gso off gro off",
            "ip netns exec client ethtool -K uplink tso off gso off gro off",
            "sysctl -q -w net.ipv4.ip_forward=1",
        ] {
            run(&line.split(' ').collect::<Vec<_>>());
        }
        run(&["ip", "link", "set", TAP, "gso_max_segs", "1"]);
        run(&["nft", &rules()]);
        Self
    }

    /// Towards the daemon, and back.
    pub fn shares(&self) -> [Share; 2] {
        ["up", "down"].map(|way| Share {
            seen: counter(&format!("seen_{way}")),
            dropped: counter(&format!("dropped_{way}")),
        })
    }

    /// Segments the client's kernel has sent again.
    pub fn client_retransmissions(&self) -> u64 {
        let text = run(&[&IN_CLIENT[..], &["cat", "/proc/net/snmp"]].concat());
        let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
        let (names, values) = (
            lines.next().unwrap_or_default(),
            lines.next().unwrap_or_default(),
        );
        let mut pairs = names.split(' ').zip(values.split(' '));
        let value = pairs
            .find(|(name, _)| *name == "RetransSegs")
            .map(|(_, value)| value.parse());
        value
            .and_then(Result::ok)
            .unwrap_or_else(|| panic!("no RetransSegs in {text}"))
    }
}

/// Does something in the client's namespace, in a thread that is there.
pub fn in_client<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    let act = || {
        let namespace = File::open("/run/netns/client").expect("the client's namespace");
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("enter the client's namespace");
        act()
    };
    std::thread::scope(|scope| scope.spawn(act).join().expect("what is done there"))
}

fn rules() -> String {
    let counters = ["seen_up", "dropped_up", "seen_down", "dropped_down"]
        .map(|name| format!("counter {name} {{ }};"))
        .join(" ");
    let way = |name: &str, field: &str| {
        format!(
            "ip {field} {DAEMON} meta l4proto tcp counter name seen_{name}; \
             ip {field} {DAEMON} meta l4proto tcp numgen random mod 100 == 0 counter name dropped_{name} drop;"
        )
    };
    format!(
        "table ip loss {{ {counters} chain forward {{ type filter hook forward priority 0; policy accept; {} {} }}; }}",
        way("up", "daddr"),
        way("down", "saddr")
    )
}

fn counter(name: &str) -> u64 {
    let text = run(&["nft", "list", "counter", "ip", "loss", name]);
    let mut words = text
        .split_ascii_whitespace()
        .skip_while(|word| *word != "packets");
    let value = words.nth(1).and_then(|word| word.parse().ok());
    value.unwrap_or_else(|| panic!("no packets in {text}"))
}
