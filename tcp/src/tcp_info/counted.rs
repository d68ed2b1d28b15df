//! What `struct tcp_info` says of a connection that counts (TCP_STATISTICS, `statistics`).
//!
//! Linux counts these for every connection; here each idle one would pay for them. Not told at all: `rehash`, for no path is
//! chosen by a hash here, and what Linux itself leaves zero.

/// Fields by Linux's names and in its units, counted since the connection was asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountedInfo {
    /// Segments sent.
    pub segs_out: u32,
    /// Segments received.
    pub segs_in: u32,
    /// Of those received, those with payload.
    pub data_segs_in: u32,
    /// Of those sent, those with payload.
    pub data_segs_out: u32,
    /// Microseconds with data that was not acknowledged.
    pub busy_time: u64,
    /// Of these, held back by the peer's window.
    pub rwnd_limited: u64,
    /// With all sent, and a user who waits for room in the send buffer.
    pub sndbuf_limited: u64,
    /// Segments of ours that have arrived, by what acknowledgements say; FIN counts, SYN does not.
    pub delivered: u32,
    /// Bytes a second at which they did, last; one that the user held back counts if it is as high as the last.
    pub delivery_rate: u64,
    /// That rate tells of the user, not of the path.
    pub delivery_rate_app_limited: bool,
    /// Round trip as receiver in microseconds; 0 before the first.
    pub rcv_rtt: u32,
    /// Bytes of payload sent, also again.
    pub bytes_sent: u64,
    /// Bytes of payload sent again.
    pub bytes_retrans: u64,
    /// Sequence numbers of ours that were acknowledged.
    pub bytes_acked: u64,
    /// Sequence numbers received in order.
    pub bytes_received: u64,
    /// Duplicates that the peer told of by D-SACK.
    pub dsack_dups: u32,
    /// Times that segments were seen to be reordered.
    pub reord_seen: u32,
    /// Segments received out of order.
    pub rcv_ooopack: u32,
    /// Retransmission timeouts.
    pub total_rto: u16,
    /// Times that a first of them came, after all was well.
    pub total_rto_recoveries: u16,
    /// Milliseconds until what they took for lost was repaired.
    pub total_rto_time: u32,
}

impl CountedInfo {
    /// Name, offset, width and value of each field.
    pub(super) fn placed(&self) -> [(&'static str, usize, usize, u64); 20] {
        let wide = u64::from;
        [
            ("tcpi_rcv_rtt", 92, 4, wide(self.rcv_rtt)),
            ("tcpi_bytes_acked", 120, 8, self.bytes_acked),
            ("tcpi_bytes_received", 128, 8, self.bytes_received),
            ("tcpi_segs_out", 136, 4, wide(self.segs_out)),
            ("tcpi_segs_in", 140, 4, wide(self.segs_in)),
            ("tcpi_data_segs_in", 152, 4, wide(self.data_segs_in)),
            ("tcpi_data_segs_out", 156, 4, wide(self.data_segs_out)),
            ("tcpi_delivery_rate", 160, 8, self.delivery_rate),
            ("tcpi_busy_time", 168, 8, self.busy_time),
            ("tcpi_rwnd_limited", 176, 8, self.rwnd_limited),
            ("tcpi_sndbuf_limited", 184, 8, self.sndbuf_limited),
            ("tcpi_delivered", 192, 4, wide(self.delivered)),
            ("tcpi_bytes_sent", 200, 8, self.bytes_sent),
            ("tcpi_bytes_retrans", 208, 8, self.bytes_retrans),
            ("tcpi_dsack_dups", 216, 4, wide(self.dsack_dups)),
            ("tcpi_reord_seen", 220, 4, wide(self.reord_seen)),
            ("tcpi_rcv_ooopack", 224, 4, wide(self.rcv_ooopack)),
            ("tcpi_total_rto", 240, 2, self.total_rto.into()),
            (
                "tcpi_total_rto_recoveries",
                242,
                2,
                self.total_rto_recoveries.into(),
            ),
            ("tcpi_total_rto_time", 244, 4, wide(self.total_rto_time)),
        ]
    }
}
