//! What a connection has come to, as `Command::Info` is answered: some numbers, in pages of one event each.

/// Words of a page: what an event has room for.
pub const PAGE_WORDS: usize = 5;
/// Pages.
pub const PAGES: usize = 5;

/// What a connection has come to. Numbers that are not known are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Its state: Linux's number (`TCP_ESTABLISHED` is 1).
    pub state: u32,
    /// Segments retransmitted over its life.
    pub retransmissions: u32,
    /// Smoothed round-trip time in microseconds.
    pub round_trip_us: u32,
    /// How much that varies, in microseconds.
    pub round_trip_variation_us: u32,
    /// Present retransmission timeout in microseconds.
    pub retransmission_timeout_us: u32,
    /// Congestion window in bytes.
    pub congestion_window_bytes: u32,
    /// Slow-start threshold in bytes, `u32::MAX` when none was set yet.
    pub slow_start_threshold_bytes: u32,
    /// The peer's window in bytes.
    pub send_window_bytes: u32,
    /// Our window in bytes.
    pub receive_window_bytes: u32,
    /// Bytes of the largest segment that we send, without options.
    pub send_segment_bytes: u32,
    /// Bytes of the largest segment that we told the peer to send.
    pub receive_segment_bytes: u32,
    /// Bytes of ours that the peer has not acknowledged, sent or not.
    pub send_queue_bytes: u32,
    /// Bytes received that wait for the reader, in the worker or in shared memory.
    pub receive_queue_bytes: u32,
    /// Bytes received in order, over its life.
    pub received_bytes: u64,
    /// Bytes to send that the worker took over, over its life.
    pub sent_bytes: u64,
    /// Bytes of these that the peer acknowledged.
    pub acknowledged_bytes: u64,
    /// Where loss recovery stands: Linux's number of open, disorder, CWR, recovery, loss.
    pub recovery: u32,
    /// Timeouts in a row.
    pub timeouts: u32,
    /// Probes in a row that were not answered.
    pub probes: u32,
    /// Agreed on: timestamps 1, SACK 2, window scale 4, ECN 8; a segment came that could be marked 16; data of a SYN was
    /// acknowledged 32.
    pub options: u32,
    /// How long an acknowledgement waits at present, in microseconds.
    pub acknowledgement_delay_us: u32,
    /// Duplicates that mean a loss.
    pub reordering_segments: u32,
    /// Segments sent and not acknowledged.
    pub unacknowledged_segments: u32,
    /// Of these, received beyond a hole.
    pub sacked_segments: u32,
    /// Of these, taken for lost.
    pub lost_segments: u32,
    /// Of these, sent again and on their way.
    pub resent_segments: u32,
    /// Milliseconds since data was sent.
    pub since_sent_ms: u32,
    /// Milliseconds since data arrived.
    pub since_received_ms: u32,
    /// Milliseconds since anything acceptable arrived.
    pub since_heard_ms: u32,
    /// Bytes of IP packet that the path carries.
    pub path_mtu_bytes: u32,
    /// Smallest round trip in microseconds; `u32::MAX` before the first.
    pub round_trip_least_us: u32,
    /// Bytes that were written and not sent.
    pub unsent_bytes: u32,
    /// Bytes that may wait for the reader in the worker.
    pub receive_buffer_bytes: u32,
    /// Bytes of the largest segment that the peer sent, without options.
    pub seen_segment_bytes: u32,
    /// Bytes a second that are let out at most; all ones for no bound.
    pub pacing_rate: u64,
    /// How often the timeout was doubled.
    pub backoff: u8,
    /// How far the peer's window is shifted.
    pub send_window_shift: u8,
    /// How far ours is.
    pub receive_window_shift: u8,
    /// Why data did not go with the SYN: Linux's number.
    pub fast_open_failure: u8,
    /// What was agreed on about congestion notification: Linux's number.
    pub ecn_mode: u8,
    /// Whether options of AccECN come: Linux's number.
    pub ecn_option_seen: u8,
    /// What of AccECN failed: Linux's bits.
    pub ecn_failures: u8,
    /// Of ours that arrived: marked segments, bytes as ECT(1), as ECT(0), marked bytes.
    pub ecn_delivered: [u32; 4],
    /// The same of what was received.
    pub ecn_received: [u32; 4],
}

impl Info {
    /// Its pages.
    pub fn pages(&self) -> [[u64; PAGE_WORDS]; PAGES] {
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        [
            [
                two(self.state, self.retransmissions),
                two(self.round_trip_us, self.round_trip_variation_us),
                two(self.retransmission_timeout_us, self.send_queue_bytes),
                two(
                    self.congestion_window_bytes,
                    self.slow_start_threshold_bytes,
                ),
                two(self.send_window_bytes, self.receive_window_bytes),
            ],
            [
                two(self.send_segment_bytes, self.receive_segment_bytes),
                u64::from(self.receive_queue_bytes),
                self.received_bytes,
                self.sent_bytes,
                self.acknowledged_bytes,
            ],
            [
                two(self.recovery, self.timeouts),
                two(self.probes, self.options),
                two(self.acknowledgement_delay_us, self.reordering_segments),
                two(self.unacknowledged_segments, self.sacked_segments),
                two(self.lost_segments, self.resent_segments),
            ],
            [
                two(self.since_sent_ms, self.since_received_ms),
                two(self.since_heard_ms, self.path_mtu_bytes),
                two(self.round_trip_least_us, self.unsent_bytes),
                two(self.receive_buffer_bytes, self.seen_segment_bytes),
                self.pacing_rate,
            ],
            self.last_page(),
        ]
    }

    fn last_page(&self) -> [u64; PAGE_WORDS] {
        let pair =
            |at: usize| u64::from(self.ecn_delivered[at]) | u64::from(self.ecn_received[at]) << 32;
        [
            u64::from_le_bytes([
                self.backoff,
                self.send_window_shift,
                self.receive_window_shift,
                self.fast_open_failure,
                self.ecn_mode,
                self.ecn_option_seen,
                self.ecn_failures,
                0,
            ]),
            pair(0),
            pair(1),
            pair(2),
            pair(3),
        ]
    }

    /// The opposite of `pages`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each field is the word's bits that fit it"
    )]
    pub fn from_pages(pages: &[[u64; PAGE_WORDS]; PAGES]) -> Self {
        let low = |word: u64| word as u32;
        let high = |word: u64| (word >> 32) as u32;
        let [
            [first, trips, timeout, congestion, windows],
            second,
            third,
            fourth,
            [few, ecn @ ..],
        ] = *pages;
        let few = few.to_le_bytes();
        let [
            segments,
            queue,
            received_bytes,
            sent_bytes,
            acknowledged_bytes,
        ] = second;
        Self {
            state: low(first),
            retransmissions: high(first),
            round_trip_us: low(trips),
            round_trip_variation_us: high(trips),
            retransmission_timeout_us: low(timeout),
            send_queue_bytes: high(timeout),
            congestion_window_bytes: low(congestion),
            slow_start_threshold_bytes: high(congestion),
            send_window_bytes: low(windows),
            receive_window_bytes: high(windows),
            send_segment_bytes: low(segments),
            receive_segment_bytes: high(segments),
            receive_queue_bytes: low(queue),
            received_bytes,
            sent_bytes,
            acknowledged_bytes,
            recovery: low(third[0]),
            timeouts: high(third[0]),
            probes: low(third[1]),
            options: high(third[1]),
            acknowledgement_delay_us: low(third[2]),
            reordering_segments: high(third[2]),
            unacknowledged_segments: low(third[3]),
            sacked_segments: high(third[3]),
            lost_segments: low(third[4]),
            resent_segments: high(third[4]),
            since_sent_ms: low(fourth[0]),
            since_received_ms: high(fourth[0]),
            since_heard_ms: low(fourth[1]),
            path_mtu_bytes: high(fourth[1]),
            round_trip_least_us: low(fourth[2]),
            unsent_bytes: high(fourth[2]),
            receive_buffer_bytes: low(fourth[3]),
            seen_segment_bytes: high(fourth[3]),
            pacing_rate: fourth[4],
            backoff: few[0],
            send_window_shift: few[1],
            receive_window_shift: few[2],
            fast_open_failure: few[3],
            ecn_mode: few[4],
            ecn_option_seen: few[5],
            ecn_failures: few[6],
            ecn_delivered: ecn.map(low),
            ecn_received: ecn.map(high),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
