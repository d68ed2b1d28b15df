//! What came of runs, added up: how much of what was to be played was really played.

use super::application::OptionsPlayed;

/// What came of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub connections: u64,
    pub completed: u64,
    pub errors: u64,
    pub segments: u64,
    pub retransmissions: u64,
    pub recoveries: u64,
    pub timeouts: u64,
    /// What a port had to cut into several segments.
    pub bursts: u64,
    /// Segments that senders heard of as marked.
    pub marks: u64,
    /// Packets that were too long for a path that says nothing.
    pub swallowed: u64,
    /// Larger segments that were found to arrive, or not to.
    pub larger: u64,
    pub too_large: u64,
    /// Connections that SYN cookies or Fast Open made.
    pub cookies: u64,
    pub fast_opens: u64,
    /// Segments that were signed, and times that the key changed.
    pub signed: u64,
    pub key_changes: u64,
    /// Urgent bytes sent, and marks that the other end's user saw.
    pub urgent: u64,
    pub marks_seen: u64,
    /// Writes with more to follow.
    pub more: u64,
    /// Buffers that had grown when their users left: to be sent, and received.
    pub grown: [u64; 2],
    /// Connections by the window scale that a SYN offers.
    pub scales: [u64; 15],
    /// Probes of silent peers.
    pub keepalives: u64,
    /// Ends that their user's timeout ended.
    pub timed_out: u64,
    /// Writes that the mark of what may wait unsent cut short.
    pub marked_low: u64,
    /// Segments that waited for their time, and ends whose own rate decided how long they took.
    pub paced: u64,
    pub rated: u64,
    /// Ends that received more than the window they were clamped to.
    pub clamped: u64,
    /// Ends that sent, and received, more than the buffer fixed for it.
    pub fixed: [u64; 2],
    /// Ends that asked for each algorithm of congestion control.
    pub algorithms: [u64; 5],
    pub bytes: u64,
    pub virtual_seconds: u64,
}

impl Summary {
    pub fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.completed += other.completed;
        self.errors += other.errors;
        self.segments += other.segments;
        self.retransmissions += other.retransmissions;
        self.recoveries += other.recoveries;
        self.timeouts += other.timeouts;
        self.bursts += other.bursts;
        self.marks += other.marks;
        self.swallowed += other.swallowed;
        self.larger += other.larger;
        self.too_large += other.too_large;
        self.cookies += other.cookies;
        self.fast_opens += other.fast_opens;
        self.signed += other.signed;
        self.key_changes += other.key_changes;
        self.urgent += other.urgent;
        self.marks_seen += other.marks_seen;
        self.more += other.more;
        add_each(&mut self.grown, &other.grown);
        add_each(&mut self.scales, &other.scales);
        self.keepalives += other.keepalives;
        self.timed_out += other.timed_out;
        self.marked_low += other.marked_low;
        self.paced += other.paced;
        self.rated += other.rated;
        self.clamped += other.clamped;
        add_each(&mut self.fixed, &other.fixed);
        add_each(&mut self.algorithms, &other.algorithms);
        self.bytes += other.bytes;
        self.virtual_seconds += other.virtual_seconds;
    }

    /// Of one end.
    pub fn add_options(&mut self, options: &OptionsPlayed) {
        add_each(&mut self.grown, &options.grown.map(u64::from));
        add_each(&mut self.fixed, &options.fixed.map(u64::from));
        self.clamped += u64::from(options.is_clamped);
        self.rated += u64::from(options.is_rated);
        self.timed_out += u64::from(options.is_timed_out);
    }
}

fn add_each(sums: &mut [u64], others: &[u64]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}
