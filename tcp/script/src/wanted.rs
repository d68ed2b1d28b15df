//! What assertions see of a connection besides `tcp_info`: TCP_CC_INFO and SO_MEMINFO by Linux's names, RFC 4898 by the
//! MIB's without `tcpEStats`. It is asked for only where code names some of it, since a question takes time.

use crate::info::Info;

/// What some code names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// TCP_CC_INFO.
    pub congestion: bool,
    /// SO_MEMINFO.
    pub memory: bool,
    /// The extended statistics.
    pub statistics: bool,
    /// Fields of `tcp_info` that a connection has only where it counts.
    pub counted: bool,
}

impl Wanted {
    /// By how the names in it begin.
    pub fn of(code: &str) -> Self {
        let has = |beginnings: &[&str]| {
            let mut names = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            names.any(|name| beginnings.iter().any(|begins| name.starts_with(begins)))
        };
        Self {
            congestion: has(&["bbr_", "dctcp_"]),
            memory: has(&["SK_MEMINFO_"]),
            statistics: has(&["Perf", "Path", "Stack", "App", "Info"]),
            counted: has(&COUNTED.map(|(field, _)| field)),
        }
    }
}

impl Info {
    /// The array of SO_MEMINFO, as far as there is one.
    pub fn with_memory(self, array: &[u32]) -> Self {
        let pairs = MEMORY.into_iter().zip(array.iter().copied());
        pairs.fold(self, |info, (name, value)| info.with(name, value))
    }

    /// The fields of `tcp_info` that are objects of the extended statistics.
    pub fn with_counted(self, object: impl Fn(&str) -> Option<u64>) -> Self {
        COUNTED
            .into_iter()
            .fold(self, |info, (field, name)| match object(name) {
                Some(value) => info.with(field, value),
                None => info,
            })
    }

    /// The words of `struct tcp_bbr_info` or of `struct tcp_dctcp_info`, by the algorithm's name.
    pub fn with_congestion(self, name: &str, words: &[u32]) -> Self {
        let names = match name {
            "bbr" => BBR,
            "dctcp" => DCTCP,
            _ => return self,
        };
        let pairs = names.iter().zip(words.iter().copied());
        pairs.fold(self, |info, (name, value)| info.with(name, value))
    }
}

const MEMORY: [&str; 9] = [
    "SK_MEMINFO_RMEM_ALLOC",
    "SK_MEMINFO_RCVBUF",
    "SK_MEMINFO_WMEM_ALLOC",
    "SK_MEMINFO_SNDBUF",
    "SK_MEMINFO_FWD_ALLOC",
    "SK_MEMINFO_WMEM_QUEUED",
    "SK_MEMINFO_OPTMEM",
    "SK_MEMINFO_BACKLOG",
    "SK_MEMINFO_DROPS",
];
/// Fields that are counted where that is asked for, and the objects that the daemon tells them by.
const COUNTED: [(&str, &str); 21] = [
    ("tcpi_segs_out", "PerfSegsOut"),
    ("tcpi_segs_in", "PerfSegsIn"),
    ("tcpi_data_segs_out", "PerfDataSegsOut"),
    ("tcpi_data_segs_in", "PerfDataSegsIn"),
    ("tcpi_busy_time", "InfoBusyTime"),
    ("tcpi_rwnd_limited", "PerfSndLimTimeRwin"),
    ("tcpi_bytes_sent", "PerfDataOctetsOut"),
    ("tcpi_bytes_retrans", "PerfOctetsRetrans"),
    ("tcpi_bytes_acked", "AppThruOctetsAcked"),
    ("tcpi_bytes_received", "AppThruOctetsReceived"),
    ("tcpi_dsack_dups", "StackDSACKDups"),
    ("tcpi_reord_seen", "InfoReordSeen"),
    ("tcpi_rcv_ooopack", "InfoRcvOoopack"),
    ("tcpi_total_rto", "PerfTimeouts"),
    ("tcpi_total_rto_recoveries", "InfoTotalRtoRecoveries"),
    ("tcpi_total_rto_time", "InfoTotalRtoTime"),
    ("tcpi_delivered", "InfoDelivered"),
    ("tcpi_delivery_rate", "InfoDeliveryRate"),
    (
        "tcpi_delivery_rate_app_limited",
        "InfoDeliveryRateAppLimited",
    ),
    ("tcpi_sndbuf_limited", "InfoSndbufLimited"),
    ("tcpi_rcv_rtt", "PathRcvRTT"),
];
const BBR: &[&str] = &[
    "bbr_bw_lo",
    "bbr_bw_hi",
    "bbr_min_rtt",
    "bbr_pacing_gain",
    "bbr_cwnd_gain",
];
/// The first word is two of 16 bits: that it is enabled, and the mark seen last, which not all tell.
const DCTCP: &[&str] = &[
    "dctcp_enabled",
    "dctcp_alpha",
    "dctcp_ab_ecn",
    "dctcp_ab_tot",
];

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn only_what_code_names_is_asked_for() {
        let memory = Wanted {
            memory: true,
            ..Wanted::default()
        };
        assert_eq!(Wanted::of("assert SK_MEMINFO_DROPS == 0"), memory);
        assert_eq!(Wanted::of("assert tcpi_snd_cwnd == 10"), Wanted::default());
        let both = Wanted::of("assert bbr_min_rtt == PerfMinRTT");
        assert!(both.congestion && both.statistics && !both.memory && !both.counted);
        assert!(Wanted::of("assert tcpi_bytes_acked > 1").counted);
    }
}
