//! The way between the daemon's tap and a kernel that is two hops away: this namespace forwards to a TUN device, the relay
//! carries packets to another in the client's namespace.

use super::relay::Relay;
use super::tunnel;
use crate::command::run;
use crate::topology::IN_CLIENT;

/// Address of the client.
pub const CLIENT: &str = "10.98.0.2";

/// A path that stands as long as this value.
pub struct Path {
    /// What happens on it.
    pub relay: Relay,
}

impl Path {
    /// Builds it; a daemon may come before or after.
    pub fn build(seed: u64) -> Self {
        lines(&[
            "ip netns add client",
            "ip netns exec client ip link set lo up",
            "sysctl -q -w net.ipv4.ip_forward=1",
        ]);
        let near = tunnel::open(&[], "near");
        let far = tunnel::open(&IN_CLIENT, "far");
        lines(&[
            "ip link set near txqueuelen 10000 up",
            &format!("ip route add {CLIENT}/32 dev near"),
            "ip netns exec client ip link set far txqueuelen 10000 up",
            &format!("ip netns exec client ip address add {CLIENT}/32 dev far"),
            "ip netns exec client ip route add default dev far",
            // Each connection for itself.
            "ip netns exec client sysctl -q -w net.ipv4.tcp_no_metrics_save=1",
        ]);
        let relay = Relay::start(&near, &far, seed);
        Self { relay }
    }

    /// Sets a setting of the client's kernel.
    pub fn set(&self, name: &str, value: &str) {
        let pair = format!("net.ipv4.{name}={value}");
        run(&[&IN_CLIENT[..], &["sysctl", "-q", "-w", &pair]].concat());
    }

    /// The largest packet that the client sends and asks for.
    pub fn set_client_mtu(&self, bytes: usize) {
        let bytes = bytes.to_string();
        run(&[&IN_CLIENT[..], &["ip", "link", "set", "far", "mtu", &bytes]].concat());
    }

    /// The largest packet that fits between here and the relay, which only ICMP tells the daemon.
    pub fn set_near_mtu(&self, bytes: usize) {
        run(&["ip", "link", "set", "near", "mtu", &bytes.to_string()]);
    }
}

fn lines(lines: &[&str]) {
    for line in lines {
        run(&line.split(' ').collect::<Vec<_>>());
    }
}
