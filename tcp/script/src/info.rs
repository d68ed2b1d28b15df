//! What assertions see of a connection: the fields of `struct tcp_info`, with Linux's names and units.

use coremill_tcp::tcp_info::TcpInfo;

/// Fields by name; a machine that does not know one leaves it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    fields: Vec<(&'static str, u64)>,
}

impl Info {
    /// Nothing known yet.
    pub fn with(mut self, name: &'static str, value: impl Into<u64>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// All that is known.
    pub fn fields(&self) -> &[(&'static str, u64)] {
        &self.fields
    }

    /// What of it the TCP machine knows.
    pub fn of_machine(info: &TcpInfo) -> Self {
        let parted = ["tcpi_scales", "tcpi_fastopen_client_fail"];
        let fields = info.fields();
        let mut known = Self {
            fields: fields.filter(|(name, _)| !parted.contains(name)).collect(),
        };
        known = known.with("tcpi_fastopen_client_fail", info.fast_open_failure);
        if let Some(counted) = info.counted {
            let limited = u8::from(counted.delivery_rate_app_limited);
            known = known.with("tcpi_delivery_rate_app_limited", limited);
        }
        known = known.with("tcpi_snd_wscale", info.scales & 15);
        known.with("tcpi_rcv_wscale", info.scales >> 4)
    }

    /// From the bytes that `getsockopt(TCP_INFO)` gives; fields that an older kernel lacks are left out.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut info = Self::default();
        for (name, at, width) in LAYOUT {
            let Some(field) = bytes.get(at..at + width) else {
                continue;
            };
            let mut whole = [0; 8];
            whole[..width].copy_from_slice(field);
            info.fields.push((name, u64::from_ne_bytes(whole)));
        }
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        info.with("tcpi_snd_wscale", byte(6) & 15)
            .with("tcpi_rcv_wscale", byte(6) >> 4)
            .with("tcpi_delivery_rate_app_limited", byte(7) & 1)
            .with("tcpi_fastopen_client_fail", byte(7) >> 1 & 3)
    }
}

/// Name, offset and width in `struct tcp_info`, but for what is narrower than a byte.
const LAYOUT: [(&str, usize, usize); 64] = [
    ("tcpi_state", 0, 1),
    ("tcpi_ca_state", 1, 1),
    ("tcpi_retransmits", 2, 1),
    ("tcpi_probes", 3, 1),
    ("tcpi_backoff", 4, 1),
    ("tcpi_options", 5, 1),
    ("tcpi_rto", 8, 4),
    ("tcpi_ato", 12, 4),
    ("tcpi_snd_mss", 16, 4),
    ("tcpi_rcv_mss", 20, 4),
    ("tcpi_unacked", 24, 4),
    ("tcpi_sacked", 28, 4),
    ("tcpi_lost", 32, 4),
    ("tcpi_retrans", 36, 4),
    ("tcpi_fackets", 40, 4),
    ("tcpi_last_data_sent", 44, 4),
    ("tcpi_last_ack_sent", 48, 4),
    ("tcpi_last_data_recv", 52, 4),
    ("tcpi_last_ack_recv", 56, 4),
    ("tcpi_pmtu", 60, 4),
    ("tcpi_rcv_ssthresh", 64, 4),
    ("tcpi_rtt", 68, 4),
    ("tcpi_rttvar", 72, 4),
    ("tcpi_snd_ssthresh", 76, 4),
    ("tcpi_snd_cwnd", 80, 4),
    ("tcpi_advmss", 84, 4),
    ("tcpi_reordering", 88, 4),
    ("tcpi_rcv_rtt", 92, 4),
    ("tcpi_rcv_space", 96, 4),
    ("tcpi_total_retrans", 100, 4),
    ("tcpi_pacing_rate", 104, 8),
    ("tcpi_max_pacing_rate", 112, 8),
    ("tcpi_bytes_acked", 120, 8),
    ("tcpi_bytes_received", 128, 8),
    ("tcpi_segs_out", 136, 4),
    ("tcpi_segs_in", 140, 4),
    ("tcpi_notsent_bytes", 144, 4),
    ("tcpi_min_rtt", 148, 4),
    ("tcpi_data_segs_in", 152, 4),
    ("tcpi_data_segs_out", 156, 4),
    ("tcpi_delivery_rate", 160, 8),
    ("tcpi_busy_time", 168, 8),
    ("tcpi_rwnd_limited", 176, 8),
    ("tcpi_sndbuf_limited", 184, 8),
    ("tcpi_delivered", 192, 4),
    ("tcpi_delivered_ce", 196, 4),
    ("tcpi_bytes_sent", 200, 8),
    ("tcpi_bytes_retrans", 208, 8),
    ("tcpi_dsack_dups", 216, 4),
    ("tcpi_reord_seen", 220, 4),
    ("tcpi_rcv_ooopack", 224, 4),
    ("tcpi_snd_wnd", 228, 4),
    ("tcpi_rcv_wnd", 232, 4),
    ("tcpi_rehash", 236, 4),
    ("tcpi_total_rto", 240, 2),
    ("tcpi_total_rto_recoveries", 242, 2),
    ("tcpi_total_rto_time", 244, 4),
    ("tcpi_received_ce", 248, 4),
    ("tcpi_delivered_e1_bytes", 252, 4),
    ("tcpi_delivered_e0_bytes", 256, 4),
    ("tcpi_delivered_ce_bytes", 260, 4),
    ("tcpi_received_e1_bytes", 264, 4),
    ("tcpi_received_e0_bytes", 268, 4),
    ("tcpi_received_ce_bytes", 272, 4),
];
