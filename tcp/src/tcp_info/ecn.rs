//! What `struct tcp_info` says of explicit congestion notification.

/// Fields by Linux's names, as of Linux 7.0. Counters are those of a connection that has agreed on AccECN, else zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcnInfo {
    /// What was agreed on: nothing 0, the classic kind 1, AccECN 2; 3 while our SYN asks for that.
    pub mode: u8,
    /// Whether the peer's options come: none 0, an empty one 1, with counters 2, zeroed on the way 3.
    pub option_seen: u8,
    /// What failed: ours is not told 1, the peer's is not heard 2, our options get lost 4, the peer's are zeroed 8.
    pub failures: u8,
    /// Segments of ours that the peer received marked.
    pub delivered_ce: u32,
    /// Marked segments received.
    pub received_ce: u32,
    /// Bytes of ours that arrived as ECT(1), ECT(0) and CE.
    pub delivered_bytes: [u32; 3],
    /// Bytes received as ECT(1), ECT(0) and CE.
    pub received_bytes: [u32; 3],
}

impl EcnInfo {
    /// Name, offset, width and value of each field.
    pub(super) fn placed(&self) -> [(&'static str, usize, usize, u64); 9] {
        let [delivered_1, delivered_0, delivered_ce] = self.delivered_bytes.map(u64::from);
        let [received_1, received_0, received_ce] = self.received_bytes.map(u64::from);
        // Bit fields of one word: mode 2, option 2, failures 4, and 24 that nothing is said in.
        let word = self.mode & 3 | (self.option_seen & 3) << 2 | (self.failures & 15) << 4;
        [
            ("tcpi_delivered_ce", 196, 4, u64::from(self.delivered_ce)),
            ("tcpi_received_ce", 248, 4, u64::from(self.received_ce)),
            ("tcpi_delivered_e1_bytes", 252, 4, delivered_1),
            ("tcpi_delivered_e0_bytes", 256, 4, delivered_0),
            ("tcpi_delivered_ce_bytes", 260, 4, delivered_ce),
            ("tcpi_received_e1_bytes", 264, 4, received_1),
            ("tcpi_received_e0_bytes", 268, 4, received_0),
            ("tcpi_received_ce_bytes", 272, 4, received_ce),
            ("tcpi_accecn", 276, 1, u64::from(word)),
        ]
    }
}
