//! What a worker counts. One worker writes, any thread reads in place.

use coremill_tcp::counter_table;
use coremill_tcp::counters::{Counter, Histogram};

use crate::drop_reason::DropReason;

counter_table! {
    /// Packets, turns and hand-overs of one worker.
    EngineCounters {
        received_packets "received_packets" "Packets received from ports.";
        received_bytes "received_bytes" "Bytes received from ports, Ethernet header included.";
        delivered_packets "delivered_packets" "Packets from ports, other workers and inside that were used: ARP, ICMP or TCP took them, or another worker did.";
        transmitted_packets "transmitted_packets" "Packets given to ports.";
        transmitted_bytes "transmitted_bytes" "Bytes given to ports, Ethernet header included.";
        strays_sent "strays_sent" "Packets handed to the worker that owns their flow.";
        strays_received "strays_received" "Packets taken from other workers.";
        local_packets "local_packets" "Packets to our own addresses, delivered without a port.";
        steering_mismatches "steering_mismatches" "Packets that a port with receive steering brought to the wrong worker.";
        arp_received "arp_received" "ARP packets received.";
        bursts_sent "bursts_sent" "Packets sent for the port to cut into several segments.";
        paths_doubted "paths_doubted" "Segments sent again so often that route and neighbour were looked at again.";
        arp_sent "arp_sent" "ARP packets sent.";
        icmp_received "icmp_received" "ICMP messages received.";
        icmp_sent "icmp_sent" "ICMP messages sent.";
        turns "turns" "Turns of the worker's loop.";
        busy_turns "busy_turns" "Turns in which there was something to do.";
        sleeps "sleeps" "Times the worker went to sleep.";
        sleep_nanoseconds "sleep_nanoseconds" "Time asleep, in nanoseconds.";
        idle_nanoseconds "idle_nanoseconds" "Time awake with nothing to do, in nanoseconds.";
        wakeups_port "wakeups_port" "Times a port's interrupt ended a sleep.";
        wakeups_doorbell "wakeups_doorbell" "Times another thread's doorbell ended a sleep.";
        wakeups_application "wakeups_application" "Times an application's doorbell ended a sleep.";
        wakeups_timer "wakeups_timer" "Times a deadline ended a sleep.";
        checksum_software "checksum_software" "Received packets whose checksum software verified.";
        commands "commands" "Control commands carried out.";
    }
}

/// All counters of one worker.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    /// Packets, turns, hand-overs.
    pub engine: EngineCounters,
    /// Drops by [`DropReason::index`].
    pub drops: Drops,
    /// Time of a busy turn in nanoseconds.
    pub turn_nanoseconds: Histogram,
}

/// One counter per drop reason.
#[derive(Debug)]
pub struct Drops([Counter; DropReason::COUNT]);

impl Drops {
    /// Counts one packet dropped for `reason`.
    #[inline]
    pub fn count(&self, reason: impl Into<DropReason>) {
        self.0[reason.into().index()].increment();
    }

    /// Packets dropped for `reason`.
    pub fn get(&self, reason: impl Into<DropReason>) -> u64 {
        self.0[reason.into().index()].get()
    }
}

impl Default for Drops {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}
